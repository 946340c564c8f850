import { type DecodeResult, decodeFrame } from '../codec/decode.ts';
import { encodeFrame, patchAttempt } from '../codec/encode.ts';
import { decodeNack } from '../media/rtcp.ts';
import {
  CONTROL_FIRST_BYTE,
  DATAGRAM_BYTES_STEPS,
  MEDIA_FIRST_BYTE_MAX,
  MEDIA_FIRST_BYTE_MIN,
  PROTOCOL_VERSION,
  RETRY_AFTER_MIN_MS,
  START_BYTES,
} from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { type ErrorFrame, type Frame, FrameType, type StartFrame } from '../protocol/frame.ts';
import type { Profile } from '../protocol/profiles.ts';
import { resetToken } from '../security/reset-token.ts';
import { Admission, type AdmissionLimits, defaultAdmissionLimits } from './admission.ts';
import { Counters, type DropReason, type HintName } from './counters.ts';
import { failAsk } from './exchanges.ts';
import type { Entropy, ExchangeInput, Peer, ResponderInput, ResponderOutput, SessionHandle } from './io-types.ts';
import { ConfirmProof } from './media-gate.ts';
import { Random } from './random.ts';
import { type ResponderHost, ResponderSession } from './responder-session.ts';
import { drop, sendControl, traceFrame } from './session-host.ts';
import { SessionTable } from './session-table.ts';
import { Tombstones } from './tombstones.ts';
import { WakeQueue } from './wake-queue.ts';

/** What a responder's endpoint is made of. */
export interface ResponderEndpointOptions {
  readonly profile: Profile;
  readonly entropy: Entropy;
  /** 32 bytes; kept over restarts, so that RESET reaches viewers of the process before. Default: drawn. */
  readonly resetKey?: Uint8Array;
  readonly limits?: Partial<AdmissionLimits>;
  /** NACKs are answered; default true. */
  readonly repair?: boolean;
  /** First datagram size of media in bytes, one of 1200, 600, 296; default 1200. */
  readonly datagramBytesMax?: number;
  /** Emit trace outputs; default false. */
  readonly trace?: boolean;
}

/**
 * One socket of a camera: routes datagrams to sessions, admits strangers, keeps the limits. No sockets, no clock: `step` takes
 * an input and the time and returns what is to be done.
 */
export class ResponderEndpoint {
  readonly counters = new Counters();
  readonly #admission: Admission;
  readonly #sessions = new SessionTable();
  readonly #tombstones = new Tombstones();
  readonly #wakes = new WakeQueue();
  readonly #host: ResponderHost;
  #outputs: ResponderOutput[] = [];
  #nowMs = 0;
  #nextHandle = 1;

  constructor(options: ResponderEndpointOptions) {
    const random = new Random(options.entropy);
    this.#admission = new Admission({ ...defaultAdmissionLimits, ...options.limits }, random);
    this.#host = {
      profile: options.profile,
      random,
      counters: this.counters,
      trace: options.trace ?? false,
      resetKey: options.resetKey ?? random.bytes(32),
      repair: options.repair ?? true,
      datagramBytesMax: options.datagramBytesMax ?? DATAGRAM_BYTES_STEPS[0],
      emit: (output) => this.#outputs.push(output),
      claimTag: (session) => {
        for (;;) {
          const tag = random.id();
          if (this.#sessions.claimTag(tag, session)) return tag;
        }
      },
      supersedeOlder: (session) => {
        for (const older of this.#sessions.ofTuple(session.tupleKey)) {
          if (older === session) continue;
          // A candidate older than the one that was confirmed is one that the viewer gave up: its START_CONFIRM may still
          // be on the way and must not take the tuple back. Handles ascend.
          if (older.pending && older.handle > session.handle) continue;
          older.superseded(this.#nowMs);
          this.#wakes.update(older);
        }
      },
      leaveTombstone: (session, error, keepMs) =>
        this.#tombstones.add(session.tupleKey, session.streamId, error, keepMs, this.#nowMs),
      leftPending: (session) => this.#admission.leave(session.peer.address),
      leaveFeed: (session, feed) => this.#sessions.leaveFeed(feed, session),
      forget: (session) => this.#sessions.remove(session),
    };
  }

  /** Sessions in all states. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Half-open sessions. */
  get pendingCount(): number {
    return this.#admission.pending;
  }

  /** (tuple, StreamId) pairs that are remembered as over. */
  get tombstoneCount(): number {
    return this.#tombstones.size;
  }

  /** When the next `timeout` input is due; may be early, never late; Infinity for never. */
  deadlineMs(): number {
    return this.#wakes.earliestMs();
  }

  /** Handles one input at a time that never goes back. The returned array is the caller's. */
  step(input: ResponderInput, nowMs: number): readonly ResponderOutput[] {
    this.#nowMs = nowMs;
    switch (input.kind) {
      case 'datagram':
        this.#datagram(input.bytes, input.from);
        break;
      case 'timeout':
        this.#timeout();
        break;
      case 'reserved': {
        const session = this.#sessions.byHandle(input.session);
        if (session === undefined) {
          this.#host.emit({ kind: 'release', session: input.session });
        } else {
          session.reserved(input.feed, input.sdp, nowMs);
          if (session.feed !== undefined) this.#sessions.joinFeed(session.feed, session);
          this.#wakes.update(session);
        }
        break;
      }
      case 'refused': {
        const session = this.#sessions.byHandle(input.session);
        if (session !== undefined) {
          session.refused(input.code, input.retryAfterMs, input.reason, nowMs);
          this.#wakes.update(session);
        }
        break;
      }
      case 'media':
        for (const session of this.#sessions.ofFeed(input.feed)) {
          if (session.feed !== input.feed) continue;
          session.mediaAvailable(nowMs);
          this.#wakes.update(session);
        }
        break;
      case 'refresh':
      case 'exchange': {
        const session = this.#sessions.byHandle(input.session);
        if (session === undefined) {
          if (input.kind === 'exchange') this.#exchangeWithNobody(input.session, input.input);
          break;
        }
        if (input.kind === 'refresh') session.refresh(nowMs);
        else session.exchange(input.input, nowMs);
        this.#wakes.update(session);
        break;
      }
      case 'close':
        for (const session of this.#sessions.all()) {
          if (input.session !== undefined && session.handle !== input.session) continue;
          session.close(input.code, input.reason, nowMs);
          this.#wakes.update(session);
        }
        break;
      case 'sendFailed':
        this.#sendFailed(input.to, input.hint, input.bytes);
        break;
      case 'socketFailed':
        for (const session of this.#sessions.all()) {
          session.socketFailed(nowMs);
          this.#wakes.update(session);
        }
        break;
    }
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #datagram(bytes: Uint8Array, from: Peer): void {
    this.counters.add('datagramsReceived');
    this.counters.add('bytesReceived', bytes.length);
    const first = bytes[0] ?? 0;
    if (first >= MEDIA_FIRST_BYTE_MIN && first <= MEDIA_FIRST_BYTE_MAX) return this.#feedback(bytes, from);
    if (first !== CONTROL_FIRST_BYTE) return this.#drop('notOurs', from, bytes);
    const decoded = decodeFrame(bytes);
    if (!decoded.ok) return this.#undecodable(decoded, from, bytes);
    const { frame } = decoded;
    if (this.#host.trace) traceFrame(this.#host, 'received', bytes, from);
    switch (frame.type) {
      case FrameType.START:
        return this.#start(frame, from, bytes);
      case FrameType.START_CONFIRM:
      case FrameType.PING:
      case FrameType.PONG:
      case FrameType.BYE:
      case FrameType.BYE_ACK:
      case FrameType.RESET:
      case FrameType.PATH_CHALLENGE:
      case FrameType.PATH_RESPONSE:
      case FrameType.NOTIFY:
      case FrameType.REQUEST:
      case FrameType.RECEIPT:
      case FrameType.RESPONSE:
      case FrameType.CONTINUE:
        return this.#sessionFrame(frame, from, bytes);
      default:
        return this.#drop('unexpectedType', from, bytes);
    }
  }

  /** RTCP from a viewer: only a NACK for the tuple's live session means anything. */
  #feedback(bytes: Uint8Array, from: Peer): void {
    const session = this.#sessions.streaming(tupleKey(from));
    if (session === undefined) return this.#drop('noSession', from, bytes);
    const sequences = decodeNack(bytes, session.ssrc);
    if (sequences === undefined) return this.#drop('rtcpUnknown', from, bytes);
    session.nack(sequences, this.#nowMs);
    this.#wakes.update(session);
  }

  /** A START that this version cannot speak is answered; it has a START's size, so the answer is smaller. */
  #undecodable(failed: DecodeResult & { readonly ok: false }, from: Peer, bytes: Uint8Array): void {
    this.#drop(failed.reason, from, bytes);
    const { header, reason } = failed;
    if (header?.type !== FrameType.START || bytes.length !== START_BYTES || header.streamId === 0n) return;
    if (reason === 'version') this.#refuseVersion(header, from);
    else if (reason === 'criticalTlv' && this.#mayAnswer(from)) {
      this.#refuse(from, header, { errorCode: ErrorCode.UNSUPPORTED_CRITICAL_TLV });
    }
  }

  #start(start: StartFrame, from: Peer, bytes: Uint8Array): void {
    const key = tupleKey(from);
    const known = this.#sessions.byStreamId(key, start.streamId);
    if (known !== undefined) {
      known.duplicateStart(start.attempt, bytes.length, this.#nowMs);
      return this.#wakes.update(known);
    }
    const stone = this.#tombstones.find(key, start.streamId, this.#nowMs);
    if (stone !== undefined) {
      this.#drop('tombstone', from, bytes);
      if (stone !== 'silent') {
        const again = stone.slice();
        patchAttempt(again, start.attempt);
        sendControl(this.#host, from, again);
      }
      return;
    }
    if (!start.versions.includes(PROTOCOL_VERSION)) {
      this.#drop('versionUnsupported', from, bytes);
      return this.#refuseVersion(start, from);
    }
    if (!this.#admission.takeToken(from.address, this.#nowMs)) return this.#drop('prefixRate', from, bytes);
    if (this.#sessions.candidatesFull(key)) return this.#drop('candidatesFull', from, bytes);
    const full = this.#admission.full(from.address);
    if (full !== undefined) {
      this.#drop(full, from, bytes);
      if (full === 'pendingFull') {
        this.#refuse(from, start, { errorCode: ErrorCode.BUSY, retryAfterMs: RETRY_AFTER_MIN_MS });
      }
      return;
    }
    this.#admit(start, from, key);
  }

  #admit(start: StartFrame, peer: Peer, key: string): void {
    const { streamId, attempt, streamName } = start;
    const handle = this.#nextHandle++;
    this.counters.add('handshakesStarted');
    this.#admission.enter(peer.address);
    const session = new ResponderSession(
      this.#host,
      { handle, peer, tupleKey: key, streamId, attempt, streamName },
      this.#nowMs,
    );
    this.#sessions.add(session);
    this.#wakes.update(session);
  }

  #sessionFrame(frame: Frame, from: Peer, bytes: Uint8Array): void {
    const { streamId, sessionTag } = frame;
    const session = this.#sessions.byTag(sessionTag);
    if (session?.streamId !== streamId) return this.#unknownPair(frame, from, bytes);
    const { peer } = session;
    if (peer.address !== from.address || peer.port !== from.port) return this.#drop('otherTuple', from, bytes);
    if (frame.type === FrameType.START_CONFIRM) {
      const proof = ConfirmProof.of({ streamId, sessionTag, tupleKey: tupleKey(from) }, session);
      if (proof === undefined) return this.#drop('wrongTag', from, bytes);
      session.confirmed(proof, bytes.length, this.#nowMs);
    } else {
      session.frame(frame, bytes.length, this.#nowMs);
    }
    this.#wakes.update(session);
  }

  /** Ids that no session has, on any tuple: whoever believes in them is told so, at most as fast as strangers are. */
  #unknownPair(frame: Frame, from: Peer, bytes: Uint8Array): void {
    const { streamId, sessionTag } = frame;
    const streamIdKnown = this.#sessions.byStreamId(tupleKey(from), streamId) !== undefined;
    this.#drop(streamIdKnown ? 'wrongTag' : 'noSession', from, bytes);
    if (frame.type !== FrameType.START_CONFIRM && frame.type !== FrameType.PING && frame.type !== FrameType.BYE) return;
    if (!this.#mayAnswer(from)) return;
    this.counters.add('resetsSent');
    const token = resetToken(this.#host.resetKey, streamId, sessionTag);
    const reset = encodeFrame({
      type: FrameType.RESET,
      flags: 0,
      streamId,
      sessionTag,
      attempt: 0,
      resetToken: token,
      errorCode: ErrorCode.NO_SESSION,
    });
    sendControl(this.#host, from, reset);
  }

  /** A token of the stranger's prefix for an answer; without one the answer is withheld and counted. */
  #mayAnswer(from: Peer): boolean {
    const allowed = this.#admission.takeToken(from.address, this.#nowMs);
    if (!allowed) this.counters.add('answersWithheld');
    return allowed;
  }

  #refuseVersion(start: StartIds, from: Peer): void {
    if (!this.#mayAnswer(from)) return;
    this.#refuse(from, start, { errorCode: ErrorCode.UNSUPPORTED_VERSION, versions: [PROTOCOL_VERSION] });
  }

  /** An ERROR without any state. */
  #refuse(to: Peer, start: StartIds, body: Pick<ErrorFrame, 'errorCode' | 'versions' | 'retryAfterMs'>): void {
    const { streamId, attempt } = start;
    sendControl(
      this.#host,
      to,
      encodeFrame({ type: FrameType.ERROR, flags: 0, streamId, sessionTag: 0n, attempt, ...body }),
    );
  }

  #sendFailed(to: Peer, hint: HintName, bytes: number): void {
    this.counters.hint(hint);
    if (hint !== 'EMSGSIZE') return;
    const session = this.#sessions.streaming(tupleKey(to));
    if (session === undefined) return;
    session.tooLarge(bytes, this.#nowMs);
    this.#wakes.update(session);
  }

  #timeout(): void {
    for (;;) {
      const due = this.#wakes.takeDue(this.#nowMs);
      if (due === undefined) return;
      const session = due as ResponderSession;
      session.timeout(this.#nowMs);
      this.#wakes.update(session);
    }
  }

  #exchangeWithNobody(session: SessionHandle, input: ExchangeInput): void {
    if (input.kind !== 'ask' && input.kind !== 'continue') return;
    const { counters } = this;
    failAsk({ session, count: (name) => counters.add(name), emit: (output) => this.#host.emit(output) }, input.call);
  }

  #drop(reason: DropReason, from: Peer, bytes: Uint8Array): void {
    drop(this.#host, reason, from, bytes.length);
  }
}

type StartIds = Pick<StartFrame, 'streamId' | 'attempt'>;

/** A tuple's key on one socket: the remote end. */
function tupleKey(peer: Peer): string {
  return `${peer.address} ${peer.port}`;
}
