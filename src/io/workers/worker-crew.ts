import { lookup } from 'node:dns/promises';
import type { RespondSettings } from '../../config/settings.ts';
import { Counters, type MetricsSnapshot } from '../../engine/counters.ts';
import { checkExchange } from '../../engine/exchanges.ts';
import type { ExchangeInput, ExchangeOutput, Peer, SessionHandle } from '../../engine/io-types.ts';
import { WorkerRouter } from '../../engine/worker-router.ts';
import type { SharedKeys } from '../../engine/worker-share.ts';
import { ConfigError } from '../../errors.ts';
import { addSnapshots } from '../../observe/metrics.ts';
import { CONTROL_FIRST_BYTE } from '../../protocol/constants.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { ExchangeFault } from '../../protocol/exchange-fault.ts';
import { monotonicMs } from '../clock.ts';
import type { SocketKind } from '../datagram-socket.ts';
import type { MediaSource } from '../media-source.ts';
import { CrewSessions, placedOutput, placeOf, sessionOf } from './crew-sessions.ts';
import { RingKind } from './datagram-ring.ts';
import { FannedSource } from './fanned-source.ts';
import { freeAddress, Receiver } from './receiver.ts';
import { whyNoReusePort } from './reuse-port.ts';
import type { Sharing, WorkerFigures, WorkerSecurity } from './worker-messages.ts';
import type { RespondWorkersEvents, WorkersTrace } from './worker-options.ts';
import { drawKeys, randomKey, workerStart } from './worker-start.ts';
import { type WorkerMessage, type WorkerReady, WorkerThread } from './worker-thread.ts';

/** A worker is started anew at most so often within {@link RESTARTS_MS}; then it stays away. */
const RESTARTS_MAX = 5;
const RESTARTS_MS = 60_000;

/** What a crew is made of, besides its settings. */
export interface CrewPlan {
  readonly workers: number;
  readonly sharing: Sharing | 'auto';
  /** As given, with an explicit mode. */
  readonly security: WorkerSecurity;
  readonly trace: WorkersTrace | undefined;
}

/** Who owns a crew. */
export interface CrewHost {
  emit<Name extends keyof RespondWorkersEvents>(name: Name, event: RespondWorkersEvents[Name][0]): void;
  /** No worker is left, and none comes back. */
  allLost(): void;
}

/** A worker: its thread, or nothing while it is away. */
interface Place {
  thread: WorkerThread | undefined;
  threadNumber: number;
  ready: WorkerReady | undefined;
  /** When it was started anew, ms. */
  restartsMs: number[];
}

/** The threads of a camera: starts them, hands them what they need, and starts anew what dies. */
export class WorkerCrew {
  readonly #settings: RespondSettings<MediaSource>;
  readonly #plan: CrewPlan;
  readonly #host: CrewHost;
  readonly #keys: SharedKeys;
  readonly #counters = new Counters();
  readonly #router: WorkerRouter;
  readonly #places: readonly Place[];
  readonly #sources: ReadonlyMap<string, FannedSource>;
  readonly #sessions: CrewSessions;
  readonly #underLoad = new Set<number>();
  readonly #notices: string[] = [];
  #retired: MetricsSnapshot = new Counters().snapshot();
  #sharing: Sharing = 'receiver';
  #receiver: Receiver | undefined;
  #address: Peer | undefined;
  #threadsStarted = 0;
  #closing = false;

  constructor(settings: RespondSettings<MediaSource>, plan: CrewPlan, host: CrewHost) {
    this.#settings = settings;
    this.#plan = plan;
    this.#host = host;
    this.#sessions = new CrewSessions({
      methodsOf: () => [settings.methods],
      give: (session, input) => this.#exchange(session, input),
      failed: (method, error) => host.emit('methodFailed', { method, error }),
    });
    this.#keys = drawKeys(settings.resetKey);
    this.#router = new WorkerRouter(plan.workers, randomKey(8));
    this.#places = Array.from({ length: plan.workers }, () => ({
      thread: undefined,
      threadNumber: -1,
      ready: undefined,
      restartsMs: [],
    }));
    const fan = {
      frame: (worker: number, stream: string, unit: Parameters<WorkerThread['frame']>[1]) =>
        this.#places[worker]?.thread?.frame(stream, unit),
      say: (worker: number, message: Parameters<WorkerThread['say']>[0]) => this.#places[worker]?.thread?.say(message),
      failed: (stream: string, error: Error) => host.emit('sourceFailed', { stream, error }),
    };
    this.#sources = new Map(
      Object.entries(settings.streams).map(([name, source]) => [name, new FannedSource(name, source, fan)]),
    );
  }

  get local(): Peer {
    if (this.#address === undefined) throw new Error('not listening yet');
    return this.#address;
  }

  get sharing(): Sharing {
    return this.#sharing;
  }

  get receiveBufferBytes(): number {
    return this.#receiver?.handed.receiveBufferBytes ?? this.#places[0]?.ready?.receiveBufferBytes ?? 0;
  }

  get socketKind(): SocketKind {
    return this.#places[0]?.ready?.socket ?? 'dgram';
  }

  get notices(): readonly string[] {
    return this.#notices;
  }

  get workersUp(): number {
    return this.#places.filter((_, worker) => this.#router.isUp(worker)).length;
  }

  /** Starts everything; rejects when something cannot. */
  async listen(): Promise<void> {
    for (const source of this.#sources.values()) await source.open();
    await this.#bind();
    const ready = await Promise.all(this.#places.map((_, worker) => this.#start(worker)));
    // All say the same.
    for (const notice of ready[0]?.notices ?? []) this.#notice(notice);
  }

  /** Sums of all workers, those that died included, and of what is counted here. */
  metrics(): MetricsSnapshot {
    let sum = addSnapshots(this.#counters.snapshot(), this.#retired);
    for (const { thread } of this.#places) if (thread?.figures) sum = addSnapshots(sum, thread.figures.metrics);
    return sum;
  }

  /** Sum of a figure of all workers. */
  sum(figure: (figures: WorkerFigures) => number): number {
    return this.#places.reduce((sum, { thread }) => sum + (thread?.figures ? figure(thread.figures) : 0), 0);
  }

  closeSession(session: SessionHandle, code: number, reason?: string): void {
    const words = reason === undefined ? {} : { reason };
    this.#ownerOf(session)?.say({ kind: 'closeSession', session: placeOf(session).handle, code, ...words });
  }

  async kill(worker: number): Promise<void> {
    await this.#places[worker]?.thread?.kill();
  }

  /** @param atOnce without BYE. */
  async close(atOnce: boolean): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#places.map(({ thread }) => thread?.close(atOnce)));
    await Promise.all([...this.#sources.values()].map((source) => source.close()));
    // Not before: workers send on its descriptor.
    await this.#receiver?.close();
  }

  /** The thread that has a session, while it lives. */
  #ownerOf(session: SessionHandle): WorkerThread | undefined {
    const { thread } = placeOf(session);
    return this.#places.find(({ threadNumber }) => threadNumber === thread)?.thread;
  }

  /** @throws RangeError for what cannot be sent. */
  #exchange(session: SessionHandle, input: ExchangeInput): void {
    checkExchange(input);
    if (this.#ownerOf(session)?.exchange(placeOf(session).handle, input) !== false) return;
    this.#counters.add('workerMessagesDropped');
    if (input.kind !== 'ask') return;
    this.#sessions.exchanged({ kind: 'askFailed', session, call: input.call, fault: ExchangeFault.BUSY });
  }

  async #bind(): Promise<void> {
    const { host, port, ipv6Only, receiveBufferBytes } = this.#settings;
    const options = { address: (await lookup(host)).address, port, ipv6Only, receiveBufferBytes };
    const missing = whyNoReusePort();
    if (this.#plan.sharing !== 'receiver' && missing === undefined) {
      this.#sharing = 'reusePort';
      this.#address = await freeAddress(options);
      return;
    }
    if (this.#plan.sharing === 'reusePort') {
      throw new ConfigError([{ setting: 'sharing', problem: String(missing), tryInstead: "use 'auto'" }]);
    }
    if (missing !== undefined) this.#notice(`one thread receives for all workers: ${missing}`);
    this.#receiver = await Receiver.bind(options, {
      datagram: (bytes, from) => this.#give(this.#router.route(bytes, from), bytes, from),
      sendFailed: (to, hint, bytes) => {
        const worker = this.#router.liveOn(to) ?? this.#router.homeOf(to);
        if (worker !== undefined) this.#places[worker]?.thread?.say({ kind: 'sendFailed', to, hint, bytes });
      },
      failed: () => {
        for (const { thread } of this.#places) thread?.say({ kind: 'socketFailed' });
      },
      dropped: () => this.#counters.add('sendQueueDropped'),
    });
    this.#address = this.#receiver.local;
  }

  async #start(worker: number): Promise<WorkerReady> {
    const place = this.#places[worker];
    if (place === undefined) throw new RangeError(`there is no worker ${worker}`);
    const threadNumber = this.#threadsStarted++;
    const thread = new WorkerThread(
      workerStart(this.#settings, {
        share: { index: worker, count: this.#plan.workers, tuplesStray: this.#sharing === 'reusePort' },
        keys: this.#keys,
        local: this.local,
        handed: this.#receiver?.handed,
        security: this.#plan.security,
        traces: this.#plan.trace !== undefined,
        streams: Object.fromEntries([...this.#sources].map(([name, { shared }]) => [name, shared])),
      }),
      {
        heard: (message) => this.#hear(worker, threadNumber, message),
        datagram: (kind, bytes, peer, mark) => this.#datagram(worker, kind, bytes, peer, mark),
        frameDropped: () => this.#counters.add('workerDropped'),
        died: (why) => this.#died(worker, why),
      },
    );
    Object.assign(place, { thread, threadNumber });
    const ready = await thread.ready();
    place.ready = ready;
    this.#router.setUp(worker, true);
    return ready;
  }

  #give(worker: number | undefined, bytes: Uint8Array, from: Peer): void {
    const thread = worker === undefined ? undefined : this.#places[worker]?.thread;
    if (thread?.receive(bytes, from) !== true) this.#counters.add('workerDropped');
  }

  /** What a worker put into its ring. */
  #datagram(worker: number, kind: RingKind, bytes: Uint8Array, peer: Peer, mark: number): void {
    if (kind === RingKind.HANDED_OVER) return this.#handOver(worker, bytes, peer);
    const replaces = mark === 0 ? undefined : sessionOf({ thread: worker, handle: mark });
    this.#receiver?.send(kind, bytes, peer, replaces, () => this.#places[worker]?.thread?.say({ kind: 'room' }));
  }

  #handOver(worker: number, bytes: Uint8Array, from: Peer): void {
    const named = bytes[0] === CONTROL_FIRST_BYTE;
    const other = named ? this.#router.route(bytes, from) : this.#router.liveOn(from);
    // Media feedback of nobody; the worker that it came to has left the counting to this.
    if (!named && (other === undefined || other === worker)) this.#counters.drop('noSession');
    else this.#give(other, bytes, from);
  }

  #hear(worker: number, thread: number, message: WorkerMessage): void {
    switch (message.kind) {
      case 'joinSource':
        void this.#sources.get(message.stream)?.join(worker);
        break;
      case 'leaveSource':
        this.#sources.get(message.stream)?.leave(worker);
        break;
      case 'requestKeyframe':
        this.#sources.get(message.stream)?.requestKeyframe();
        break;
      case 'setBitrate':
        this.#sources.get(message.stream)?.setBitrate(message.bitsPerSecond);
        break;
      case 'authorize':
        void this.#authorize(worker, message);
        break;
      case 'mayLook':
        this.#places[worker]?.thread?.answerViewer(message.question, this.#allows(message.publicKey));
        break;
      case 'log':
        this.#settings.logger?.[message.level](message.fields, message.message);
        break;
      case 'methodFailed':
        this.#host.emit('methodFailed', { method: message.method, error: new Error(message.message) });
        break;
      case 'exchange':
        this.#hearExchange(placedOutput(message.output, thread));
        break;
      case 'trace':
        for (const { output, atMs } of message.outputs) this.#plan.trace?.(placedOutput(output, thread), atMs, worker);
        break;
      case 'load':
        this.#load(worker, message.load);
        break;
      default:
        this.#hearSession(worker, thread, message);
    }
  }

  #hearSession(
    worker: number,
    thread: number,
    message: Extract<WorkerMessage, { readonly kind: 'streaming' | 'moved' | 'left' | 'closed' }>,
  ): void {
    if (message.kind === 'streaming') {
      const viewer = this.#sessions.streaming(thread, worker, message.viewer);
      this.#takeTuple(worker, viewer.peer);
      this.#host.emit('streaming', viewer);
    } else if (message.kind === 'moved') {
      const { session: handle, before, peer } = message;
      const session = sessionOf({ thread, handle });
      this.#sessions.moved(session, peer);
      this.#router.gone(before, worker);
      this.#takeTuple(worker, peer);
      this.#host.emit('moved', { session, before, peer });
    } else if (message.kind === 'left') {
      const { session: handle, code, reason } = message;
      this.#host.emit('left', { session: sessionOf({ thread, handle }), code, reason });
    } else {
      const session = sessionOf({ thread, handle: message.closed.session });
      this.#sessions.closed(session);
      if (message.closed.wasStreaming) this.#router.gone(message.closed.peer, worker);
      this.#host.emit('closed', { ...message.closed, session });
    }
  }

  #hearExchange(output: ExchangeOutput): void {
    if (output.kind !== 'notified') return this.#sessions.exchanged(output);
    const { session, method, body } = output;
    this.#host.emit('notified', { session, method, body });
  }

  /** A session of a worker has a tuple now. One of another worker is older, and gives way (S6). */
  #takeTuple(worker: number, peer: Peer): void {
    const before = this.#router.live(peer, worker);
    const older = before === undefined ? undefined : this.#sessions.onTuple(peer, before);
    if (older !== undefined) this.closeSession(older, ErrorCode.SUPERSEDED);
  }

  async #authorize(
    worker: number,
    { question, request }: Extract<WorkerMessage, { readonly kind: 'authorize' }>,
  ): Promise<void> {
    const { thread } = this.#places[worker] ?? {};
    try {
      const verdict = (await this.#settings.authorize?.(request)) ?? true;
      thread?.say({ kind: 'verdict', question, verdict });
    } catch {
      thread?.say({ kind: 'verdict', question, verdict: 'failed' });
    }
  }

  #allows(publicKey: Uint8Array): boolean {
    return this.#settings.credentials?.viewers?.allows(publicKey) === true;
  }

  /** The camera is under load while one of its workers is. */
  #load(worker: number, load: RespondWorkersEvents['load'][0]): void {
    const before = this.#underLoad.size;
    if (load.under) this.#underLoad.add(worker);
    else this.#underLoad.delete(worker);
    if ((before === 0) !== (this.#underLoad.size === 0)) this.#host.emit('load', load);
  }

  #died(worker: number, why: string): void {
    const place = this.#places[worker];
    if (place === undefined) return;
    const { thread, threadNumber } = place;
    if (thread?.figures) this.#retired = addSnapshots(this.#retired, thread.figures.metrics);
    Object.assign(place, { thread: undefined, ready: undefined });
    this.#router.setUp(worker, false);
    for (const source of this.#sources.values()) source.leave(worker);
    if (this.#underLoad.has(worker)) this.#load(worker, { kind: 'load', under: false });
    if (this.#closing) return;
    this.#counters.add('workersLost');
    const restarts = this.#mayRestart(place);
    this.#settings.logger?.error({ worker, restarts }, `a worker died: ${why}`);
    this.#host.emit('workerLost', { worker, why, restarts });
    for (const closed of this.#sessions.threadLost(threadNumber)) {
      this.#counters.closed(closed.code);
      this.#host.emit('closed', closed);
    }
    if (restarts) this.#start(worker).catch((error: Error) => this.#died(worker, error.message));
    else if (this.#places.every((each) => each.thread === undefined)) this.#host.allLost();
  }

  #mayRestart(place: Place): boolean {
    const nowMs = monotonicMs();
    place.restartsMs = place.restartsMs.filter((atMs) => nowMs - atMs < RESTARTS_MS);
    if (place.restartsMs.length >= RESTARTS_MAX) return false;
    place.restartsMs.push(nowMs);
    return true;
  }

  #notice(text: string): void {
    this.#notices.push(text);
    this.#settings.logger?.info({}, text);
  }
}
