import { CONTROL_FIRST_BYTE, HEADER_BYTES } from '../protocol/constants.ts';
import { FrameType } from '../protocol/frame.ts';
import { halfSipHash } from '../security/half-siphash.ts';
import type { Peer } from './io-types.ts';

const TYPE_AT = 2;
/** First byte of the SessionTag, which names a worker. */
const WORKER_AT = 12;
/** Longest address that the operating system prints, with its zone, and a port; what is longer is cut. */
const TUPLE_BYTES_MAX = 66;

/**
 * Chooses the worker that a datagram is for, by nothing but its first bytes and where it comes from: a frame of a session goes to
 * the worker that its tag names, from whatever tuple it comes; everything else goes to the tuple's worker. That is the one with its
 * live session, or, while it has none, one that a keyed hash chooses, so that copies of a START meet.
 */
export class WorkerRouter {
  readonly #key: Uint8Array;
  readonly #up: boolean[];
  /** Workers of live sessions: an entry for each, at most. */
  readonly #live = new Map<string, number>();
  /** One for each length, as a view of a part would have to be made each time. */
  readonly #texts = new Map<number, Uint8Array>();

  /** @param workers all are down at first. @param key 8 random bytes. */
  constructor(workers: number, key: Uint8Array) {
    this.#up = new Array<boolean>(workers).fill(false);
    this.#key = key;
  }

  /** Tuples with a live session. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** Whether a worker takes datagrams. */
  isUp(worker: number): boolean {
    return this.#up[worker] === true;
  }

  /** A worker is ready, or has died: its live sessions are forgotten. */
  setUp(worker: number, up: boolean): void {
    this.#up[worker] = up;
    if (up) return;
    for (const [tuple, owner] of this.#live) if (owner === worker) this.#live.delete(tuple);
  }

  /** A tuple's session lives in a worker from now on. @returns the worker that had one on this tuple before, if another did. */
  live(peer: Peer, worker: number): number | undefined {
    const tuple = tupleText(peer);
    const before = this.#live.get(tuple);
    this.#live.set(tuple, worker);
    return before === worker ? undefined : before;
  }

  /** The worker's session of this tuple is over; another worker's stays. */
  gone(peer: Peer, worker: number): void {
    const tuple = tupleText(peer);
    if (this.#live.get(tuple) === worker) this.#live.delete(tuple);
  }

  /** The worker with the tuple's live session. */
  liveOn(peer: Peer): number | undefined {
    return this.#live.size === 0 ? undefined : this.#live.get(tupleText(peer));
  }

  /** The worker that a datagram is for; `undefined` when it is for one that is down. */
  route(bytes: Uint8Array, from: Peer): number | undefined {
    const worker = this.#ofSession(bytes) ?? this.liveOn(from) ?? this.homeOf(from);
    return worker !== undefined && this.#up[worker] === true ? worker : undefined;
  }

  /** The worker of a tuple without a session; `undefined` when all are down. The next one stands in for one that is. */
  homeOf(from: Peer): number | undefined {
    const count = this.#up.length;
    const home = halfSipHash(this.#key, this.#textOf(from)) % count;
    for (let step = 0; step < count; step++) {
      const worker = (home + step) % count;
      if (this.#up[worker] === true) return worker;
    }
    return undefined;
  }

  /** The worker that the tag of a control frame names; one that there is not names none. */
  #ofSession(bytes: Uint8Array): number | undefined {
    if (bytes.length < HEADER_BYTES || bytes[0] !== CONTROL_FIRST_BYTE || bytes[TYPE_AT] === FrameType.START) {
      return undefined;
    }
    const named = bytes[WORKER_AT] ?? 0;
    return named < this.#up.length ? named : undefined;
  }

  /** Valid until the next call. */
  #textOf({ address, port }: Peer): Uint8Array {
    const length = Math.min(address.length + 2, TUPLE_BYTES_MAX);
    let text = this.#texts.get(length);
    if (text === undefined) {
      text = new Uint8Array(length);
      this.#texts.set(length, text);
    }
    text[0] = port;
    text[1] = port >>> 8;
    for (let at = 2; at < length; at++) text[at] = address.charCodeAt(at - 2);
    return text;
  }
}

function tupleText({ address, port }: Peer): string {
  return `${address} ${port}`;
}
