import { Histogram } from 'prom-client';
import { type HistogramSnapshot, histogramBoundsMs } from '../engine/histogram.ts';

const MS_PER_S = 1000;

/** One role's times. */
export interface RoleTimes {
  readonly role: string;
  readonly times: HistogramSnapshot;
}

/** What prom-client's `get` resolves to. */
type Collected = Awaited<ReturnType<Histogram<'role' | 'le'>['get']>>;

/**
 * A histogram that counts nothing itself: it shows buckets that were counted elsewhere, in seconds as Prometheus wants them.
 * prom-client's own can only observe single values.
 */
export class SnapshotHistogram extends Histogram<'role' | 'le'> {
  readonly #head: Omit<Collected, 'values' | 'type'>;
  readonly #read: () => readonly RoleTimes[];

  constructor(name: string, help: string, read: () => readonly RoleTimes[]) {
    super({ name, help, labelNames: ['role'], buckets: histogramBoundsMs.map((ms) => ms / MS_PER_S), registers: [] });
    this.#head = { name, help, aggregator: 'sum', collect: () => undefined };
    this.#read = read;
  }

  override async get(): Promise<Collected> {
    const { name } = this.#head;
    const values = this.#read().flatMap(({ role, times }) => [
      ...histogramBoundsMs.map((ms, bucket) => ({
        metricName: `${name}_bucket`,
        labels: { role, le: ms / MS_PER_S },
        value: times.cumulative[bucket] ?? 0,
      })),
      { metricName: `${name}_bucket`, labels: { role, le: '+Inf' }, value: times.count },
      { metricName: `${name}_sum`, labels: { role }, value: times.sumMs / MS_PER_S },
      { metricName: `${name}_count`, labels: { role }, value: times.count },
    ]);
    // Its types call this an enum that does not exist at run time; its registry prints the text.
    return { ...this.#head, type: 'histogram' as unknown as Collected['type'], values };
  }

  /** The way by which prom-client's registry reads a histogram; its types do not tell. */
  getForPromString(): Promise<Collected> {
    return this.get();
  }
}
