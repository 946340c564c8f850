import type { InitiatorContext, InitiatorEvent, InitiatorInput, InitiatorState } from '../../machines/index.ts';
import type { UnsealedFrame } from '../codec/decode-secured.ts';
import type { FixedHeader } from '../codec/header.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { ErrorCode, errorCodeName, isTransient } from '../protocol/error-code.ts';
import {
  type ErrorFrame,
  type Frame,
  FrameFlag,
  FrameType,
  type SecuredStartAckFrame,
  type StartAckFrame,
} from '../protocol/frame.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import { wireCode, wireReason } from './application-input.ts';
import type { DropReason, HintName } from './counters.ts';
import { MachineDriver } from './driver.ts';
import { EarlyMedia } from './early-media.ts';
import { HandshakeSends, type Wish } from './handshake-sends.ts';
import { initiatorTimer } from './initiator-timers.ts';
import type { ExchangeInput, InitiatorOutput, Peer } from './io-types.ts';
import { type FirstsTold, type InletOptions, MediaInlet } from './media-inlet.ts';
import { SessionCore } from './session-core.ts';
import { drop, type SessionHost } from './session-host.ts';
import { initiatorTable } from './tables.ts';
import { TokenInbox } from './token-inbox.ts';

/** No RESET has it. */
const NO_TOKEN = new Uint8Array(0);

/** What an initiator's session is made of. */
export interface InitiatorSessionOptions extends Wish {
  /** T1's first interval in ms, when it is not the profile's own. */
  readonly rtoInitialMs: number | undefined;
  readonly media: InletOptions;
}

/** One viewer's session: gives the outputs of the initiator's machine their meaning. */
export class InitiatorSession {
  readonly peer: Peer;
  readonly #host: SessionHost<InitiatorOutput>;
  readonly #options: InitiatorSessionOptions;
  readonly #core: SessionCore;
  readonly #sends: HandshakeSends;
  readonly #driver: MachineDriver<InitiatorState, InitiatorContext, InitiatorEvent, InitiatorInput>;
  readonly #early: EarlyMedia;
  readonly #tokens: TokenInbox;
  #resetToken = NO_TOKEN;
  #inlet: MediaInlet | undefined;
  #frame: Frame | undefined;
  #media: Uint8Array | undefined;
  #sdpDelivered = false;
  readonly #firsts: FirstsTold = { startedAtMs: 0, media: false, frame: false };
  #reason: string | undefined;
  #wasStreaming = false;

  constructor(host: SessionHost<InitiatorOutput>, peer: Peer, options: InitiatorSessionOptions) {
    this.peer = peer;
    this.#host = host;
    this.#options = options;
    this.#core = new SessionCore(host, peer, 1, 0n);
    this.#sends = new HandshakeSends(this.#core, options, host.handshakeTrailer);
    this.#early = new EarlyMedia(host, peer);
    this.#tokens = new TokenInbox(host);
    const input = { sendsMax: host.profile.sendsMax, fastAsked: options.fast };
    this.#driver = new MachineDriver(initiatorTable, input, (output) => this.#perform(output));
  }

  get state(): InitiatorState {
    return this.#driver.state;
  }

  get streamId(): bigint {
    return this.#core.streamId;
  }

  /** 0 until START_ACK. */
  get sessionTag(): bigint {
    return this.#core.sessionTag;
  }

  /** Smoothed, in ms. */
  get rttMs(): number | undefined {
    return this.#core.rtt.ms;
  }

  get keys(): SessionKeys | undefined {
    return this.#core.keys;
  }

  /** STARTs sent. */
  get attempts(): number {
    return this.#sends.startsSent;
  }

  /** `undefined` until START_ACK. */
  stats(): ReceiveStats | undefined {
    return this.#inlet?.stats();
  }

  deadlineMs(): number {
    const mediaMs = this.#receiving ? this.#inlet?.deadlineMs() : undefined;
    return Math.min(this.#core.deadlineMs(), mediaMs ?? Number.POSITIVE_INFINITY);
  }

  /** Media may come: in Streaming, and before the confirm where fast mode was granted. */
  get #receiving(): boolean {
    const { state } = this;
    return state === 'Streaming' || (state === 'AwaitingStartConfirm' && this.#driver.context.fastGranted);
  }

  start(nowMs: number): void {
    if (this.state !== 'ReadyToStart') return;
    this.#core.nowMs = nowMs;
    this.#firsts.startedAtMs = nowMs;
    this.#host.counters.add('handshakesStarted');
    this.#dispatch({ type: 'app.start' }, 0);
  }

  close(code: number, reason: string | undefined, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.byeReason ??= wireReason(reason);
    this.#dispatch({ type: 'app.close', code: wireCode(code) }, 0);
  }

  socketFailed(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#dispatch({ type: 'app.socketFailed' }, 0);
  }

  /** What the application wants of exchanges. */
  exchange(input: ExchangeInput, nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.takeExchange(input, this.state === 'Streaming');
  }

  /** A hint only: told when a deadline passes. @param bytes 0 for an ICMP message, whose datagram did leave. */
  sendFailed(hint: HintName, bytes: number): void {
    this.#reason = hint;
    this.#sends.sendFailed(hint, bytes);
  }

  /** Something came that could not be used: told when a deadline passes, as such codes never go on the wire. */
  hint(code: number): void {
    if (!this.#wasStreaming) this.#reason = errorCodeName(code);
  }

  timeout(nowMs: number): void {
    this.#core.nowMs = nowMs;
    this.#core.takeTimers(
      (event) => this.#dispatch(event, 0),
      () => this.#sends.nothingSent,
    );
    if (this.#receiving) this.#inlet?.timeout(nowMs);
    this.#core.timeoutExchanges();
  }

  /** RTP or RTCP. The row for `frame.media` in Streaming is taken here, without a machine on the media path. */
  media(bytes: Uint8Array, nowMs: number): void {
    this.#core.nowMs = nowMs;
    const { state } = this;
    if (state === 'AwaitingStartAck') {
      this.#media = bytes;
      return this.#dispatch({ type: 'frame.media' }, bytes.length, 'mediaEarly');
    }
    if (state !== 'AwaitingStartConfirm' && state !== 'Streaming') {
      return drop(this.#host, 'mediaAfterEnd', this.peer, bytes.length);
    }
    const packet = this.#inlet?.take(bytes, nowMs) ?? 'mediaForeign';
    if (typeof packet === 'string') return drop(this.#host, packet, this.peer, bytes.length);
    this.#core.noteReceived(bytes.length);
    if (state === 'Streaming') {
      this.#armLiveness();
      return this.#inlet?.receive(packet, nowMs);
    }
    this.#media = packet;
    this.#dispatch({ type: 'frame.media' }, bytes.length);
  }

  /** A sealed frame: opened if its ids are this session's. */
  sealed(header: FixedHeader, datagram: Uint8Array, nowMs: number): void {
    const core = this.#core;
    core.nowMs = nowMs;
    if (header.streamId !== core.streamId || header.sessionTag !== core.sessionTag) {
      const wrong = header.streamId === core.streamId ? 'wrongTag' : 'wrongStreamId';
      return drop(this.#host, wrong, this.peer, datagram.length);
    }
    const opened = core.open(datagram);
    if (opened === 'keyLimit') this.close(ErrorCode.KEY_LIMIT, undefined, nowMs);
    else if (opened !== undefined) this.frame(opened, datagram.length, nowMs);
  }

  frame(frame: Frame | UnsealedFrame, bytes: number, nowMs: number): void {
    const core = this.#core;
    core.nowMs = nowMs;
    if (frame.streamId !== core.streamId) {
      this.hint(ErrorCode.STREAM_ID_MISMATCH);
      return drop(this.#host, 'wrongStreamId', this.peer, bytes);
    }
    if (frame.type === FrameType.START_ACK) return this.#startAck(frame, bytes);
    if ('handshake' in frame) return drop(this.#host, 'unexpectedType', this.peer, bytes);
    this.#frame = frame;
    if (frame.type === FrameType.RETRY) {
      const fresh = this.#sends.starts.isFresh(frame.attempt);
      if (fresh && this.#sends.hasCookie) this.hint(ErrorCode.INVALID_COOKIE);
      return this.#dispatch({ type: 'frame.RETRY', fresh }, bytes, 'staleRetry');
    }
    const early = frame.type === FrameType.ERROR && this.state === 'AwaitingStartAck';
    const tag = early ? 0n : core.sessionTag;
    if (frame.sessionTag !== tag) return drop(this.#host, 'wrongTag', this.peer, bytes);
    core.noteReceived(bytes);
    if (frame.type === FrameType.ERROR) return this.#error(frame, bytes);
    if (frame.type === FrameType.BYE) this.#reason = frame.reason;
    const event = core.eventOf(frame, bytes, this.#resetToken);
    if (event === undefined) return drop(this.#host, 'unexpectedType', this.peer, bytes);
    if (frame.type === FrameType.TOKEN && this.state === 'Streaming') this.#tokens.take(frame.token);
    this.#dispatch(event, bytes);
  }

  #startAck(frame: StartAckFrame | SecuredStartAckFrame, bytes: number): void {
    if (this.#sends.starts.sentAtMs(frame.attempt) === undefined) {
      return drop(this.#host, 'attemptNeverSent', this.peer, bytes);
    }
    const sameTag = frame.sessionTag === this.#core.sessionTag;
    if (!('handshake' in frame)) this.#frame = frame;
    // A copy is not worth two agreements. Unread it proves nothing, as in mode `keys` anybody can make MAC1: no sign of life.
    else if (sameTag) return drop(this.#host, 'noRow', this.peer, bytes);
    else if (this.state === 'AwaitingStartAck' || this.state === 'AwaitingStartConfirm') {
      const read = this.#options.security?.read(frame) ?? 'notAuthentic';
      if (typeof read === 'string') return drop(this.#host, read, this.peer, bytes);
      this.#frame = read;
    }
    this.#core.noteReceived(bytes);
    const fastGranted = (frame.flags & FrameFlag.FAST) !== 0;
    this.#dispatch({ type: 'frame.START_ACK', sameTag, fastGranted }, bytes);
  }

  #error(frame: ErrorFrame, bytes: number): void {
    const { deadlines, nowMs, sessionTag } = this.#core;
    const code = frame.errorCode;
    const worthWaiting = isTransient(code) && nowMs + (frame.retryAfterMs ?? 0) < deadlines.at('deadline');
    const sameTag = sessionTag !== 0n && frame.sessionTag === sessionTag;
    if (this.state === 'AwaitingStartAck') this.#reason = frame.reason ?? errorCodeName(code);
    this.#dispatch({ type: 'frame.ERROR', code, sameTag, worthWaiting }, bytes);
  }

  /** @param bytes of the datagram that caused it, 0 for none. */
  #dispatch(event: InitiatorEvent, bytes: number, ifNoRow: DropReason = 'noRow'): void {
    const from = this.state;
    const handled = this.#driver.send(event);
    if (!handled) {
      if (bytes > 0) drop(this.#host, ifNoRow, this.peer, bytes);
      return;
    }
    this.#core.traceTransition('initiator', event.type, from, this.state);
  }

  #perform(output: string): void {
    const core = this.#core;
    const { context } = this.#driver;
    if (output === 'sampleRtt' && this.#frame?.type === FrameType.START_ACK) {
      core.rtt.sample(core.nowMs - (this.#sends.starts.sentAtMs(this.#frame.attempt) ?? core.nowMs));
      return this.#inlet?.setRtt(core.rtt.ms ?? 0);
    }
    if (core.perform(output, context)) return;
    switch (output) {
      case 'drawStreamId':
        return this.#drawStreamId();
      case 'sendStart':
        this.#host.counters.add('startsSent');
        return this.#sends.sendStart(context.attempt);
      case 'keepCookie':
        if (this.#frame?.type === FrameType.RETRY) this.#sends.keepCookie(this.#frame.cookie, context.attempt);
        return;
      case 'adoptSession':
        return this.#adoptSession();
      case 'sendStartConfirm':
        this.#host.counters.add('confirmsSent');
        return this.#sendConfirm();
      case 'sendPing':
        core.sendPing();
        return;
      case 'delayT1': {
        const retryAfterMs = this.#frame?.type === FrameType.ERROR ? (this.#frame.retryAfterMs ?? 0) : 0;
        return core.deadlines.arm('T1', Math.max(core.deadlines.at('T1'), core.nowMs + retryAfterMs));
      }
      case 'keepEarlyMedia':
        return this.#early.keep(this.#media);
      case 'deliverMedia':
        if (this.#media !== undefined) this.#inlet?.receive(this.#media, core.nowMs);
        return;
      case 'deliverSdp':
        return this.#deliverSdp();
      case 'reportStreaming':
        return this.#reportStreaming();
      case 'reportPeerBye':
        return this.#host.emit({
          kind: 'peerBye',
          code: context.code,
          ...(this.#reason === undefined ? {} : { reason: this.#reason }),
        });
      case 'stopMedia':
        return this.#inlet?.end(core.nowMs);
      case 'disarmT1':
      case 'disarmDeadline':
        return core.deadlines.disarm(output === 'disarmT1' ? 'T1' : 'deadline');
      case 'armLiveness':
        return this.#armLiveness();
      case 'release':
        return this.#release();
      default:
        return this.#arm(output);
    }
  }

  #arm(output: string): void {
    const armed = initiatorTimer(output, {
      profile: this.#host.profile,
      sends: this.#driver.context.sends,
      rtoInitialMs: this.#options.rtoInitialMs,
      rttMs: this.#core.rtt.ms,
      unit: () => this.#host.random.unit(),
    });
    if (armed !== undefined) this.#core.arm(armed.timer, armed.ms);
  }

  #drawStreamId(): void {
    this.#core.streamId = this.#host.random.id();
    this.#core.sessionTag = 0n;
    this.#sends.begin();
    this.#resetToken = NO_TOKEN;
    this.#inlet = undefined;
    this.#early.forget();
  }

  /** In a secured session the first one brings the keys, also those of the media. */
  #sendConfirm(): void {
    const fresh = this.#core.keys === undefined;
    this.#sends.sendConfirm();
    if (fresh && this.#options.security !== undefined) this.#inlet?.protect((ssrc) => this.#core.protection(ssrc));
    this.#early.settle(this.#inlet, this.#driver.context.fastGranted, this.#core.nowMs);
  }

  #adoptSession(): void {
    if (this.#frame?.type !== FrameType.START_ACK) return;
    this.#core.sessionTag = this.#frame.sessionTag;
    this.#resetToken = this.#frame.resetToken.slice();
    this.#inlet = new MediaInlet(this.#host, this.peer, this.#frame.ssrc, this.#options.media, this.#firsts);
  }

  #reportStreaming(): void {
    const { nowMs, rtt } = this.#core;
    this.#wasStreaming = true;
    // Whatever went wrong before was overcome.
    this.#reason = undefined;
    this.#host.counters.add('handshakesCompleted');
    this.#host.emit({
      kind: 'streaming',
      elapsedMs: nowMs - this.#firsts.startedAtMs,
      attempts: this.#sends.startsSent,
      ...(rtt.ms === undefined ? {} : { rttMs: rtt.ms }),
    });
    this.#inlet?.start(nowMs);
  }

  #deliverSdp(): void {
    if (this.#sdpDelivered || this.#frame?.type !== FrameType.READY) return;
    this.#sdpDelivered = true;
    const { sdp } = this.#frame;
    // START_ACK waited for the application, READY did not: since the first START_CONFIRM no more than a round trip has passed
    // beside losses.
    this.#core.rtt.atMost(this.#core.nowMs - this.#sends.confirmedAtMs);
    this.#inlet?.setRtt(this.#core.rtt.ms ?? 0);
    if (sdp !== undefined) this.#inlet?.describe(sdp, this.#core.nowMs);
    this.#host.emit({ kind: 'sdp', sdp });
  }

  #armLiveness(): void {
    this.#core.arm('watchdog', this.#host.profile.watchdogMs);
    this.#core.arm('dead', this.#host.profile.deadMs);
  }

  #release(): void {
    const { code } = this.#driver.context;
    this.#inlet?.end(this.#core.nowMs);
    this.#core.deadlines.disarmAll();
    this.#host.counters.closed(code);
    this.#host.emit({
      kind: 'closed',
      session: this.#core.handle,
      peer: this.peer,
      streamId: this.streamId,
      code,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      wasStreaming: this.#wasStreaming,
      attempts: this.#sends.startsSent,
    });
  }
}
