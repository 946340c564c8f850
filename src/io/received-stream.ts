import { EventEmitter } from 'node:events';
import type { CallOptions, ExchangeBody, Methods } from '../config/methods.ts';
import type { MetricsSnapshot } from '../engine/counters.ts';
import type { InitiatorEndpoint } from '../engine/initiator-endpoint.ts';
import type { ClosedOutput, InitiatorInput, InitiatorOutput, Peer } from '../engine/io-types.ts';
import { HandshakeError, SessionError } from '../errors.ts';
import type { ReceivedFrame } from '../media/access-unit.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { peerText } from '../observe/text.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { Caller, type ExchangeAnswer } from './caller.ts';
import { monotonicMs } from './clock.ts';
import { FrameQueue } from './frame-queue.ts';
import type { MediaSink, SinkReport } from './media-sink.ts';
import { MethodRunner } from './method-runner.ts';
import type { OutputObserver } from './output-observer.ts';
import type { EndpointRunner } from './runner.ts';
import type { SecuredSession } from './secured-session.ts';

/** `initiate()` resolves at the first media datagram, or this long after Streaming when the camera is idle. */
const IDLE_CAMERA_MS = 250;

/** How a stream ended. */
export interface StreamEnd {
  /** See protocol/error-code.ts; NO_ERROR when either end closed as intended. */
  readonly code: number;
  readonly reason: string | undefined;
  /** The other end said BYE. */
  readonly byPeer: boolean;
  /** From Streaming to the end, ms. */
  readonly durationMs: number;
  /** What the sink did; absent without one. */
  readonly sink: SinkReport | undefined;
  /** Why the sink could not go on, when that is what ended the stream. */
  readonly sinkFailure?: Error;
}

/** What a viewer tells its application. What came before `initiate()` resolved was told to nobody; `frames()` has all of it. */
export interface ReceivedStreamEvents {
  frame: [ReceivedFrame];
  /** An RTP datagram in order, when the option `datagrams` asked for them. */
  datagram: [Uint8Array];
  /** Time to the first decodable frame, in ms. */
  firstFrame: [number];
  /** The camera told something by NOTIFY. */
  notified: [{ readonly method: string; readonly body: Uint8Array }];
  /** For the next session with this camera, once: the option `token`. Kept for this process where `fast` was asked for. */
  token: [Uint8Array];
  /** One of this end's methods threw, or gave what cannot be sent. */
  methodFailed: [{ readonly method: string; readonly error: Error }];
}

/** What a stream is made of. */
export interface ReceivedStreamParts {
  readonly endpoint: InitiatorEndpoint;
  readonly peer: Peer;
  readonly frameQueueMax: number;
  readonly sink: MediaSink | undefined;
  readonly observer: OutputObserver<InitiatorOutput> | undefined;
  /** What the camera may ask this end for. */
  readonly methods: Methods;
}

/** A stream that a camera sends to this program: what `initiate()` gives. */
export class ReceivedStream extends EventEmitter<ReceivedStreamEvents> implements SecuredSession, AsyncDisposable {
  /** The camera. */
  readonly peer: Peer;
  /** The media is over: settled before {@link closed}, which waits for stray copies of the peer's BYE. */
  readonly ended: Promise<StreamEnd>;
  /** Everything is over and freed. */
  readonly closed: Promise<StreamEnd>;
  readonly #parts: ReceivedStreamParts;
  readonly #caller = new Caller((input) => this.#step({ kind: 'exchange', input }));
  readonly #methods: MethodRunner;
  readonly #queue: FrameQueue<ReceivedFrame>;
  readonly #startedAtMs = monotonicMs();
  #runner: EndpointRunner<InitiatorInput, InitiatorOutput> | undefined;
  #streamingAtMs: number | undefined;
  #timeToStreamMs: number | undefined;
  #timeToFirstFrameMs: number | undefined;
  #sdp: string | undefined;
  #token: Uint8Array | undefined;
  #sinkFailure: Error | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #ended: Promise<StreamEnd> | undefined;
  #settleEnded: (end: StreamEnd) => void = () => {};
  #settleClosed: (end: StreamEnd) => void = () => {};
  #ready: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  #isEstablished = false;
  #confirm: () => void = () => {};
  readonly #confirmed = new Promise<void>((resolve) => {
    this.#confirm = resolve;
  });
  /** Settles when the stream is there, or rejects with a HandshakeError. For `initiate()`. */
  readonly established: Promise<void>;

  constructor(parts: ReceivedStreamParts) {
    super();
    this.#parts = parts;
    this.peer = parts.peer;
    this.#methods = new MethodRunner(1, parts.peer, {
      methods: [parts.methods],
      give: (input) => this.#step({ kind: 'exchange', input }),
      failed: (method, error) => this.emit('methodFailed', { method, error }),
    });
    this.#queue = new FrameQueue(parts.frameQueueMax);
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.established = new Promise((resolve, reject) => {
      this.#ready = () => {
        this.#isEstablished = true;
        resolve();
      };
      this.#failed = reject;
    });
    if (parts.sink !== undefined) parts.sink.onFailure = (error) => this.sinkFailed(error);
  }

  /** Time to stream: from the first START, after look-up and bind, to the first media datagram, in ms; absent until it came. */
  get timeToStreamMs(): number | undefined {
    return this.#timeToStreamMs;
  }

  /** Time to the first frame that decodes, in ms; absent until it came. */
  get timeToFirstFrameMs(): number | undefined {
    return this.#timeToFirstFrameMs;
  }

  /** The handshake is done. */
  get streaming(): boolean {
    return this.#streamingAtMs !== undefined;
  }

  /** STARTs that it took. */
  get attempts(): number {
    return this.#parts.endpoint.attempts;
  }

  /** Smoothed round-trip time in ms. */
  get rttMs(): number | undefined {
    return this.#parts.endpoint.rttMs;
  }

  get streamId(): bigint {
    return this.#parts.endpoint.streamId;
  }

  /** See {@link SecuredSession}. */
  get channelBinding(): Uint8Array | undefined {
    return this.#parts.endpoint.keys?.channelBinding;
  }

  /** See {@link SecuredSession}. */
  exportKey(label: string, bytes?: number): Uint8Array | undefined {
    return this.#parts.endpoint.keys?.exportKey(label, bytes).bytes.slice();
  }

  /** The stream's description, once READY brought it. */
  get sdp(): string | undefined {
    return this.#sdp;
  }

  /** The newest token for the next session with this camera; absent where it gives none. */
  get token(): Uint8Array | undefined {
    return this.#token;
  }

  /** Frames that waited for `frames()` too long. */
  get framesDropped(): number {
    return this.#queue.dropped;
  }

  /** Receive statistics; absent until the camera answered. */
  stats(): ReceiveStats | undefined {
    return this.#parts.endpoint.stats();
  }

  /** All figures so far. */
  metrics(): MetricsSnapshot {
    return this.#parts.endpoint.counters.snapshot();
  }

  /** The frames in order, from the first; for one reader. Ends with the media. */
  frames(): AsyncIterable<ReceivedFrame> {
    return this.#queue;
  }

  /**
   * Asks the camera for a method: `keyframe`, `bitrate`, `stats`, `stop`, or one of its own. Executed once, whatever is lost.
   *
   * @throws ExchangeError when there is no answer of the method, RangeError for what cannot be sent.
   */
  async call(method: string, body?: ExchangeBody, options?: CallOptions): Promise<ExchangeAnswer> {
    // In fast mode media is there before the camera has the confirm.
    if (!this.streaming) await this.#confirmed;
    return this.#caller.call(method, body, options);
  }

  /** Tells the camera something, once: it may be lost. At most 1,024 bytes. */
  notify(method: string, body?: ExchangeBody): void {
    this.#caller.notify(method, body);
  }

  /** Says BYE, waits for the answer (6.2 s at most), frees everything. Never rejects. */
  close(code: number = ErrorCode.NO_ERROR, reason?: string): Promise<StreamEnd> {
    this.#fail(ErrorCode.CANCELLED, undefined);
    this.#step({ kind: 'close', code, ...(reason === undefined ? {} : { reason }) });
    this.#end(code, reason, false);
    return this.closed;
  }

  /** The sink cannot go on: ends the stream, or the attempt at one. For `initiate()`. */
  sinkFailed(error: Error): void {
    if (this.#ended === undefined) this.#sinkFailure ??= error;
    void this.close();
  }

  /** Frees everything at once; the camera finds out by itself. */
  destroy(): Promise<StreamEnd> {
    this.#step({ kind: 'socketFailed' });
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Begins on a bound socket. For `initiate()`. */
  run(runner: EndpointRunner<InitiatorInput, InitiatorOutput>): void {
    this.#runner = runner;
    runner.step({ kind: 'start' });
  }

  /** What the endpoint says. For `initiate()`. */
  output(output: InitiatorOutput): void {
    this.#parts.observer?.(output, monotonicMs());
    switch (output.kind) {
      case 'streaming':
        this.#streamingAtMs = monotonicMs();
        this.#confirm();
        if (this.#timeToStreamMs === undefined) this.#idleTimer = setTimeout(this.#ready, IDLE_CAMERA_MS);
        break;
      case 'token':
        this.#token = output.token;
        this.emit('token', output.token);
        break;
      case 'firstMedia':
        this.#timeToStreamMs = output.timeToStreamMs;
        clearTimeout(this.#idleTimer);
        this.#ready();
        break;
      case 'firstFrame':
        this.#timeToFirstFrameMs = output.timeToFirstFrameMs;
        this.emit('firstFrame', output.timeToFirstFrameMs);
        break;
      case 'sdp':
        this.#sdp = output.sdp;
        if (output.sdp !== undefined) this.#parts.sink?.describe(output.sdp);
        break;
      case 'frame':
        this.#frame(output.frame);
        break;
      case 'rtp':
        if (this.#parts.sink?.wants === 'datagrams') this.#parts.sink.datagram(output.bytes);
        this.emit('datagram', output.bytes);
        break;
      case 'peerBye':
        this.#end(output.code, output.reason, true);
        break;
      case 'closed':
        this.#over(output);
        break;
      case 'notified':
        this.emit('notified', { method: output.method, body: output.body });
        break;
      case 'asked':
      case 'askEnded':
        this.#methods.output(output);
        break;
      case 'answered':
      case 'askFailed':
        this.#caller.output(output);
        break;
      default:
        break;
    }
  }

  #frame(frame: ReceivedFrame): void {
    const { sink } = this.#parts;
    if (sink === undefined) this.#queue.push(frame);
    else if (sink.wants === 'frames') sink.frame(frame);
    this.emit('frame', frame);
  }

  #step(input: InitiatorInput): void {
    this.#runner?.step(input);
  }

  /** The media is over. */
  #end(code: number, reason: string | undefined, byPeer: boolean): void {
    if (this.#ended !== undefined) return;
    this.#queue.end();
    const durationMs = this.#streamingAtMs === undefined ? 0 : monotonicMs() - this.#streamingAtMs;
    const report = this.#parts.sink?.close() ?? Promise.resolve(undefined);
    this.#ended = report
      .catch(() => undefined)
      .then((sink) => {
        const failed = this.#sinkFailure === undefined ? {} : { sinkFailure: this.#sinkFailure };
        const end = { code, reason, byPeer, durationMs, sink, ...failed };
        this.#settleEnded(end);
        return end;
      });
  }

  /** Rejects `established`; without effect once it has settled. */
  #fail(code: number, reason: string | undefined): void {
    if (this.#isEstablished) return;
    const { attempts } = this.#parts.endpoint;
    const elapsedMs = monotonicMs() - this.#startedAtMs;
    this.#failed(
      this.#sinkFailure ?? new HandshakeError({ code, reason, peer: peerText(this.peer), attempts, elapsedMs }),
    );
  }

  #over(output: ClosedOutput): void {
    clearTimeout(this.#idleTimer);
    this.#confirm();
    this.#caller.close();
    const { code, reason } = output;
    this.#fail(code, reason);
    this.#end(code, reason, false);
    const runnerClosed = this.#runner?.close();
    Promise.all([this.#ended, runnerClosed]).then(([end]) => {
      if (end !== undefined) this.#settleClosed(end);
    });
  }
}

/** The error that a lost session amounts to; `undefined` when it ended as intended. */
export function sessionError(end: StreamEnd, peer: Peer): SessionError | undefined {
  if (end.code === ErrorCode.NO_ERROR) return undefined;
  const { code, reason, durationMs } = end;
  return new SessionError({ code, reason, durationMs, peer: peerText(peer) });
}
