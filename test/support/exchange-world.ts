import type { CallHandle, ExchangeInput, ExchangeOutput } from '../../src/engine/io-types.ts';
import type { Profile } from '../../src/protocol/profiles.ts';
import { InvariantWatch } from '../../src/sim/invariants/invariant-watch.ts';
import type { LinkModel } from '../../src/sim/link-model.ts';
import type { Viewer } from '../../src/sim/viewer.ts';
import { World } from '../../src/sim/world.ts';
import type { HostName, TappedDatagram } from '../../src/sim/world-event.ts';
import { admitEverybody, testStream } from './camera-application.ts';

/** An output of kind `asked`. */
export type Asked = ExchangeOutput & { readonly kind: 'asked' };

/** What a method says. */
export interface MethodAnswer {
  /** The method's own result; default 0. */
  readonly status?: number;
  /** The exchange failed with this fault. */
  readonly fault?: number;
  readonly body?: Uint8Array;
  /** Time that the work takes, in ms; default 0. */
  readonly afterMs?: number;
}

/** What an {@link ExchangeWorld} is made of. */
export interface ExchangeWorldOptions {
  readonly seed: number;
  readonly link?: LinkModel;
  readonly profile?: Profile;
  /** Both sides' one method; `undefined` never answers. Default: echoes. */
  readonly method?: (asked: Asked) => MethodAnswer | undefined;
  readonly tap?: (datagram: TappedDatagram) => void;
}

/** What one call came to. */
export interface CallEnd {
  readonly atMs: number;
  readonly output: ExchangeOutput & { readonly kind: 'answered' | 'askFailed' };
}

/** A camera and viewers that ask each other, with the watch over all invariants. */
export class ExchangeWorld extends World {
  readonly watch: InvariantWatch;
  /** Executions by host, session, request id and round. */
  readonly executions: Map<string, number>;
  /** Ends of calls by host and call, in order. */
  readonly ends = new Map<string, CallEnd[]>();
  readonly told: { readonly host: HostName; readonly output: ExchangeOutput }[] = [];
  onEnd: (host: HostName, end: CallEnd) => void = () => {};
  onNotified: (host: HostName, told: { readonly method: string; readonly body: Uint8Array }) => void = () => {};
  #nextCall = 1;

  constructor(options: ExchangeWorldOptions) {
    const { seed, link, profile, tap, method = ({ body }) => ({ body }) } = options;
    const watch = new InvariantWatch();
    const executions = new Map<string, number>();
    const stream = testStream();
    super({
      seed,
      keepOutputs: false,
      ...(link === undefined ? {} : { link }),
      ...(profile === undefined ? {} : { profile }),
      application: admitEverybody(stream),
      observe: (event, world) => {
        watch.see(event, world);
        if (event.kind === 'sent') tap?.(event);
        if (event.kind === 'told') (world as ExchangeWorld).#hear(event.host, event.output, method);
      },
    });
    this.watch = watch;
    this.executions = executions;
  }

  /** A viewer that is streaming. */
  join(link?: LinkModel): Viewer {
    const viewer = link === undefined ? this.addViewer() : this.addViewer({}, link);
    this.toViewer(viewer, { kind: 'start' });
    for (let waits = 0; waits < 1000 && viewer.endpoint.state !== 'Streaming'; waits++) this.run(10);
    return viewer;
  }

  /** An input of exchanges for one side of the first session; the camera's is that of the given handle. */
  give(host: HostName, input: ExchangeInput, session = 1): void {
    if (host === 'camera') return this.toCamera({ kind: 'exchange', session, input });
    const viewer = this.viewers[host];
    if (viewer !== undefined) this.toViewer(viewer, { kind: 'exchange', input });
  }

  /** Asks; ends show in {@link endsOf}. */
  ask(
    host: HostName,
    body: Uint8Array,
    more: { timeoutMs?: number; rounds?: boolean; session?: number } = {},
  ): CallHandle {
    const call = this.#nextCall++;
    const { session, ...options } = more;
    this.give(host, { kind: 'ask', call, method: 'echo', body, ...options }, session);
    return call;
  }

  endsOf(host: HostName, call: CallHandle): CallEnd[] {
    return this.ends.get(`${host} ${call}`) ?? [];
  }

  /** Rounds that were executed more than once. */
  get executedTwice(): string[] {
    return [...this.executions].flatMap(([key, times]) => (times > 1 ? [key] : []));
  }

  toldTo(host: HostName, kind: ExchangeOutput['kind']): ExchangeOutput[] {
    return this.told.filter((one) => one.host === host && one.output.kind === kind).map(({ output }) => output);
  }

  #hear(host: HostName, output: { readonly kind: string }, method: NonNullable<ExchangeWorldOptions['method']>): void {
    const heard = output as ExchangeOutput;
    switch (heard.kind) {
      case 'asked':
        this.#execute(host, heard, method(heard));
        break;
      case 'answered':
      case 'askFailed': {
        const key = `${host} ${heard.call}`;
        const end = { atMs: this.clock.nowMs, output: heard };
        this.ends.set(key, [...(this.ends.get(key) ?? []), end]);
        this.onEnd(host, end);
        break;
      }
      case 'notified':
        this.onNotified(host, heard);
        break;
      case 'askEnded':
        break;
      default:
        return;
    }
    this.told.push({ host, output: heard });
  }

  #execute(host: HostName, asked: Asked, answer: MethodAnswer | undefined): void {
    const { session, requestId, round } = asked;
    const key = `${host} ${session} ${requestId} ${round}`;
    this.executions.set(key, (this.executions.get(key) ?? 0) + 1);
    if (answer === undefined) return;
    const { status = 0, fault, body = new Uint8Array(0), afterMs = 0 } = answer;
    const layers = fault === undefined ? { exchange: 0, method: status } : { exchange: 1, method: fault };
    this.clock.at(this.clock.nowMs + afterMs, () =>
      this.give(host, { kind: 'answer', requestId, round, status: layers, body }, session),
    );
  }
}

/** Both ends of the first session. */
export const sides = ['camera', 0] as const;

/** The one that `side` talks to. */
export function otherSide(side: HostName): HostName {
  return side === 'camera' ? 0 : 'camera';
}

/** Why calls failed, in order. */
export function faultsOf(ends: readonly CallEnd[]): number[] {
  return ends.flatMap(({ output }) => (output.kind === 'askFailed' ? [output.fault] : []));
}

/** UTF-8. */
export function text(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}

/** Bytes that tell parts in the wrong place from those in the right one. */
export function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}
