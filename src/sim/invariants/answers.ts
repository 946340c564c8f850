import { endsWithMac1 } from '../../codec/decode-secured.ts';
import { headerOffset } from '../../codec/header.ts';
import { START_BYTES } from '../../protocol/constants.ts';
import { FrameFlag, FrameType, frameTypeName } from '../../protocol/frame.ts';
import type { HostName } from '../world-event.ts';
import type { Cause } from './cause.ts';
import { type SeenDatagram, sameStreamId } from './seen-datagram.ts';
import type { ViolationLog } from './violation.ts';

/** What may answer what. What is not here is no answer: START, START_CONFIRM, PING, BYE and an exchange's
 * messages are sent on a host's own account. */
const askedBy: Readonly<Record<number, readonly number[]>> = {
  [FrameType.START_ACK]: [FrameType.START],
  [FrameType.ERROR]: [FrameType.START, FrameType.START_CONFIRM],
  [FrameType.READY]: [FrameType.START_CONFIRM],
  [FrameType.PONG]: [FrameType.PING],
  [FrameType.BYE_ACK]: [FrameType.BYE],
  [FrameType.PATH_RESPONSE]: [FrameType.PATH_CHALLENGE],
  [FrameType.RESET]: [FrameType.START_CONFIRM, FrameType.PING, FrameType.BYE],
  [FrameType.RETRY]: [FrameType.START],
  [FrameType.RECEIPT]: [FrameType.REQUEST, FrameType.CONTINUE],
};

/**
 * S12: no answer to an answer, at most one answer to a datagram, and none without one. S2: an answer to an address that did not
 * confirm is not larger than its cause.
 */
export class Answers {
  readonly #log: ViolationLog;

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  /** A host sends a control frame. */
  sent(host: HostName, seen: SeenDatagram, cause: Cause, kind: ReturnType<Cause['of']>): void {
    const asking = askedBy[seen.type];
    // Of what waited while a host stood still any may be the cause.
    if (asking === undefined || kind === 'batch') return;
    const name = frameTypeName(seen.type);
    if (kind !== 'datagram' || cause.seen === undefined) {
      // START_ACK and ERROR may wait for the application.
      const waited = host === 'camera' && (seen.type === FrameType.START_ACK || seen.type === FrameType.ERROR);
      if (!waited) this.#log.report('S12', `${name} without a datagram that it answers`);
      return;
    }
    const to = cause.seen;
    const undecodable = to.type === 0 && seen.type === FrameType.ERROR && to.bytes.length === START_BYTES;
    // Of a sealed frame whose ids nobody has, nobody can tell whether it is what it says.
    const asked = to.type === 0 && seen.type === FrameType.RESET ? sealedType(to.bytes) : to.type;
    if (!undecodable && (!asking.includes(asked) || !sameStreamId(to.bytes, seen.bytes))) {
      this.#log.report('S12', `${name} answers ${frameTypeName(to.type) ?? 'what is no frame'}`);
    }
    if (++cause.answers > 1) this.#log.report('S12', `${name} is the ${cause.answers}. answer to one datagram`);
    if ((cause.tuple?.confirmed ?? 1) === 0 && seen.bytes.length > to.bytes.length) {
      this.#log.report('S2', `${name} of ${seen.bytes.length} bytes answers ${to.bytes.length} bytes`);
    }
  }
}

/** The type that a sealed frame says it is, 0 for any other. */
function sealedType(bytes: Uint8Array): number {
  const type = bytes[headerOffset.type] ?? 0;
  const secured = ((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0;
  return secured && !endsWithMac1(type) ? type : 0;
}
