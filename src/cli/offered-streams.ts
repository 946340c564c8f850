import type { MetricsSnapshot } from '../engine/counters.ts';
import { ConfigError } from '../errors.ts';
import type { MediaSource } from '../io/media-source.ts';
import { type Responder, respond } from '../io/respond.ts';
import { SourceError } from '../io/sources/source-error.ts';
import {
  type RedPepperCommands,
  type RedPepperMap,
  type RedPepperMethods,
  RedPepperRefusal,
} from '../neighbours/redpepper/index.ts';
import type { Observation } from './endpoint-options.ts';

type RespondOptions = Omit<Parameters<typeof respond>[0], 'streams' | 'port'>;

/** A stream that runs. */
interface Running {
  readonly camera: Responder;
  readonly detach: () => void;
}

/** Figures of a stream that are told. */
const told = [
  'mediaBytesSent',
  'mediaDatagramsSent',
  'nacksReceived',
] as const satisfies readonly (keyof MetricsSnapshot['counters'])[];

/** The streams that an agent offers: each runs as a camera of its own, from `stream.start` to `stream.stop`. */
export class OfferedStreams implements AsyncDisposable {
  readonly #sources: Readonly<Record<string, () => MediaSource>>;
  readonly #options: RespondOptions;
  readonly #firstPort: number;
  readonly #observation: Observation;
  readonly #changed: (stream: string, state: RedPepperMap) => void;
  readonly #running = new Map<string, Running>();
  /** Stopped, and still saying BYE. */
  readonly #stopping = new Set<Responder>();

  /**
   * @param firstPort of the first stream, the others follow; 0 for any.
   * @param changed a stream was started or stopped, or broke off.
   */
  constructor(
    sources: Readonly<Record<string, () => MediaSource>>,
    options: RespondOptions,
    firstPort: number,
    observation: Observation,
    changed: (stream: string, state: RedPepperMap) => void,
  ) {
    this.#sources = sources;
    this.#options = options;
    this.#firstPort = firstPort;
    this.#observation = observation;
    this.#changed = changed;
  }

  /** Names of all. */
  get names(): readonly string[] {
    return Object.keys(this.#sources);
  }

  /** What the manager may ask: `stream.start`, `stream.stop` and `stats` of a stream by name, `stream.list` and `stats` of all. */
  methods(): RedPepperMethods {
    return {
      'stream.start': ({ args: [name] }) => this.start(name),
      'stream.stop': ({ args: [name] }) => this.stop(name),
      'stream.list': () => this.list(),
      stats: ({ args: [name] }) => (name === undefined ? this.stats() : this.statsOf(this.#known(name))),
    };
  }

  /** The same for a manager that knows commands only, with JSON as the output. */
  commands(): RedPepperCommands {
    const methods = this.methods();
    return Object.fromEntries(
      Object.entries(methods).map(([type, method]) => [
        type,
        async ({ args, signal }) => {
          const texts = args.filter((arg) => typeof arg === 'string');
          const result = await method({ agent: undefined, args: texts, kwargs: {}, signal });
          return { success: true, changed: type.startsWith('stream.st'), output: `${JSON.stringify(result)}\n` };
        },
      ]),
    );
  }

  /** Starts a stream; one that runs goes on. @returns its state. */
  async start(text: string | undefined): Promise<RedPepperMap> {
    const name = this.#known(text);
    if (this.#running.has(name)) return this.#state(name);
    const source = this.#sources[name];
    if (source === undefined) throw new RedPepperRefusal(`no stream ${name}`);
    const port = this.#firstPort === 0 ? 0 : this.#firstPort + this.names.indexOf(name);
    const camera = await respond({ ...this.#options, port, streams: { [name]: source() } }).catch((error: unknown) => {
      // These are written for whoever runs the camera, which the manager does.
      const known = error instanceof SourceError || error instanceof ConfigError;
      throw known ? new RedPepperRefusal(error.message) : error;
    });
    const detach = this.#observation.metrics.attach({
      role: 'responder',
      snapshot: () => camera.metrics(),
      sessions: () => camera.sessionCount,
      pending: () => camera.pendingCount,
      underLoad: () => camera.underLoad,
    });
    this.#running.set(name, { camera, detach });
    camera.on('sourceFailed', ({ error }) =>
      this.#changed(name, { stream: name, running: true, failed: error.message }),
    );
    this.#changed(name, this.#state(name));
    return this.#state(name);
  }

  /** Says BYE to its viewers; one that does not run stays as it is. */
  async stop(text: string | undefined): Promise<RedPepperMap> {
    const name = this.#known(text);
    const running = this.#running.get(name);
    if (running === undefined) return this.#state(name);
    this.#running.delete(name);
    running.detach();
    // The viewers' answers may take seconds, which nobody needs to wait for.
    const { camera } = running;
    this.#stopping.add(camera);
    void camera.close().finally(() => this.#stopping.delete(camera));
    this.#changed(name, this.#state(name));
    return this.#state(name);
  }

  /** All, whether they run or not. */
  list(): readonly RedPepperMap[] {
    return this.names.map((name) => this.#state(name));
  }

  /** Figures of all that run. */
  stats(): readonly RedPepperMap[] {
    return [...this.#running.keys()].map((name) => this.statsOf(name));
  }

  /** Figures of one. */
  statsOf(name: string): RedPepperMap {
    const { camera } = this.#running.get(name) ?? {};
    if (camera === undefined) return this.#state(name);
    const { counters } = camera.metrics();
    const figures = Object.fromEntries(told.map((counter) => [counter, counters[counter]]));
    return { ...this.#state(name), pending: camera.pendingCount, ...figures };
  }

  /** Stops all, and waits for the BYEs of those that were stopped before. */
  async close(): Promise<void> {
    const cameras = this.#all();
    this.#running.clear();
    await Promise.all(cameras.map((camera) => camera.close()));
  }

  /** Stops all, and waits for nobody. */
  async destroy(): Promise<void> {
    const cameras = this.#all();
    this.#running.clear();
    await Promise.all(cameras.map((camera) => camera.destroy()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #all(): readonly Responder[] {
    return [...[...this.#running.values()].map(({ camera }) => camera), ...this.#stopping];
  }

  #known(name: string | undefined): string {
    if (name !== undefined && Object.hasOwn(this.#sources, name)) return name;
    throw new RedPepperRefusal(`no stream ${name?.slice(0, 64) ?? 'was named'}; there are ${this.names.join(', ')}`);
  }

  #state(stream: string): RedPepperMap {
    const { camera } = this.#running.get(stream) ?? {};
    if (camera === undefined) return { stream, running: false };
    const { address, port } = camera.local;
    return { stream, running: true, address, port, viewers: camera.sessionCount };
  }
}
