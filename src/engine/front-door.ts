import type { DecodeRefusal } from '../codec/decode.ts';
import { patchAttempt } from '../codec/encode.ts';
import { PROTOCOL_VERSION, RETRY_AFTER_MIN_MS, START_BYTES } from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { FrameType } from '../protocol/frame.ts';
import type { Admission } from './admission.ts';
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
  #nowMs = 0;
  #nextHandle = 1;

  constructor(parts: FrontDoorParts) {
    this.#parts = parts;
  }

  /** A START that this version cannot speak is answered; it has a START's size, so the answer is smaller. */
  undecodable(failed: DecodeRefusal, from: Peer, bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#drop(failed.reason, from, bytes);
    const { header, reason } = failed;
    if (header?.type !== FrameType.START || bytes.length !== START_BYTES || header.streamId === 0n) return;
    if (reason === 'version') this.#parts.strangers.refuseVersion(from, header, this.#nowMs);
    else if (reason === 'criticalTlv') this.#parts.strangers.refuseCriticalTlv(from, header, this.#nowMs);
  }

  start(start: AnyStart, key: string, from: Peer, bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    const known = this.#parts.sessions.byStreamId(key, start.streamId);
    if (known !== undefined) {
      known.duplicateStart(start.attempt, bytes.length, this.#nowMs);
      return this.#parts.schedule.settle(known, this.#nowMs);
    }
    const stone = this.#parts.tombstones.find(key, start.streamId, this.#nowMs);
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
      return this.#parts.strangers.refuseVersion(from, start, this.#nowMs);
    }
    const tupleFull = this.#parts.sessions.candidatesFull(key);
    const verdict = this.#parts.admission.judge(start, from, tupleFull, this.#nowMs);
    if (verdict === 'retry') return this.#parts.strangers.retry(from, start, this.#nowMs);
    if (verdict !== 'new' && verdict !== 'proven') {
      this.#drop(verdict, from, bytes);
      if (verdict === 'pendingFull') {
        this.#parts.strangers.refuse(from, start, { errorCode: ErrorCode.BUSY, retryAfterMs: RETRY_AFTER_MIN_MS });
      }
      return;
    }
    const wish = this.#read(start);
    if (typeof wish === 'string') return this.#drop(wish, from, bytes);
    if (tupleFull && !this.#makeRoom(key)) return this.#drop('candidatesFull', from, bytes);
    this.#admit(start, verdict === 'proven', wish, from, key);
  }

  /** Whoever can read at an address comes before those who may only have written its name: the oldest of them leaves. */
  #makeRoom(key: string): boolean {
    const oldest = this.#parts.sessions.ofTuple(key).find(({ state, proven }) => state === 'PendingConfirm' && !proven);
    if (oldest === undefined) return false;
    oldest.endedBy('app.superseded', this.#nowMs);
    this.#parts.schedule.settle(oldest, this.#nowMs);
    return true;
  }

  /** What a START wants; in a secured session that is inside its Noise message. */
  #read(start: AnyStart): Wish | UnreadableStart {
    if (!('handshake' in start)) return { streamName: start.streamName, token: start.token, candidate: undefined };
    return this.#parts.security?.read(start) ?? 'notAuthentic';
  }

  #admit(start: AnyStart, proven: boolean, { streamName, token, candidate }: Wish, peer: Peer, key: string): void {
    const { streamId, attempt, flags } = start;
    const handle = this.#nextHandle++;
    this.#parts.host.counters.add('handshakesStarted');
    this.#parts.admission.enter(peer.address, this.#nowMs);
    // A tuple whose session is live is sent no second media beside it.
    const fast = this.#parts.sessions.streaming(key) === undefined ? this.#parts.host.fast : undefined;
    const redeemed = fast?.redeem({ flags, token }, peer, this.#nowMs);
    const session = new ResponderSession(
      this.#parts.host,
      { handle, peer, tupleKey: key, streamId, attempt, proven, streamName, redeemed, security: candidate },
      this.#nowMs,
    );
    this.#parts.sessions.add(session);
    this.#parts.schedule.settle(session, this.#nowMs);
  }

  #drop(reason: DropReason, from: Peer, bytes: Uint8Array): void {
    drop(this.#parts.host, reason, from, bytes.length);
  }
}
