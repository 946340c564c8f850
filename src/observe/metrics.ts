import { Counter, Gauge, Registry } from 'prom-client';
import {
  type CounterName,
  Counters,
  closedLabels,
  counterNames,
  dropReasons,
  hintNames,
  type MetricsSnapshot,
} from '../engine/counters.ts';
import type { HistogramSnapshot } from '../engine/histogram.ts';
import { SnapshotHistogram } from './snapshot-histogram.ts';

/** Which end of the handshake: the label `role` of every metric. */
export type MetricsRole = 'initiator' | 'responder';

/** An endpoint whose figures are scraped. */
export interface MetricsSource {
  readonly role: MetricsRole;
  /** All figures; monotone for as long as the source is attached. */
  snapshot(): MetricsSnapshot;
  /** Sessions in all states; default 0. */
  sessions?(): number;
  /** Half-open sessions; default 0. */
  pending?(): number;
  /** Every stranger needs a cookie; a responder's. */
  underLoad?(): boolean;
  /** How its datagrams leave, see `SocketKind`; default `dgram`. */
  socket?(): (typeof socketKinds)[number];
}

/** Values of the label `socket`. */
const socketKinds = ['dgram', 'batch'] as const;

const counterHelp: Readonly<Record<CounterName, string>> = {
  datagramsReceived: 'Datagrams that came, media included.',
  bytesReceived: 'Bytes of them.',
  datagramsSent: 'Datagrams sent, media included.',
  bytesSent: 'Bytes of them.',
  mediaDatagramsSent: 'Media datagrams sent.',
  mediaBytesSent: 'Bytes of them.',
  mediaRepaired: 'Media datagrams sent again because a NACK asked.',
  mediaRepairRefused: 'Media datagrams asked for and not sent again: too old, or over the budget.',
  mediaTailProbes: 'Last datagrams of a burst sent again, so that their loss shows.',
  mediaTooLarge: 'Pass-through packets too large for the path.',
  mediaJumps: 'Times a viewer was so far behind that it went on at the newest key frame.',
  mediaPutOff: 'Times a viewer’s media waited for the next millisecond, because enough had left in this one.',
  mediaDatagramsReceived: 'Media datagrams that came in a session.',
  mediaBytesReceived: 'Bytes of them.',
  handshakesStarted: 'Handshakes begun, or admitted on a responder.',
  handshakesCompleted: 'Handshakes that reached Streaming.',
  startsSent: 'START frames sent.',
  confirmsSent: 'START_CONFIRM frames sent.',
  resetsSent: 'RESET frames sent.',
  retriesSent: 'RETRY frames sent: strangers asked for a cookie first.',
  loadModes: 'Times that load made every stranger need a cookie.',
  answersWithheld: 'Answers to strangers not given, because their prefix had its share.',
  pathsTried: 'Sessions that were heard from another tuple, which was then asked.',
  pathsMoved: 'Sessions that moved to another tuple.',
  pathsKept: 'Other tuples that came to nothing, as the session was heard from its own again.',
  pathsFailed: 'Other tuples that did not answer.',
  pathsRefused:
    'Sealed frames from other tuples that were not asked, as one was, or had just been, or another session lives there.',
  nacksReceived: 'NACKs for a live session.',
  datagramSizeStepsDown: 'Times the media datagram size was made smaller.',
  datagramSizeStepsUp: 'Times the media datagram size was made larger again.',
  exchangesAsked: 'Exchanges that this end asked for.',
  exchangesAnswered: 'Rounds of them that were answered.',
  exchangesFailed: 'Exchanges that this end asked for and got no answer of.',
  exchangesExecuted: 'Rounds of exchanges that a method of this end was asked for.',
  exchangesRefused: 'Refusals sent, copies included: too many open, or a message too large.',
  exchangesForgotten: 'Ended exchanges forgotten before their 30 s, because there were too many.',
  exchangeRepeats: 'Times that a message of an exchange was sent again.',
  notifiesSent: 'NOTIFY frames sent.',
  notifiesReceived: 'NOTIFY frames that came, without copies.',
  fastGranted: 'Handshakes in which a token opened the media before the confirm.',
  tokensIssued: 'Tokens of fast mode given to viewers.',
  tokensForged: 'Tokens shown that this process did not make.',
  tokensExpired: 'Tokens shown too late.',
  tokensUsed: 'Tokens shown a second time.',
  tokensForeign: 'Tokens shown from another address than they were given to.',
  tokensReceived: 'Tokens of fast mode that came, without copies.',
  sendQueueDropped: 'Media datagrams dropped because the send queue was full.',
  linkImpaired: 'Datagrams dropped on purpose by --drop.',
  workerHandedOver: 'Datagrams that came to one worker and were handed to another.',
  workerDropped: 'Datagrams and frames that a worker could not be given: it was down, or too far behind.',
  workerMessagesDropped:
    'Trace outputs, requests, calls and notifications that could not go to another thread: it was too far behind.',
  workersLost: 'Workers that died; their sessions ended.',
};

/** `mediaBytesSent` is `firstframe_media_bytes_sent_total`. */
export function counterMetricName(name: CounterName): string {
  return `firstframe_${name.replaceAll(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)}_total`;
}

function addRecords<Name extends string>(
  names: readonly Name[],
  a: Readonly<Record<Name, number>>,
  b: Readonly<Record<Name, number>>,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Record<Name, number>;
}

function addHistograms(a: HistogramSnapshot, b: HistogramSnapshot): HistogramSnapshot {
  return {
    cumulative: a.cumulative.map((count, bucket) => count + (b.cumulative[bucket] ?? 0)),
    count: a.count + b.count,
    sumMs: a.sumMs + b.sumMs,
  };
}

/** The sum of two endpoints' figures, by the closed sets of names: a label that is in none of them is left out (S16). */
export function addSnapshots(a: MetricsSnapshot, b: MetricsSnapshot): MetricsSnapshot {
  return {
    counters: addRecords(counterNames, a.counters, b.counters),
    drops: addRecords(dropReasons, a.drops, b.drops),
    closed: addRecords(closedLabels, a.closed, b.closed),
    hints: addRecords(hintNames, a.hints, b.hints),
    timeToStreamMs: addHistograms(a.timeToStreamMs, b.timeToStreamMs),
    timeToFirstFrameMs: addHistograms(a.timeToFirstFrameMs, b.timeToFirstFrameMs),
  };
}

/**
 * Figures of any number of endpoints as Prometheus text. The snapshots are the only truth: nothing is counted here, every scrape
 * reads them. What an endpoint counted stays in the sums after it is detached, so that no counter ever falls.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources = new Set<MetricsSource>();
  readonly #retired = new Map<MetricsRole, MetricsSnapshot>();

  constructor() {
    for (const name of counterNames) {
      this.#counter(counterMetricName(name), counterHelp[name], undefined, ({ counters }) => ({ '': counters[name] }));
    }
    this.#counter('firstframe_drops_total', 'Datagrams without effect.', 'reason', ({ drops }) => drops);
    this.#counter('firstframe_closed_total', 'Ended sessions and handshakes.', 'code', ({ closed }) => closed);
    this.#counter('firstframe_hints_total', 'Local send errors and ICMP messages.', 'kind', ({ hints }) => hints);
    this.#histogram('firstframe_time_to_stream_seconds', 'From start() to the first media datagram.', 'timeToStreamMs');
    this.#histogram(
      'firstframe_time_to_first_frame_seconds',
      'From start() to the first decodable frame.',
      'timeToFirstFrameMs',
    );
    this.#gauge('firstframe_sessions', 'Sessions in all states.', 'sessions');
    this.#gauge('firstframe_pending', 'Half-open sessions.', 'pending');
    this.#gauge('firstframe_under_load', 'Endpoints that ask every stranger for a cookie first.', 'underLoad');
    this.#socketGauge();
  }

  /** MIME type of {@link Metrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Adds an endpoint. The returned function takes it out again and keeps what it counted; calling it twice is harmless. */
  attach(source: MetricsSource): () => void {
    this.#sources.add(source);
    // Zero from the first scrape on: otherwise a role's series would only begin when its last endpoint is gone.
    if (!this.#retired.has(source.role)) this.#retired.set(source.role, new Counters().snapshot());
    return () => {
      if (!this.#sources.delete(source)) return;
      const before = this.#retired.get(source.role) ?? new Counters().snapshot();
      this.#retired.set(source.role, addSnapshots(before, source.snapshot()));
    };
  }

  /** Sums per role, detached endpoints included; only roles that were ever attached. */
  totals(): ReadonlyMap<MetricsRole, MetricsSnapshot> {
    const sums = new Map(this.#retired);
    for (const source of this.#sources) {
      const sum = sums.get(source.role);
      sums.set(source.role, sum === undefined ? source.snapshot() : addSnapshots(sum, source.snapshot()));
    }
    return sums;
  }

  /** Everything in the Prometheus text format, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(
    name: string,
    help: string,
    label: 'reason' | 'code' | 'kind' | undefined,
    read: (snapshot: MetricsSnapshot) => Readonly<Record<string, number>>,
  ): void {
    const totals = () => this.totals();
    new Counter({
      name,
      help,
      labelNames: label === undefined ? ['role'] : ['role', label],
      registers: [this.#registry],
      collect() {
        // Set, not counted: prom-client has no other way to give a counter a value.
        this.reset();
        for (const [role, snapshot] of totals()) {
          for (const [value, count] of Object.entries(read(snapshot))) {
            this.inc(label === undefined ? { role } : { role, [label]: value }, count);
          }
        }
      },
    });
  }

  #histogram(name: string, help: string, figure: 'timeToStreamMs' | 'timeToFirstFrameMs'): void {
    const read = () => [...this.totals()].map(([role, snapshot]) => ({ role, times: snapshot[figure] }));
    this.#registry.registerMetric(new SnapshotHistogram(name, help, read));
  }

  #gauge(name: string, help: string, figure: 'sessions' | 'pending' | 'underLoad'): void {
    const sources = this.#sources;
    const roles = this.#retired;
    new Gauge({
      name,
      help,
      labelNames: ['role'],
      registers: [this.#registry],
      collect() {
        for (const role of roles.keys()) this.set({ role }, 0);
        for (const source of sources) this.inc({ role: source.role }, Number(source[figure]?.() ?? 0));
      },
    });
  }

  #socketGauge(): void {
    const sources = this.#sources;
    const roles = this.#retired;
    new Gauge({
      name: 'firstframe_sockets',
      help: 'Endpoints by how their datagrams leave.',
      labelNames: ['role', 'socket'],
      registers: [this.#registry],
      collect() {
        for (const role of roles.keys()) for (const socket of socketKinds) this.set({ role, socket }, 0);
        for (const source of sources) this.inc({ role: source.role, socket: source.socket?.() ?? 'dgram' }, 1);
      },
    });
  }
}
