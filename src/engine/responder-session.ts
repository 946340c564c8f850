import type { ResponderContext, ResponderEvent, ResponderState } from '../../machines/index.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import { TOMBSTONE_MS } from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { type Frame, FrameType } from '../protocol/frame.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import { resetToken } from '../security/reset-token.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import type { AdmittedStart } from './admission.ts';
import { wireCode, wireReason, wireSdp } from './application-input.ts';
import type { DropReason } from './counters.ts';
import { TokenOffer } from './fast-start.ts';
import type { ExchangeInput, Peer, SessionHandle } from './io-types.ts';
import type { ConfirmProof } from './media-gate.ts';
import type { MediaOutlet } from './media-outlet.ts';
import { NO_SLOT } from './media-wheel.ts';
import type { PathProof, PathValidation } from './path-validation.ts';
import { type PendingRecord, pendingRecord } from './pending-table.ts';
import { ResponderAnswers } from './responder-answers.ts';
import type { ResponderHost } from './responder-host.ts';
import { ResponderMedia } from './responder-media.ts';
import { responderPath } from './responder-path.ts';
import { closedReport, reserveReport, streamingReport, wordsOf } from './responder-reports.ts';
import type { CandidateSecurity, ConfirmFrame } from './responder-security.ts';
import { responderTimer } from './responder-timers.ts';
import { SessionCore } from './session-core.ts';
import { drop } from './session-host.ts';
import type { Sleeper } from './sleeper-wheel.ts';
import { responderTable } from './tables.ts';
import { samePeer } from './tuple.ts';

const NO_TOKEN = new Uint8Array(0);
const initialContext = responderTable.initialContext(undefined);

/** One viewer's session on a camera: gives the outputs of the responder's machine their meaning. */
export class ResponderSession implements Sleeper {
  queuedAtMs = Number.POSITIVE_INFINITY;
  queuedBefore: Sleeper | undefined;
  queuedAfter: Sleeper | undefined;
  /** Its place in the table of sessions, its record there, and its place among those kept awake; all are the table's, -1 for none. */
  slot = -1;
  record = -1;
  awakePlace = -1;
  mediaSlot = NO_SLOT;
  readonly handle: SessionHandle;
  tupleKey: string;
  /** Its START came with a good cookie. */
  readonly proven: boolean;
  /** Absent in mode `none`. */
  readonly security: CandidateSecurity | undefined;
  readonly #host: ResponderHost;
  readonly #core: SessionCore;
  readonly #answers: ResponderAnswers;
  // The table is stepped here and not by a MachineDriver: of 100,000 sessions each would have one, and a closure for it.
  #state = responderTable.initialState;
  #context: ResponderContext = initialContext;
  /** Until the application is asked. */
  #streamName: string | undefined;
  #attempt: number;
  ssrc = 0;
  readonly #media: ResponderMedia;
  /** Absent where the camera does not allow fast mode. */
  readonly #offer: TokenOffer | undefined;
  #sdp: string | undefined;
  #proof: ConfirmProof | undefined;
  /** From the first frame on that came from elsewhere. */
  #path: PathValidation | undefined;
  #peerWords = wordsOf(undefined);
  #wasStreaming = false;

  constructor(host: ResponderHost, start: AdmittedStart) {
    this.#host = host;
    this.handle = start.handle;
    this.tupleKey = start.tupleKey;
    this.proven = start.proven;
    this.security = start.security;
    this.#attempt = start.attempt;
    this.#streamName = start.streamName;
    this.#media = new ResponderMedia(host, start);
    this.#core = new SessionCore(host, start.peer, start.handle, start.streamId);
    this.#offer = host.fast && new TokenOffer(host.fast, this.#core);
    this.#answers = new ResponderAnswers(this.#core, host.handshakeTrailer, start.security);
  }

  /** Asks the application. */
  begin(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#dispatch({ type: 'admission.admitted' }, 0);
  }

  /** Half-open, with nothing to send and one timer, which its record can have: it need not be an object between inputs. */
  get sleeps(): boolean {
    return this.pending && !this.#media.fastGranted;
  }

  /** All of a session that {@link sleeps}. */
  kept(): PendingRecord {
    const { startAck } = this.#answers;
    const rest = { startAck, ssrc: this.ssrc, attempt: this.#attempt, feed: this.#media.feed, sdp: this.#sdp };
    return pendingRecord(this, this.#core.kept(), rest);
  }

  /** Becomes the session that a record was made of. */
  resume(record: PendingRecord): void {
    this.#state = record.sessionTag === 0n ? 'PendingStartRequest' : 'PendingConfirm';
    this.#core.resume(record);
    this.#answers.resume(record.startAck);
    ({ ssrc: this.ssrc, feed: this.#media.feed, sdp: this.#sdp } = record);
  }

  get state(): ResponderState {
    return this.#state;
  }

  get peer(): Peer {
    return this.#core.peer;
  }

  get streamId(): bigint {
    return this.#core.streamId;
  }

  /** 0 until START_ACK. */
  get sessionTag(): bigint {
    return this.#core.sessionTag;
  }

  get keys(): SessionKeys | undefined {
    return this.#core.keys;
  }

  /** Half-open: counted by the limits of admission. */
  get pending(): boolean {
    return this.state === 'PendingStartRequest' || this.state === 'PendingConfirm';
  }

  deadlineMs(): number {
    // Its record waits for it.
    if (this.record >= 0 && this.sleeps) return Number.POSITIVE_INFINITY;
    return Math.min(this.#core.deadlineMs(), this.#path?.deadlineMs() ?? Number.POSITIVE_INFINITY);
  }

  get outlet(): MediaOutlet | undefined {
    return this.#media.outlet;
  }

  /** A further START with this StreamId. */
  duplicateStart(attempt: number, bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#attempt = attempt;
    this.#media.startReceived(bytes);
    this.#dispatch({ type: 'frame.START' }, bytes);
    this.#pump();
  }

  /** @param proof that the START_CONFIRM has this session's ids and tuple. @param datagram all of it. */
  confirmed(proof: ConfirmProof, frame: ConfirmFrame, datagram: Uint8Array, nowMs: number): void {
    const core = this.#core;
    const bytes = datagram.length;
    core.nowMs = nowMs;
    const admitted = this.security?.admits(frame, datagram, core, () => this.#host.liveSecurity(this.tupleKey)) ?? true;
    if (admitted === 'notAuthentic') return drop(this.#host, admitted, this.peer, bytes);
    core.noteReceived(bytes);
    this.#proof = proof;
    const readyAllowed = this.#answers.readyAllowed(nowMs);
    if (!readyAllowed) drop(this.#host, 'readyRate', this.peer, bytes);
    this.#dispatch({ type: 'frame.START_CONFIRM', admitted, readyAllowed }, bytes);
    this.#proof = undefined;
    this.#pump();
  }

  /** A sealed datagram whose ids are this session's: what is in it counts wherever it comes from. */
  sealed(datagram: Uint8Array, from: Peer, nowMs: number): void {
    const core = this.#core;
    core.nowMs = nowMs;
    const newestBefore = core.newestCounter;
    const opened = core.open(datagram, from);
    if (opened === 'keyLimit') return this.close(ErrorCode.KEY_LIMIT, undefined, nowMs);
    if (opened === undefined) return;
    this.frame(opened, datagram.length, nowMs);
    if (this.state !== 'Streaming' || (this.#path === undefined && samePeer(from, this.peer))) return;
    this.#path ??= responderPath(this.#core, this.#host, (proof) => this.#moveTo(proof));
    this.#path.heard(opened, datagram.length, from, core.newestCounter > newestBefore);
    this.#pump();
  }

  /** Any other frame whose ids are this session's. */
  frame(frame: Frame, bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.noteReceived(bytes);
    this.#take(frame, bytes);
    this.#pump();
  }

  #take(frame: Frame, bytes: number): void {
    if (frame.type === FrameType.BYE) this.#peerWords = wordsOf(frame.reason);
    const { resetKey } = this.#host;
    const token = frame.type === FrameType.RESET ? resetToken(resetKey, this.streamId, this.sessionTag) : NO_TOKEN;
    const event = this.#core.eventOf(frame, bytes, token);
    if (event === undefined) return drop(this.#host, 'unexpectedType', this.peer, bytes);
    if (frame.type !== FrameType.PONG || event.type !== 'frame.PONG') return this.#dispatch(event, bytes);
    const { nowMs } = this.#core;
    const pathOk = !event.nonceKnown || this.#media.pong(frame.nonce, frame.datagramBytesMax, nowMs);
    this.#dispatch(event, bytes);
    if (!pathOk) this.close(ErrorCode.MTU_TOO_SMALL, undefined, nowMs);
  }

  /** What the application wants of exchanges. */
  exchange(input: ExchangeInput, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.takeExchange(input, this.state === 'Streaming');
  }

  /** RTCP: neither consent nor a sign of life. @returns why it has no effect. */
  feedback(datagram: Uint8Array, nowMs: number): DropReason | undefined {
    this.#core.nowMs = nowMs;
    const reason = this.#media.feedback(datagram, nowMs);
    this.#pump();
    return reason;
  }

  /** The application's yes. */
  reserved(feed: StreamFeed, sdp: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    if (this.state !== 'PendingStartRequest') return;
    this.#sdp = wireSdp(sdp);
    this.#media.feed = feed;
    this.#dispatch({ type: 'app.reserved', fastGranted: this.#media.fastGranted }, 0);
    this.#media.openFast(this, nowMs);
    this.#pump();
  }

  /** The application's no. */
  refused(code: number, retryAfterMs: number | undefined, reason: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#answers.explain(retryAfterMs, reason);
    this.#dispatch({ type: 'app.refused', code: wireCode(code) }, 0);
  }

  refresh(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#media.refreshGroup(nowMs);
    this.#pump();
  }

  /** Something of its feed is due, or may be. @returns how many datagrams left. */
  mediaDue(nowMs: number): number {
    this.#core.nowMs = nowMs;
    return this.#pump();
  }

  close(code: number, reason: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.byeReason ??= wireReason(reason);
    this.#dispatch({ type: 'app.close', code: wireCode(code) }, 0);
  }

  /** A candidate is kept until then at most. */
  hurry(untilMs: number): void {
    const { deadlines } = this.#core;
    if (this.state === 'PendingConfirm') deadlines.arm('pending', Math.min(deadlines.at('pending'), untilMs));
  }

  /** Another session of this tuple was confirmed, or the socket is gone. */
  endedBy(event: 'app.superseded' | 'app.socketFailed', nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#dispatch({ type: event }, 0);
  }

  /** The operating system says that a datagram of this size cannot leave. */
  tooLarge(bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#media.tooLarge(bytes, nowMs);
    this.#pump();
  }

  timeout(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.takeTimers((event) => this.#dispatch(event, 0));
    this.#core.timeoutExchanges();
    this.#path?.timeout();
    this.#pump();
  }

  /** @param bytes of the datagram that caused it, 0 for none. */
  #dispatch(event: ResponderEvent, bytes: number): void {
    const from = this.state;
    const wasPending = this.pending;
    const step = responderTable.step(from, this.#context, event);
    if (step === undefined) {
      if (event.type === 'frame.START') drop(this.#host, 'duplicateStart', this.peer, bytes);
      else if (bytes > 0) drop(this.#host, 'noRow', this.peer, bytes);
      return;
    }
    this.#state = step.state;
    this.#context = step.context;
    for (const output of step.outputs) this.#perform(output);
    if (wasPending && !this.pending) this.#host.leftPending(this);
    this.#core.traceTransition('responder', event.type, from, this.state);
  }

  #pump(): number {
    const sent = this.#media.pump(this.#core.nowMs);
    if (this.state === 'Streaming' && this.#media.finished) this.close(ErrorCode.NO_ERROR, undefined, this.#core.nowMs);
    return sent;
  }

  #perform(output: string): void {
    const core = this.#core;
    if (core.perform(output, this.#context)) return;
    switch (output) {
      case 'askReservation':
        this.#host.emit(reserveReport(this, this.#streamName));
        this.#streamName = undefined;
        return;
      case 'drawSession':
        core.deadlines.disarm('reserve');
        core.sessionTag = this.#host.claimTag(this);
        this.ssrc = this.#host.random.u32();
        return;
      case 'sendStartAck':
        return this.#answers.sendStartAck(this.#attempt, this.ssrc, this.#host.resetKey, this.#media.fastGranted);
      case 'sendError':
        return this.#answers.sendError(this.#context.code, this.#attempt);
      case 'leaveTombstone':
        return this.#host.leaveTombstone(this, this.#answers.error, this.#answers.tombstoneMs(this.#context.code));
      case 'supersede':
        return this.#host.supersedeOlder(this);
      case 'openGate':
        core.deadlines.disarm('pending');
        assertInvariant('S1', this.#proof !== undefined, 'Streaming without a START_CONFIRM');
        return this.#media.open(this, this.#proof, core.nowMs, () => core.protection(this.ssrc));
      case 'sendReady':
        return this.#answers.sendReady(this.#sdp);
      case 'stopMedia':
        return this.#giveBack();
      case 'sendPing':
        core.sendPing((nonce) => this.#media.pingSent(nonce, core.nowMs));
        return this.#offer?.send();
      case 'refreshConsent':
        return this.#refreshConsent();
      case 'reportStreaming':
        this.#wasStreaming = true;
        this.#host.counters.add('handshakesCompleted');
        return this.#host.emit(streamingReport(this));
      case 'reportPeerBye':
        return this.#host.emit({ kind: 'peerBye', session: this.handle, code: this.#context.code, ...this.#peerWords });
      case 'release':
        return this.#release();
      default:
        return this.#arm(output);
    }
  }

  #refreshConsent(askedAtMs = this.#core.answeredPingAtMs): void {
    this.#core.deadlines.arm('consent', this.#media.refreshConsent(askedAtMs));
  }

  #arm(output: string): void {
    const armed = responderTimer(output, {
      profile: this.#host.profile,
      pendingMs: this.#host.pendingMs(),
      probes: this.#context.probes,
      suspicious: this.#media.suspicious,
      rttMs: this.#core.rtt.ms,
      unit: () => this.#host.random.unit(),
    });
    if (armed !== undefined) this.#core.arm(armed.timer, armed.ms);
  }

  /** The answer is the new path's consent; a PING goes there at once, as its size and RTT are not known. */
  #moveTo(proof: PathProof): void {
    const before = this.peer;
    this.#core.moveTo(proof.peer, proof.rttMs);
    this.tupleKey = proof.tupleKey;
    this.#host.moved(this, before);
    this.#media.move(proof, this.#core.nowMs);
    this.#refreshConsent(proof.challengedAtMs);
    this.#core.arm('heartbeat', 0);
  }

  #giveBack(): void {
    this.#path = undefined;
    this.#media.close();
    const { feed } = this.#media;
    if (feed === undefined) return;
    this.#host.leaveFeed(this, feed);
    this.#media.feed = undefined;
    this.#host.emit({ kind: 'release', session: this.handle });
  }

  #release(): void {
    this.#giveBack();
    this.#core.deadlines.disarmAll();
    if (this.#wasStreaming) this.#host.leaveTombstone(this, undefined, TOMBSTONE_MS);
    this.#host.counters.closed(this.#context.code);
    this.#host.forget(this);
    this.#host.emit(closedReport(this, this.#context.code, this.#peerWords, this.#wasStreaming));
  }
}
