import type { DecodeRefusal } from '../codec/decode.ts';
import { patchAttempt } from '../codec/encode.ts';
import { PROTOCOL_VERSION, RETRY_AFTER_MIN_MS, START_BYTES } from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { FrameType } from '../protocol/frame.ts';
import type { Admission, AdmittedStart } from './admission.ts';
import type { DropReason } from './counters.ts';
import type { Peer } from './io-types.ts';
import type { ResponderHost } from './responder-host.ts';
import type { AnyStart, ResponderSecurity, UnreadableStart, Wish } from './responder-security.ts';
import { ResponderSession } from './responder-session.ts';
import { drop, sendControl } from './session-host.ts';
import type { SessionSchedule } from './session-schedule.ts';
import type { SessionTable } from './session-table.ts';
import type { StrangerAnswers } from './stranger-answers.ts';
import type { Tombstones } from './tombstones.ts';

/** What of an endpoint a START may come to. */
export interface FrontDoorParts {
  readonly host: ResponderHost;
  readonly admission: Admission;
  readonly sessions: SessionTable;
  readonly tombstones: Tombstones;
  readonly schedule: SessionSchedule;
  readonly strangers: StrangerAnswers;
  /** Absent in mode `none`. */
  readonly security: ResponderSecurity | undefined;
}

/** Where STARTs arrive: copies go to their session, strangers through admission (docs/PROTOCOL.md, section 6). */
export class FrontDoor {
  readonly #parts: FrontDoorParts;
  #nextHandle = 1;

  constructor(parts: FrontDoorParts) {
    this.#parts = parts;
  }

  /** A START that this version cannot speak is answered; it has a START's size, so the answer is smaller. */
  undecodable(failed: DecodeRefusal, from: Peer, bytes: Uint8Array, nowMs: number): void {
    this.#drop(failed.reason, from, bytes);
    const { header, reason } = failed;
    if (header?.type !== FrameType.START || bytes.length !== START_BYTES || header.streamId === 0n) return;
    if (reason === 'version') this.#parts.strangers.refuseVersion(from, header, nowMs);
    else if (reason === 'criticalTlv') this.#parts.strangers.refuseCriticalTlv(from, header, nowMs);
  }

  start(start: AnyStart, key: string, from: Peer, bytes: Uint8Array, nowMs: number): void {
    const known = this.#parts.sessions.byStreamId(key, start.streamId);
    if (known !== undefined) {
      known.duplicateStart(start.attempt, bytes.length, nowMs);
      return this.#parts.schedule.settle(known, nowMs);
    }
    const stone = this.#parts.tombstones.find(key, start.streamId, nowMs);
    if (stone !== undefined) {
      this.#drop('tombstone', from, bytes);
      if (stone !== 'silent') {
        const again = stone.slice();
        patchAttempt(again, start.attempt, this.#parts.host.handshakeTrailer);
        sendControl(this.#parts.host, from, again);
      }
      return;
    }
    if (!start.versions.includes(PROTOCOL_VERSION)) {
      this.#drop('versionUnsupported', from, bytes);
      return this.#parts.strangers.refuseVersion(from, start, nowMs);
    }
    const tupleFull = this.#parts.sessions.candidatesFull(key);
    const verdict = this.#parts.admission.judge(start, from, tupleFull, nowMs);
    if (verdict === 'retry') return this.#parts.strangers.retry(from, start, nowMs);
    if (verdict !== 'new' && verdict !== 'proven') {
      this.#drop(verdict, from, bytes);
      if (verdict === 'pendingFull') {
        this.#parts.strangers.refuse(from, start, { errorCode: ErrorCode.BUSY, retryAfterMs: RETRY_AFTER_MIN_MS });
      }
      return;
    }
    const wish = this.#read(start);
    if (typeof wish === 'string') return this.#drop(wish, from, bytes);
    if (tupleFull && !this.#makeRoom(key, nowMs)) return this.#drop('candidatesFull', from, bytes);
    this.#admit(start, wish, { proven: verdict === 'proven', peer: from, tupleKey: key }, nowMs);
  }

  /** Whoever can read at an address comes before those who may only have written its name: the oldest of them leaves. */
  #makeRoom(key: string, nowMs: number): boolean {
    const oldest = this.#parts.sessions.ofTuple(key).find(({ state, proven }) => state === 'PendingConfirm' && !proven);
    if (oldest === undefined) return false;
    oldest.endedBy('app.superseded', nowMs);
    this.#parts.schedule.settle(oldest, nowMs);
    return true;
  }

  /** What a START wants; in a secured session that is inside its Noise message. */
  #read(start: AnyStart): Wish | UnreadableStart {
    if (!('handshake' in start)) return { streamName: start.streamName, token: start.token, candidate: undefined };
    return this.#parts.security?.read(start) ?? 'notAuthentic';
  }

  #admit(
    { streamId, attempt, flags }: AnyStart,
    { streamName, token, candidate }: Wish,
    from: Pick<AdmittedStart, 'proven' | 'peer' | 'tupleKey'>,
    nowMs: number,
  ): void {
    const handle = this.#nextHandle++;
    this.#parts.host.counters.add('handshakesStarted');
    this.#parts.admission.enter(from.peer.address, nowMs);
    const { fast } = this.#parts.host;
    // A tuple whose session is live is sent no second media beside it.
    const mayBeFast = fast !== undefined && this.#parts.sessions.streaming(from.tupleKey) === undefined;
    const session = new ResponderSession(this.#parts.host, {
      handle,
      peer: from.peer,
      tupleKey: from.tupleKey,
      proven: from.proven,
      streamId,
      attempt,
      streamName,
      redeemed: mayBeFast ? fast.redeem({ flags, token }, from.peer, nowMs) : undefined,
      security: candidate,
    });
    session.begin(nowMs);
    this.#parts.sessions.add(session);
    this.#parts.schedule.settle(session, nowMs);
  }

  #drop(reason: DropReason, from: Peer, bytes: Uint8Array): void {
    drop(this.#parts.host, reason, from, bytes.length);
  }
}
