import type { HostName } from '../world-event.ts';
import type { Tuple } from './camera-record.ts';
import type { SeenDatagram } from './seen-datagram.ts';

/**
 * Why a host does something: the last input that it was seen to take in this turn. `timer` stands for every input that cannot be
 * seen; `batch` for all that waited while the host stood still.
 */
export class Cause {
  host: HostName | undefined;
  kind: 'datagram' | 'asked' | 'batch' = 'asked';
  seen: SeenDatagram | undefined;
  /** Where a datagram came from; of the camera only. */
  tuple: Tuple | undefined;
  /** A timer of the host was due when it took the input: what it does then may be the timer's. */
  timerDue = false;
  /** Answers sent so far. */
  answers = 0;
  #turn = -1;

  /** A host takes an input now. */
  begin(host: HostName, turn: number, kind: Cause['kind']): void {
    this.host = host;
    this.kind = kind;
    this.seen = undefined;
    this.tuple = undefined;
    this.timerDue = false;
    this.answers = 0;
    this.#turn = turn;
  }

  /** What the given host acts on in the given turn. */
  of(host: HostName, turn: number): Cause['kind'] | 'timer' {
    return this.host === host && this.#turn === turn ? this.kind : 'timer';
  }
}
