import fc from 'fast-check';
import { register } from 'prom-client';
import { describe, expect, test } from 'vitest';
import {
  Counters,
  closedLabels,
  counterNames,
  dropReasons,
  hintNames,
  type MetricsSnapshot,
} from '../../src/engine/counters.ts';
import { type HistogramSnapshot, histogramBoundsMs } from '../../src/engine/histogram.ts';
import { addSnapshots, counterMetricName, Metrics } from '../../src/observe/metrics.ts';
import { seedFromEnv } from '../support/seeded.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The text format as a scraper reads it; a line that is none throws. */
function parse(text: string): readonly Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# HELP ') && !line.startsWith('# TYPE '))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`no sample: ${line}`);
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', text = '']) => [label, text] as const);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

type Role = 'initiator' | 'responder';

/** Reads a snapshot back from samples, the reverse of what is tested. */
function snapshotOf(samples: readonly Sample[], role: Role): MetricsSnapshot {
  const of = (name: string) => samples.filter((sample) => sample.name === name && sample.labels['role'] === role);
  const single = (name: string): number => {
    const [sample, ...others] = of(name);
    if (sample === undefined || others.length > 0) throw new Error(`${name} is not there once`);
    return sample.value;
  };
  const byLabel = (name: string, label: string) =>
    Object.fromEntries(of(name).map(({ labels, value }) => [labels[label], value]));
  const histogram = (name: string): HistogramSnapshot => {
    const buckets = of(`${name}_bucket`);
    expect(buckets.at(-1)?.labels).toMatchObject({ le: '+Inf' });
    expect(buckets.at(-1)?.value).toBe(single(`${name}_count`));
    expect(buckets.slice(0, -1).map(({ labels }) => Number(labels['le']) * 1000)).toEqual([...histogramBoundsMs]);
    return {
      cumulative: buckets.slice(0, -1).map(({ value }) => value),
      count: single(`${name}_count`),
      sumMs: single(`${name}_sum`) * 1000,
    };
  };
  return {
    counters: Object.fromEntries(counterNames.map((name) => [name, single(counterMetricName(name))])),
    drops: byLabel('firstframe_drops_total', 'reason'),
    closed: byLabel('firstframe_closed_total', 'code'),
    hints: byLabel('firstframe_hints_total', 'kind'),
    timeToStreamMs: histogram('firstframe_time_to_stream_seconds'),
    timeToFirstFrameMs: histogram('firstframe_time_to_first_frame_seconds'),
  } as unknown as MetricsSnapshot;
}

type Act = (counters: Counters) => void;

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.tuple(fc.constantFrom(...counterNames), fc.nat(10_000)).map(
    ([name, amount]): Act =>
      (counters) =>
        counters.add(name, amount),
  ),
  fc.constantFrom(...dropReasons).map(
    (reason): Act =>
      (counters) =>
        counters.drop(reason),
  ),
  fc.nat(0x120).map(
    (code): Act =>
      (counters) =>
        counters.closed(code),
  ),
  fc.constantFrom(...hintNames).map(
    (name): Act =>
      (counters) =>
        counters.hint(name),
  ),
  fc.nat(40_000).map(
    (ms): Act =>
      (counters) =>
        counters.timeToStream(ms),
  ),
  fc.nat(40_000).map(
    (ms): Act =>
      (counters) =>
        counters.timeToFirstFrame(ms),
  ),
);

function expectSame(shown: MetricsSnapshot, snapshot: MetricsSnapshot): void {
  const { timeToStreamMs, timeToFirstFrameMs, ...exact } = shown;
  expect(exact).toEqual({
    counters: snapshot.counters,
    drops: snapshot.drops,
    closed: snapshot.closed,
    hints: snapshot.hints,
  });
  for (const [is, should] of [
    [timeToStreamMs, snapshot.timeToStreamMs],
    [timeToFirstFrameMs, snapshot.timeToFirstFrameMs],
  ] as const) {
    expect({ ...is, sumMs: 0 }).toEqual({ ...should, sumMs: 0 });
    // Through seconds and back in binary.
    expect(is.sumMs).toBeCloseTo(should.sumMs, 6);
  }
}

describe('the text of a scrape', () => {
  test('read back is the snapshot, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        const counters = new Counters();
        const metrics = new Metrics();
        metrics.attach({ role: 'responder', snapshot: () => counters.snapshot() });
        for (const one of acts) one(counters);
        expectSame(snapshotOf(parse(await metrics.text()), 'responder'), counters.snapshot());
      }),
      { seed: seedFromEnv('observe/metrics'), numRuns: 60 },
    );
  });

  test('is read anew by every scrape: nothing is counted twice', async () => {
    const counters = new Counters();
    const metrics = new Metrics();
    metrics.attach({ role: 'initiator', snapshot: () => counters.snapshot() });
    counters.add('startsSent', 5);
    await metrics.text();
    counters.add('startsSent', 2);
    expect(snapshotOf(parse(await metrics.text()), 'initiator').counters.startsSent).toBe(7);
    const [first, second] = await Promise.all([metrics.text(), metrics.text()]);
    expect(first).toBe(second);
  });

  test('names types and help of every metric, units in the name', async () => {
    const metrics = new Metrics();
    metrics.attach({ role: 'initiator', snapshot: () => new Counters().snapshot() });
    const text = await metrics.text();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type] as const);
    expect(types).toHaveLength(counterNames.length + 9);
    for (const [name, type] of types) {
      expect(name).toMatch(/^firstframe_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name.endsWith('_seconds')).toBe(type === 'histogram');
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
    }
    expect(counterMetricName('mediaBytesSent')).toBe('firstframe_media_bytes_sent_total');
    expect(metrics.contentType).toContain('text/plain; version=0.0.4');
  });

  test('has no sample before an endpoint is attached, and none of a role that never was', async () => {
    const metrics = new Metrics();
    expect(parse(await metrics.text())).toEqual([]);
    metrics.attach({ role: 'initiator', snapshot: () => new Counters().snapshot() });
    expect(parse(await metrics.text()).every(({ labels }) => labels['role'] === 'initiator')).toBe(true);
  });

  test('leaves prom-client’s global registry alone', async () => {
    new Metrics();
    new Metrics();
    expect(await register.getMetricsAsJSON()).toEqual([]);
  });
});

describe('several endpoints', () => {
  test('are summed by role', async () => {
    const [one, two, camera] = [new Counters(), new Counters(), new Counters()];
    const metrics = new Metrics();
    for (const counters of [one, two]) metrics.attach({ role: 'initiator', snapshot: () => counters.snapshot() });
    metrics.attach({ role: 'responder', snapshot: () => camera.snapshot(), sessions: () => 4, pending: () => 2 });
    metrics.attach({ role: 'responder', snapshot: () => new Counters().snapshot(), sessions: () => 3 });
    one.drop('crc');
    two.drop('crc');
    two.timeToStream(12);
    camera.drop('notOurs');
    const samples = parse(await metrics.text());
    const viewers = snapshotOf(samples, 'initiator');
    expectSame(viewers, addSnapshots(one.snapshot(), two.snapshot()));
    expect(viewers.drops.crc).toBe(2);
    expect(snapshotOf(samples, 'responder').drops).toMatchObject({ crc: 0, notOurs: 1 });
    const gauge = (name: string) =>
      samples.filter((sample) => sample.name === name).map(({ labels, value }) => [labels['role'], value]);
    expect(gauge('firstframe_sessions')).toEqual([
      ['initiator', 0],
      ['responder', 7],
    ]);
    expect(gauge('firstframe_pending')).toEqual([
      ['initiator', 0],
      ['responder', 2],
    ]);
  });

  test('are told apart by how their datagrams leave', async () => {
    const metrics = new Metrics();
    const snapshot = () => new Counters().snapshot();
    metrics.attach({ role: 'responder', snapshot, socket: () => 'batch' });
    metrics.attach({ role: 'responder', snapshot });
    const detach = metrics.attach({ role: 'responder', snapshot, socket: () => 'batch' });
    detach();
    const shown = parse(await metrics.text()).filter(({ name }) => name === 'firstframe_sockets');
    expect(shown.map(({ labels, value }) => [labels['socket'], value])).toEqual([
      ['dgram', 1],
      ['batch', 1],
    ]);
  });

  test('keep what they counted when they are gone, so that no counter ever falls', async () => {
    const metrics = new Metrics();
    let shown = 0;
    for (let session = 1; session <= 4; session++) {
      const counters = new Counters();
      const detach = metrics.attach({ role: 'initiator', snapshot: () => counters.snapshot(), sessions: () => 1 });
      counters.add('startsSent', 10 * session);
      counters.timeToStream(session);
      const now = snapshotOf(parse(await metrics.text()), 'initiator').counters.startsSent;
      expect(now).toBeGreaterThan(shown);
      shown = now;
      detach();
      detach();
      const samples = parse(await metrics.text());
      expect(snapshotOf(samples, 'initiator').counters.startsSent).toBe(shown);
      expect(samples).toContainEqual({ name: 'firstframe_sessions', labels: { role: 'initiator' }, value: 0 });
    }
    expect(shown).toBe(100);
    expect(metrics.totals().get('initiator')?.timeToStreamMs).toMatchObject({ count: 4, sumMs: 10 });
  });
});

test('S16 labels are closed sets: the number of series does not depend on what peers send', async () => {
  const counters = new Counters();
  const metrics = new Metrics();
  metrics.attach({ role: 'responder', snapshot: () => counters.snapshot() });
  const series = (samples: readonly Sample[]) => samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`);
  const before = series(parse(await metrics.text()));
  for (let code = 0; code < 70_000; code += 7) counters.closed(code);
  const samples = parse(await metrics.text());
  expect(series(samples)).toEqual(before);
  expect(new Set(before).size).toBe(before.length);
  const values = (label: string) => new Set(samples.flatMap(({ labels }) => labels[label] ?? []));
  expect(values('reason')).toEqual(new Set(dropReasons));
  expect(values('code')).toEqual(new Set(closedLabels));
  expect(values('kind')).toEqual(new Set(hintNames));
  expect(values('role')).toEqual(new Set(['responder']));
});

test('S16 a label that is in no closed set is not passed on', () => {
  const foreign = { ...new Counters().snapshot().drops, ['made up']: 5 };
  const snapshot = { ...new Counters().snapshot(), drops: foreign };
  expect(addSnapshots(new Counters().snapshot(), snapshot).drops).not.toHaveProperty('made up');
});
