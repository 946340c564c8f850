import type { InitiatorContext, InitiatorEvent, InitiatorInput, InitiatorState } from '../../machines/index.ts';
import { encodeOnce } from '../codec/encode.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { EARLY_MEDIA_DATAGRAMS_MAX, PROTOCOL_VERSION } from '../protocol/constants.ts';
import { ErrorCode, errorCodeName, isTransient } from '../protocol/error-code.ts';
import { type ErrorFrame, type Frame, FrameFlag, FrameType, type StartAckFrame } from '../protocol/frame.ts';
import { equalBytes } from '../security/reset-token.ts';
import { wireCode, wireReason } from './application-input.ts';
import type { DropReason, HintName } from './counters.ts';
import { MachineDriver } from './driver.ts';
import { plainEvent } from './frame-events.ts';
import { initiatorTimer } from './initiator-timers.ts';
import type { ExchangeInput, InitiatorOutput, Peer } from './io-types.ts';
import { type InletOptions, MediaInlet } from './media-inlet.ts';
import { SessionCore } from './session-core.ts';
import { drop, type SessionHost } from './session-host.ts';
import { StartSends } from './start-sends.ts';
import { initiatorTable } from './tables.ts';

/** What an initiator's session is made of. */
export interface InitiatorSessionOptions {
  readonly streamName: string | undefined;
  /** Ask for media before the confirm. */
  readonly fast: boolean;
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
  readonly #driver: MachineDriver<InitiatorState, InitiatorContext, InitiatorEvent, InitiatorInput>;
  #early: Uint8Array[] = [];
  #starts = new StartSends();
  #cookie: Uint8Array | undefined;
  #confirm: Uint8Array | undefined;
  #resetToken: Uint8Array | undefined;
  #inlet: MediaInlet | undefined;
  #frame: Frame | undefined;
  #media: Uint8Array | undefined;
  #sdpDelivered = false;
  #startedAtMs = 0;
  #confirmedAtMs = 0;
  #startsSent = 0;
  #startsUnsendable = 0;
  #reason: string | undefined;
  #wasStreaming = false;

  constructor(host: SessionHost<InitiatorOutput>, peer: Peer, options: InitiatorSessionOptions) {
    this.peer = peer;
    this.#host = host;
    this.#options = options;
    this.#core = new SessionCore(host, peer, 1, 0n, 0);
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

  /** STARTs sent. */
  get attempts(): number {
    return this.#startsSent;
  }

  /** `undefined` until START_ACK. */
  stats(): ReceiveStats | undefined {
    return this.#inlet?.stats();
  }

  deadlineMs(): number {
    const mediaMs = this.state === 'Streaming' ? this.#inlet?.deadlineMs() : undefined;
    return Math.min(this.#core.deadlineMs(), mediaMs ?? Number.POSITIVE_INFINITY);
  }

  start(nowMs: number): void {
    if (this.state !== 'ReadyToStart') return;
    this.#core.nowMs = nowMs;
    this.#startedAtMs = nowMs;
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
    const left = bytes === 0 || hint === 'ECONNREFUSED' || hint === 'EHOSTUNREACH' || hint === 'EMSGSIZE';
    if (!left) this.#startsUnsendable++;
  }

  /** Something came that could not be used: told when a deadline passes, as such codes never go on the wire. */
  hint(code: number): void {
    if (!this.#wasStreaming) this.#reason = errorCodeName(code);
  }

  timeout(nowMs: number): void {
    const { deadlines } = this.#core;
    this.#core.nowMs = nowMs;
    for (let timer = deadlines.takeDue(nowMs); timer !== undefined; timer = deadlines.takeDue(nowMs)) {
      const nothingSent = this.#startsUnsendable >= this.#startsSent;
      if (timer === 'deadline') this.#dispatch({ type: 'timer.deadline', nothingSent }, 0);
      else this.#dispatch({ type: `timer.${timer}` }, 0);
    }
    if (this.state === 'Streaming') this.#inlet?.timeout(nowMs);
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
    if (this.#inlet?.accepts(bytes) !== true) return drop(this.#host, 'mediaForeign', this.peer, bytes.length);
    this.#core.noteReceived(bytes.length);
    if (state === 'Streaming') {
      this.#armLiveness();
      return this.#inlet.receive(bytes, nowMs);
    }
    this.#media = bytes;
    this.#dispatch({ type: 'frame.media' }, bytes.length);
  }

  frame(frame: Frame, bytes: number, nowMs: number): void {
    const core = this.#core;
    core.nowMs = nowMs;
    this.#frame = frame;
    if (frame.streamId !== core.streamId) {
      this.hint(ErrorCode.STREAM_ID_MISMATCH);
      return drop(this.#host, 'wrongStreamId', this.peer, bytes);
    }
    if (frame.type === FrameType.START_ACK) return this.#startAck(frame, bytes);
    if (frame.type === FrameType.RETRY) {
      const fresh = this.#starts.isFresh(frame.attempt);
      if (fresh && this.#cookie !== undefined) this.hint(ErrorCode.INVALID_COOKIE);
      return this.#dispatch({ type: 'frame.RETRY', fresh }, bytes, 'staleRetry');
    }
    const early = frame.type === FrameType.ERROR && this.state === 'AwaitingStartAck';
    const tag = early ? 0n : core.sessionTag;
    if (frame.sessionTag !== tag) return drop(this.#host, 'wrongTag', this.peer, bytes);
    core.noteReceived(bytes);
    switch (frame.type) {
      case FrameType.ERROR:
        return this.#error(frame, bytes);
      case FrameType.PING:
        core.notePing(frame.nonce);
        return this.#dispatch({ type: 'frame.PING' }, bytes);
      case FrameType.PONG:
        return this.#dispatch({ type: 'frame.PONG', nonceKnown: core.notePong(frame.nonce) }, bytes);
      case FrameType.BYE:
        this.#reason = frame.reason;
        return this.#dispatch({ type: 'frame.BYE', code: frame.errorCode }, bytes);
      case FrameType.RESET: {
        const tokenValid = this.#resetToken !== undefined && equalBytes(frame.resetToken, this.#resetToken);
        return this.#dispatch({ type: 'frame.RESET', tokenValid }, bytes);
      }
      default: {
        const event = plainEvent(frame.type);
        if (event === undefined) return drop(this.#host, 'unexpectedType', this.peer, bytes);
        core.noteFrame(frame, bytes);
        return this.#dispatch(event, bytes);
      }
    }
  }

  #startAck(frame: StartAckFrame, bytes: number): void {
    if (this.#starts.sentAtMs(frame.attempt) === undefined) {
      return drop(this.#host, 'attemptNeverSent', this.peer, bytes);
    }
    this.#core.noteReceived(bytes);
    const sameTag = frame.sessionTag === this.#core.sessionTag;
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
    const { counters } = this.#host;
    if (output === 'sampleRtt' && this.#frame?.type === FrameType.START_ACK) {
      core.rtt.sample(core.nowMs - (this.#starts.sentAtMs(this.#frame.attempt) ?? core.nowMs));
      return this.#inlet?.setRtt(core.rtt.ms ?? 0);
    }
    if (core.perform(output, context)) return;
    switch (output) {
      case 'drawStreamId':
        return this.#drawStreamId();
      case 'sendStart':
        return this.#sendStart(context.attempt);
      case 'keepCookie':
        if (this.#frame?.type === FrameType.RETRY) this.#cookie = this.#frame.cookie.slice();
        return this.#starts.cookieAdopted(context.attempt);
      case 'adoptSession':
        return this.#adoptSession();
      case 'sendStartConfirm':
        if (this.#confirm === undefined) this.#confirmedAtMs = core.nowMs;
        this.#confirm ??= core.encode({ type: FrameType.START_CONFIRM });
        counters.add('confirmsSent');
        return core.send(this.#confirm);
      case 'sendPing':
        core.sendPing();
        return;
      case 'delayT1': {
        const retryAfterMs = this.#frame?.type === FrameType.ERROR ? (this.#frame.retryAfterMs ?? 0) : 0;
        return core.deadlines.arm('T1', Math.max(core.deadlines.at('T1'), core.nowMs + retryAfterMs));
      }
      case 'keepEarlyMedia':
        if (this.#media !== undefined && this.#early.length < EARLY_MEDIA_DATAGRAMS_MAX) this.#early.push(this.#media);
        return;
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
        return core.deadlines.disarm('T1');
      case 'disarmDeadline':
        return core.deadlines.disarm('deadline');
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

  /** Nothing of the attempt before is valid any more. */
  #drawStreamId(): void {
    this.#core.streamId = this.#host.random.id();
    this.#core.sessionTag = 0n;
    this.#starts = new StartSends();
    this.#cookie = undefined;
    this.#confirm = undefined;
    this.#resetToken = undefined;
    this.#inlet = undefined;
    this.#early = [];
  }

  #sendStart(attempt: number): void {
    const { streamName, fast } = this.#options;
    this.#starts.sent(attempt, this.#core.nowMs);
    this.#startsSent++;
    this.#host.counters.add('startsSent');
    const { streamId } = this.#core;
    const flags = FrameFlag.ACK_REQUIRED | (fast ? FrameFlag.FAST : 0);
    const body = {
      type: FrameType.START,
      versions: [PROTOCOL_VERSION],
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      ...(streamName === undefined ? {} : { streamName }),
    };
    this.#core.send(encodeOnce({ flags, streamId, sessionTag: 0n, attempt }, body));
  }

  #adoptSession(): void {
    if (this.#frame?.type !== FrameType.START_ACK) return;
    this.#core.sessionTag = this.#frame.sessionTag;
    this.#resetToken = this.#frame.resetToken.slice();
    this.#inlet = new MediaInlet(this.#host, this.peer, this.#frame.ssrc, this.#options.media, this.#startedAtMs);
  }

  #reportStreaming(): void {
    const { nowMs, rtt } = this.#core;
    this.#wasStreaming = true;
    // Whatever went wrong before was overcome.
    this.#reason = undefined;
    this.#host.counters.add('handshakesCompleted');
    this.#host.emit({
      kind: 'streaming',
      elapsedMs: nowMs - this.#startedAtMs,
      attempts: this.#startsSent,
      ...(rtt.ms === undefined ? {} : { rttMs: rtt.ms }),
    });
    this.#inlet?.start(nowMs);
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) {
      if (this.#inlet?.accepts(bytes) === true) this.#inlet.receive(bytes, nowMs);
    }
  }

  #deliverSdp(): void {
    if (this.#sdpDelivered || this.#frame?.type !== FrameType.READY) return;
    this.#sdpDelivered = true;
    const { sdp } = this.#frame;
    // START_ACK waited for the application, READY did not: since the first START_CONFIRM no more than a round trip has passed
    // beside losses.
    this.#core.rtt.atMost(this.#core.nowMs - this.#confirmedAtMs);
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
      attempts: this.#startsSent,
    });
  }
}
