import type { ResponderEvent, ResponderState } from '../../machines/index.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import { RETRY_AFTER_MIN_MS, TOMBSTONE_MS } from '../protocol/constants.ts';
import { ErrorCode, isTransient } from '../protocol/error-code.ts';
import { type Frame, FrameType } from '../protocol/frame.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import { resetToken } from '../security/reset-token.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import type { AdmittedStart } from './admission.ts';
import { wireCode, wireReason, wireRetryAfterMs, wireSdp } from './application-input.ts';
import type { DropReason } from './counters.ts';
import { MachineDriver } from './driver.ts';
import type { ExchangeInput, Peer, SessionHandle } from './io-types.ts';
import type { ConfirmProof } from './media-gate.ts';
import { MediaOutlet } from './media-outlet.ts';
import { type Refusal, ResponderAnswers } from './responder-answers.ts';
import type { ResponderHost } from './responder-host.ts';
import type { CandidateSecurity, ConfirmFrame } from './responder-security.ts';
import { responderTimer } from './responder-timers.ts';
import { SessionCore } from './session-core.ts';
import { drop } from './session-host.ts';
import { responderTable } from './tables.ts';
import type { Sleeper } from './wake-queue.ts';

const NO_TOKEN = new Uint8Array(0);

/** One viewer's session on a camera: gives the outputs of the responder's machine their meaning. */
export class ResponderSession implements Sleeper {
  queuedAtMs = Number.POSITIVE_INFINITY;
  queuedBefore: Sleeper | undefined;
  queuedAfter: Sleeper | undefined;
  readonly handle: SessionHandle;
  readonly peer: Peer;
  readonly tupleKey: string;
  /** Its START came with a good cookie. */
  readonly proven: boolean;
  /** Absent in mode `none`. */
  readonly security: CandidateSecurity | undefined;
  readonly #host: ResponderHost;
  readonly #core: SessionCore;
  readonly #answers: ResponderAnswers;
  readonly #driver = new MachineDriver(responderTable, undefined, (output) => this.#perform(output));
  readonly #streamName: string | undefined;
  #attempt: number;
  #ssrc = 0;
  #resetToken: Uint8Array = NO_TOKEN;
  #feed: StreamFeed | undefined;
  #sdp: string | undefined;
  #outlet: MediaOutlet | undefined;
  #proof: ConfirmProof | undefined;
  /** The confirm, or the newest PING that was answered. */
  #consentFromMs = 0;
  #retryAfterMs = RETRY_AFTER_MIN_MS;
  #refusalReason: string | undefined;
  #peerReason: string | undefined;
  #wasStreaming = false;

  constructor(host: ResponderHost, start: AdmittedStart, nowMs: number) {
    this.#host = host;
    this.handle = start.handle;
    this.peer = start.peer;
    this.tupleKey = start.tupleKey;
    this.proven = start.proven;
    this.security = start.security;
    this.#attempt = start.attempt;
    this.#streamName = start.streamName;
    this.#core = new SessionCore(host, start.peer, start.handle, start.streamId, nowMs);
    this.#answers = new ResponderAnswers(this.#core, host.handshakeTrailer, start.security);
    this.#dispatch({ type: 'admission.admitted' }, 0);
  }

  get state(): ResponderState {
    return this.#driver.state;
  }

  get streamId(): bigint {
    return this.#core.streamId;
  }

  /** 0 until START_ACK. */
  get sessionTag(): bigint {
    return this.#core.sessionTag;
  }

  /** 0 until START_ACK. */
  get ssrc(): number {
    return this.#ssrc;
  }

  get keys(): SessionKeys | undefined {
    return this.#core.keys;
  }

  /** Half-open: counted by the limits of admission. */
  get pending(): boolean {
    return this.state === 'PendingStartRequest' || this.state === 'PendingConfirm';
  }

  /** The stream that it was promised, until it is given back. */
  get feed(): StreamFeed | undefined {
    return this.#feed;
  }

  deadlineMs(): number {
    const mediaMs = this.#outlet?.deadlineMs(this.#core.nowMs) ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#core.deadlineMs(), mediaMs);
  }

  /** A further START with this StreamId. */
  duplicateStart(attempt: number, bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#attempt = attempt;
    this.#dispatch({ type: 'frame.START' }, bytes);
  }

  /** @param proof that the START_CONFIRM has this session's ids and tuple. @param datagram all of it. */
  confirmed(proof: ConfirmProof, frame: ConfirmFrame, datagram: Uint8Array, nowMs: number): void {
    const core = this.#core;
    const bytes = datagram.length;
    core.nowMs = nowMs;
    const admitted = this.security?.admits(frame, datagram, core, () => this.#host.mayTakeTuple(this)) ?? true;
    if (admitted === 'notAuthentic') return drop(this.#host, admitted, this.peer, bytes);
    core.noteReceived(bytes);
    this.#proof = proof;
    const readyAllowed = this.#answers.readyAllowed(nowMs);
    if (!readyAllowed) drop(this.#host, 'readyRate', this.peer, bytes);
    this.#dispatch({ type: 'frame.START_CONFIRM', admitted, readyAllowed }, bytes);
    this.#pump();
  }

  /** A sealed datagram whose ids are this session's. */
  sealed(datagram: Uint8Array, nowMs: number): void {
    this.#core.nowMs = nowMs;
    const opened = this.#core.open(datagram);
    if (opened === 'keyLimit') this.close(ErrorCode.KEY_LIMIT, undefined, nowMs);
    else if (opened !== undefined) this.frame(opened, datagram.length, nowMs);
  }

  /** Any other frame whose ids are this session's. */
  frame(frame: Frame, bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.noteReceived(bytes);
    this.#take(frame, bytes);
    this.#pump();
  }

  #take(frame: Frame, bytes: number): void {
    if (frame.type === FrameType.BYE) this.#peerReason = frame.reason;
    const event = this.#core.eventOf(frame, bytes, this.#resetToken);
    if (event === undefined) return drop(this.#host, 'unexpectedType', this.peer, bytes);
    if (frame.type !== FrameType.PONG || event.type !== 'frame.PONG') return this.#dispatch(event, bytes);
    const { nowMs } = this.#core;
    const pathOk = !event.nonceKnown || this.#outlet?.pong(frame.nonce, frame.datagramBytesMax, nowMs) !== false;
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
    const reason = this.#outlet?.feedback(datagram, nowMs);
    this.#pump();
    return reason;
  }

  /** The application's yes. */
  reserved(feed: StreamFeed, sdp: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    if (this.state !== 'PendingStartRequest') return;
    this.#sdp = wireSdp(sdp);
    this.#feed = feed;
    this.#dispatch({ type: 'app.reserved', fastGranted: false }, 0);
  }

  /** The application's no. */
  refused(code: number, retryAfterMs: number | undefined, reason: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#retryAfterMs = wireRetryAfterMs(retryAfterMs);
    this.#refusalReason = wireReason(reason);
    this.#dispatch({ type: 'app.refused', code: wireCode(code) }, 0);
  }

  /** The newest group is sent again. */
  refresh(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#outlet?.refreshGroup(nowMs);
    this.#pump();
  }

  /** The feed has something new. */
  mediaAvailable(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#pump();
  }

  close(code: number, reason: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.byeReason ??= wireReason(reason);
    this.#dispatch({ type: 'app.close', code: wireCode(code) }, 0);
  }

  /** A candidate is kept no longer than one that comes now. */
  hurry(nowMs: number): void {
    const { deadlines } = this.#core;
    if (this.state !== 'PendingConfirm') return;
    deadlines.arm('pending', Math.min(deadlines.at('pending'), nowMs + this.#host.pendingMs()));
  }

  /** Another session of this tuple was confirmed, or the socket is gone. */
  endedBy(event: 'app.superseded' | 'app.socketFailed', nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#dispatch({ type: event }, 0);
  }

  /** The operating system says that a datagram of this size cannot leave. */
  tooLarge(bytes: number, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#outlet?.tooLarge(bytes, nowMs);
    this.#pump();
  }

  timeout(nowMs: number): void {
    this.#core.nowMs = nowMs;
    const { deadlines } = this.#core;
    for (let timer = deadlines.takeDue(nowMs); timer !== undefined; timer = deadlines.takeDue(nowMs)) {
      if (timer === 'deadline') this.#dispatch({ type: 'timer.deadline', nothingSent: false }, 0);
      else this.#dispatch({ type: `timer.${timer}` }, 0);
    }
    this.#core.timeoutExchanges();
    this.#pump();
  }

  /** @param bytes of the datagram that caused it, 0 for none. */
  #dispatch(event: ResponderEvent, bytes: number): void {
    const from = this.state;
    const wasPending = this.pending;
    const handled = this.#driver.send(event);
    if (!handled) {
      if (event.type === 'frame.START') drop(this.#host, 'duplicateStart', this.peer, bytes);
      else if (bytes > 0) drop(this.#host, 'noRow', this.peer, bytes);
      return;
    }
    if (wasPending && !this.pending) this.#host.leftPending(this);
    this.#core.traceTransition('responder', event.type, from, this.state);
  }

  #pump(): void {
    if (this.#outlet === undefined || this.state !== 'Streaming') return;
    this.#outlet.pump(this.#core.nowMs);
    if (this.#outlet.finished) this.close(ErrorCode.NO_ERROR, undefined, this.#core.nowMs);
  }

  #perform(output: string): void {
    const core = this.#core;
    if (core.perform(output, this.#driver.context)) return;
    const { profile } = this.#host;
    switch (output) {
      case 'askReservation':
        return this.#host.emit({
          kind: 'reserve',
          session: this.handle,
          peer: this.peer,
          streamId: this.streamId,
          ...(this.#streamName === undefined ? {} : { streamName: this.#streamName }),
        });
      case 'drawSession':
        core.deadlines.disarm('reserve');
        return this.#drawSession();
      case 'sendStartAck':
        return this.#answers.sendStartAck(this.#attempt, { resetToken: this.#resetToken, ssrc: this.#ssrc });
      case 'sendError':
        return this.#answers.sendError(this.#refusal, this.#attempt);
      case 'leaveTombstone':
        return this.#host.leaveTombstone(
          this,
          this.#answers.error,
          isTransient(this.#code) ? this.#retryAfterMs : TOMBSTONE_MS,
        );
      case 'supersede':
        return this.#host.supersedeOlder(this);
      case 'openGate':
        core.deadlines.disarm('pending');
        assertInvariant('S1', this.#proof !== undefined, 'Streaming without a START_CONFIRM');
        this.#consentFromMs = core.nowMs;
        this.#outlet = this.#makeOutlet();
        return this.#outlet?.open(this.#proof, profile.consentMs, core.nowMs, core.protection(this.#ssrc));
      case 'sendReady':
        return this.#answers.sendReady(this.#sdp);
      case 'stopMedia':
        return this.#giveBack();
      case 'sendPing':
        return core.sendPing((nonce) => this.#outlet?.pingSent(nonce, core.nowMs));
      case 'refreshConsent':
        return this.#refreshConsent();
      case 'reportStreaming':
        this.#wasStreaming = true;
        this.#host.counters.add('handshakesCompleted');
        return this.#host.emit({
          kind: 'streaming',
          session: this.handle,
          peer: this.peer,
          streamId: this.streamId,
        });
      case 'reportPeerBye':
        return this.#host.emit({ kind: 'peerBye', session: this.handle, code: this.#code, ...this.#peerWords });
      case 'release':
        return this.#release();
      default:
        return this.#arm(output);
    }
  }

  /** A PONG may have waited in the socket through a stall: it says what the viewer wanted when it was asked, no more. */
  #refreshConsent(): void {
    this.#consentFromMs = Math.max(this.#consentFromMs, this.#core.answeredPingAtMs);
    const untilMs = this.#consentFromMs + this.#host.profile.consentMs;
    this.#outlet?.refresh(untilMs);
    this.#core.deadlines.arm('consent', untilMs);
  }

  #arm(output: string): void {
    const armed = responderTimer(output, {
      profile: this.#host.profile,
      pendingMs: this.#host.pendingMs(),
      probes: this.#driver.context.probes,
      suspicious: this.#outlet?.suspicious === true,
      rttMs: this.#core.rtt.ms,
      unit: () => this.#host.random.unit(),
    });
    if (armed !== undefined) this.#core.arm(armed.timer, armed.ms);
  }

  get #code(): number {
    return this.#driver.context.code;
  }

  get #peerWords(): { readonly reason?: string } {
    return this.#peerReason === undefined ? {} : { reason: this.#peerReason };
  }

  get #refusal(): Refusal {
    return { code: this.#code, retryAfterMs: this.#retryAfterMs, reason: this.#refusalReason };
  }

  #drawSession(): void {
    const core = this.#core;
    core.sessionTag = this.#host.claimTag(this);
    this.#ssrc = this.#host.random.u32();
    this.#resetToken = resetToken(this.#host.resetKey, core.streamId, core.sessionTag);
  }

  /** Not before the confirm: a candidate has nothing to send, and there may be many. */
  #makeOutlet(): MediaOutlet | undefined {
    if (this.#feed === undefined) return undefined;
    const { sessionTag, tupleKey, peer, ssrc } = this;
    return new MediaOutlet(this.#host, { sessionTag, tupleKey, peer, ssrc }, this.#feed, {
      repair: this.#host.repair,
      datagramBytesMax: this.#host.datagramBytesMax,
      secured: this.security !== undefined,
    });
  }

  #giveBack(): void {
    this.#outlet?.close();
    // A session that drains or closes for seconds is not to hold what only media and the handshake need.
    this.#outlet = undefined;
    this.#answers.forget();
    if (this.#feed === undefined) return;
    this.#host.leaveFeed(this, this.#feed);
    this.#feed = undefined;
    this.#host.emit({ kind: 'release', session: this.handle });
  }

  #release(): void {
    this.#giveBack();
    this.#core.deadlines.disarmAll();
    if (this.#wasStreaming) this.#host.leaveTombstone(this, undefined, TOMBSTONE_MS);
    this.#host.counters.closed(this.#code);
    this.#host.forget(this);
    this.#host.emit({
      kind: 'closed',
      session: this.handle,
      peer: this.peer,
      streamId: this.streamId,
      code: this.#code,
      ...this.#peerWords,
      wasStreaming: this.#wasStreaming,
      attempts: 0,
    });
  }
}
