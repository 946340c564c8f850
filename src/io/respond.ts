import { lookup } from 'node:dns/promises';
import { EventEmitter } from 'node:events';
import type { Methods } from '../config/methods.ts';
import type { AuthorizeVerdict } from '../config/options.ts';
import { type RespondOptions, type RespondSettings, resolveRespondSettings } from '../config/settings.ts';
import type { MetricsSnapshot } from '../engine/counters.ts';
import type {
  ClosedOutput,
  ExchangeInput,
  ExchangeOutput,
  Peer,
  ResponderInput,
  ResponderOutput,
  SessionHandle,
} from '../engine/io-types.ts';
import { ResponderEndpoint } from '../engine/responder-endpoint.ts';
import { srtpMedia } from '../engine/srtp-media.ts';
import type { SharedKeys, WorkerShare } from '../engine/worker-share.ts';
import { ReusedMemory } from '../media/datagram-memory.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { bindAnywhere } from './bind-anywhere.ts';
import type { OpenSocket } from './bind-socket.ts';
import { cameraMethods } from './camera-methods.ts';
import { monotonicMs } from './clock.ts';
import type { SocketKind } from './datagram-socket.ts';
import { cryptoEntropy } from './entropy.ts';
import type { MediaSource } from './media-source.ts';
import { type OutputObserver, outputObserver } from './output-observer.ts';
import { PublishedStream, type Reservation, type Unavailable } from './published-stream.ts';
import { EndpointRunner } from './runner.ts';
import { Viewer, type ViewerHost, type ViewerSession, Viewers } from './viewer.ts';
import { warmUp } from './warm-up.ts';

/** What a camera tells its application. */
export interface ResponderEvents {
  /** A viewer confirmed: media flows. */
  streaming: [ViewerSession];
  /** A viewer told something by NOTIFY. */
  notified: [{ readonly session: SessionHandle; readonly method: string; readonly body: Uint8Array }];
  /** A method threw, or gave what cannot be sent. */
  methodFailed: [{ readonly method: string; readonly error: Error }];
  /** A viewer has another address or port, as it has proven: its session and its media go on there. Secured modes only. */
  moved: [{ readonly session: SessionHandle; readonly before: Peer; readonly peer: Peer }];
  /** A viewer said BYE: no media flows any more; `closed` follows when stray copies of it can no longer come. */
  left: [{ readonly session: SessionHandle; readonly code: number; readonly reason: string | undefined }];
  /** A session, or an attempt at one, is over. */
  closed: [ClosedOutput];
  /** Load began or ended: while it lasts every stranger is asked for a cookie first, which costs viewers a round trip. */
  load: [LoadOutput];
  /** A source broke off; its viewers get BYE, others go on. */
  sourceFailed: [{ readonly stream: string; readonly error: Error }];
}

/** Load began, and why, or ended. */
export type LoadOutput = Extract<ResponderOutput, { kind: 'load' }>;

type ReserveOutput = Extract<ResponderOutput, { kind: 'reserve' }>;

/** What a responder has that is one of a camera's workers. */
export interface ResponderSeat {
  readonly worker: WorkerShare;
  readonly keys: SharedKeys;
  readonly open: OpenSocket;
  /** What the engine says of an exchange. @returns false when nobody outside of this thread wants it. */
  exchange(output: ExchangeOutput): boolean;
  /** Another worker's. */
  handOver(bytes: Uint8Array, from: Peer): void;
}

/** A camera that listens: several named streams on one port, any number of viewers. */
export class Responder extends EventEmitter<ResponderEvents> implements AsyncDisposable {
  /** Settled when it is closed, by whomever. */
  readonly closed: Promise<void>;
  readonly #settings: RespondSettings<MediaSource>;
  readonly #seat: ResponderSeat | undefined;
  readonly #observer: OutputObserver<ResponderOutput> | undefined;
  readonly #mediaMemory: ReusedMemory | undefined;
  readonly #endpoint: ResponderEndpoint;
  readonly #streams = new Map<string, PublishedStream>();
  readonly #reservedBy = new Map<SessionHandle, PublishedStream>();
  readonly #viewers = new Viewers();
  readonly #notices: string[] = [];
  readonly #host: ViewerHost = {
    methodsOf: (viewer) => this.#methodsOf(viewer),
    give: (session, input) => this.#step({ kind: 'exchange', session, input }),
    failed: (method, error) => this.emit('methodFailed', { method, error }),
  };
  #runner: EndpointRunner<ResponderInput, ResponderOutput> | undefined;
  #closing: Promise<void> | undefined;
  #allClosed: (() => void) | undefined;
  #settleClosed: () => void = () => {};

  private constructor(settings: RespondSettings<MediaSource>, seat: ResponderSeat | undefined) {
    super();
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#settings = settings;
    this.#seat = seat;
    this.#observer = outputObserver(settings);
    // Who hears of outputs may keep them.
    this.#mediaMemory = this.#observer === undefined ? new ReusedMemory() : undefined;
    this.#endpoint = new ResponderEndpoint({
      profile: settings.profile,
      entropy: cryptoEntropy,
      limits: settings.limits,
      fast: settings.fast,
      repair: settings.repair,
      datagramBytesMax: settings.datagramBytesMax,
      mediaMemory: this.#mediaMemory,
      trace: this.#observer !== undefined,
      ...(settings.credentials && { security: settings.credentials }),
      protectMedia: srtpMedia,
      ...(settings.resetKey === undefined ? {} : { resetKey: settings.resetKey }),
      ...(seat && { worker: seat.worker, ...seat.keys }),
    });
    for (const [name, source] of Object.entries(settings.streams)) {
      this.#streams.set(
        name,
        new PublishedStream(
          name,
          source,
          (feed: StreamFeed) => this.#step({ kind: 'media', feed }),
          (error) => this.emit('sourceFailed', { stream: name, error }),
        ),
      );
    }
  }

  /** See {@link respond}. @param seat of one that is a worker. */
  static async listen(settings: RespondSettings<MediaSource>, seat?: ResponderSeat): Promise<Responder> {
    const responder = new Responder(settings, seat);
    try {
      responder.#runner = await bindAnywhere((await lookup(settings.host)).address, settings.ipv6Only, (address) =>
        responder.#bind(address),
      );
      for (const stream of responder.#streams.values()) await stream.open();
    } catch (error) {
      await responder.close();
      throw error;
    }
    return responder;
  }

  #bind(address: string): Promise<EndpointRunner<ResponderInput, ResponderOutput>> {
    const { port, ipv6Only, receiveBufferBytes, socket, drop, logger } = this.#settings;
    const notice = (text: string): void => {
      this.#notices.push(text);
      logger?.info({}, text);
    };
    const own = { notice, impairment: drop, open: this.#seat?.open, mediaMemory: this.#mediaMemory };
    return EndpointRunner.bind<ResponderInput, ResponderOutput>(
      this.#endpoint,
      { address, port, ipv6Only, receiveBufferBytes, socket, ...own },
      (output) => this.#output(output),
      new Set(['reserve', 'release', 'streaming', 'peerBye']),
    );
  }

  /** Where it listens. */
  get local(): Peer {
    if (this.#runner === undefined) throw new Error('not listening yet');
    return this.#runner.socket.local;
  }

  /** Bytes of the socket's receive buffer: what was asked for, and what the operating system granted. */
  get receiveBuffer(): { readonly asked: number; readonly granted: number } {
    return { asked: this.#settings.receiveBufferBytes, granted: this.#runner?.socket.receiveBufferBytes ?? 0 };
  }

  /** Which socket sends. */
  get socketKind(): SocketKind {
    return this.#runner?.socket.kind ?? 'dgram';
  }

  /** What does not work here as well as it could, a line each. */
  get notices(): readonly string[] {
    return this.#notices;
  }

  /** Names of its streams. */
  get streams(): readonly string[] {
    return [...this.#streams.keys()];
  }

  /** Sessions in all states. */
  get sessionCount(): number {
    return this.#endpoint.sessionCount;
  }

  /** Strangers are asked for a cookie before they cost anything. */
  get underLoad(): boolean {
    return this.#endpoint.underLoad;
  }

  /** Half-open sessions. */
  get pendingCount(): number {
    return this.#endpoint.pendingCount;
  }

  /** All figures so far. */
  metrics(): MetricsSnapshot {
    return this.#endpoint.counters.snapshot();
  }

  /** Ends one session with BYE. @param code an application's code, 0x80..0xFF, or one of {@link ErrorCode}. */
  closeSession(session: SessionHandle, code: number = ErrorCode.NO_ERROR, reason?: string): void {
    this.#step({ kind: 'close', session, code, ...(reason === undefined ? {} : { reason }) });
  }

  /** For a worker, whose application is in another thread: what that wants of an exchange. @throws RangeError for what cannot be sent. */
  exchange(session: SessionHandle, input: ExchangeInput): void {
    this.#step({ kind: 'exchange', session, input });
  }

  /** Says BYE to every viewer, waits for their answers (6.2 s at most), and frees everything. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Frees everything at once; viewers find out by themselves. */
  async destroy(): Promise<void> {
    this.#step({ kind: 'socketFailed' });
    await this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#step({ kind: 'close', code: ErrorCode.SHUTDOWN });
    if (this.#endpoint.sessionCount > 0) {
      await new Promise<void>((resolve) => {
        this.#allClosed = resolve;
      });
    }
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()));
    await this.#runner?.close();
    this.#settleClosed();
  }

  #step(input: ResponderInput): void {
    this.#runner?.step(input);
  }

  #output(output: ResponderOutput): void {
    this.#observer?.(output, monotonicMs());
    switch (output.kind) {
      case 'reserve':
        this.#reserve(output);
        break;
      case 'release':
        this.#reservedBy.get(output.session)?.release();
        this.#reservedBy.delete(output.session);
        break;
      case 'streaming':
        this.#welcome(output);
        break;
      case 'moved': {
        const { session, before, peer } = output;
        this.#viewers.get(session)?.moved(peer);
        this.emit('moved', { session, before, peer });
        break;
      }
      case 'load':
        this.emit('load', output);
        break;
      case 'peerBye':
        this.#viewers.end(output.session);
        this.emit('left', { session: output.session, code: output.code, reason: output.reason });
        break;
      case 'closed':
        this.#viewers.end(output.session);
        this.emit('closed', output);
        if (this.#endpoint.sessionCount === 0) this.#allClosed?.();
        break;
      case 'otherWorker':
        this.#seat?.handOver(output.bytes, output.from);
        break;
      case 'notified':
      case 'asked':
      case 'askEnded':
      case 'answered':
      case 'askFailed':
        if (this.#seat?.exchange(output) !== true) this.#exchanged(output);
        break;
      default:
        break;
    }
  }

  #exchanged(output: ExchangeOutput): void {
    if (output.kind !== 'notified') return this.#viewers.get(output.session)?.output(output);
    const { session, method, body } = output;
    this.emit('notified', { session, method, body });
  }

  #welcome(output: ResponderOutput & { readonly kind: 'streaming' }): void {
    const { session } = output;
    const secrets =
      this.#settings.credentials === undefined
        ? undefined
        : { keys: this.#endpoint.keysOf(session), publicKey: this.#endpoint.viewerKeyOf(session) };
    const viewer = new Viewer(output, monotonicMs(), this.#host, secrets);
    this.#viewers.add(viewer);
    this.emit('streaming', viewer);
  }

  #methodsOf({ session, streamingSinceMs: startedAtMs }: Viewer): readonly Methods[] {
    const stream = this.#reservedBy.get(session);
    const methods = this.#settings.methods;
    if (stream === undefined) return [methods];
    const own = cameraMethods({
      stream,
      startedAtMs,
      nowMs: monotonicMs,
      metrics: () => this.metrics(),
      refresh: () => this.#step({ kind: 'refresh', session }),
      close: () => this.closeSession(session),
    });
    return [methods, own];
  }

  /** An answer that is there at once costs no promise: most streams run, and most applications know their viewers. */
  #reserve(asked: ReserveOutput): void {
    const { session } = asked;
    try {
      this.#decide(asked)?.catch((error: unknown) => this.#refuse(session, ErrorCode.RESOURCE, String(error)));
    } catch (error) {
      this.#refuse(session, ErrorCode.RESOURCE, String(error));
    }
  }

  #decide({ session, peer, streamId, streamName }: ReserveOutput): Promise<void> | undefined {
    if (this.#closing !== undefined) return this.#refuse(session, ErrorCode.SHUTDOWN);
    const stream = this.#find(streamName);
    if (stream === undefined) {
      return this.#refuse(session, ErrorCode.NO_SUCH_STREAM, `streams here: ${this.streams.join(', ')}`);
    }
    const verdict = this.#settings.authorize?.({ peer, streamId, streamName: stream.name }) ?? true;
    if (!isThenable(verdict)) return this.#judged(session, stream, verdict);
    return Promise.resolve(verdict).then((settled) => this.#judged(session, stream, settled ?? true));
  }

  #judged(session: SessionHandle, stream: PublishedStream, verdict: AuthorizeVerdict): Promise<void> | undefined {
    if (verdict === false) return this.#refuse(session, ErrorCode.POLICY);
    if (verdict !== true) return this.#refuse(session, verdict.code, verdict.reason, verdict.retryAfterMs);
    const reservation = stream.reserve();
    if (!isThenable(reservation)) return this.#reserved(session, stream, reservation);
    return reservation.then((settled) => this.#reserved(session, stream, settled));
  }

  #reserved(session: SessionHandle, stream: PublishedStream, given: Reservation | Unavailable): undefined {
    if ('code' in given) return this.#refuse(session, given.code, given.reason);
    this.#reservedBy.set(session, stream);
    this.#runner?.stepNext({ kind: 'reserved', session, feed: given.feed, sdp: given.sdp });
  }

  /** The named stream, or the only one when no name was given. */
  #find(name: string | undefined): PublishedStream | undefined {
    if (name !== undefined) return this.#streams.get(name);
    if (this.#streams.size !== 1) return undefined;
    for (const only of this.#streams.values()) return only;
    return undefined;
  }

  #refuse(session: SessionHandle, code: number, reason?: string, retryAfterMs?: number): undefined {
    this.#runner?.stepNext({
      kind: 'refused',
      session,
      code,
      ...(reason === undefined ? {} : { reason }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

function isThenable<Answer>(answer: Answer | PromiseLike<Answer>): answer is PromiseLike<Answer> {
  return typeof answer === 'object' && answer !== null && 'then' in answer;
}

/**
 * Starts a camera.
 *
 * @throws ConfigError that lists everything that is wrong with the options.
 * @throws the operating system's error when it cannot bind, and a source's when it cannot start.
 */
export async function respond(options: RespondOptions<MediaSource>): Promise<Responder> {
  const settings = resolveRespondSettings(options);
  warmUp();
  const responder = await Responder.listen(settings);
  const stop = (): void => void responder.close();
  if (settings.signal?.aborted === true) stop();
  else settings.signal?.addEventListener('abort', stop, { once: true });
  return responder;
}
