/** Many sessions of one camera's engine in a process of their own, to be weighed: no sockets, no source, and a clock that is moved by hand. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { profiles } from '../../src/protocol/profiles.ts';
import { EngineViewers } from '../engine-viewers.ts';
import { serve } from './serve.ts';

/** What is to be weighed, or timed. */
export type SessionsTask =
  /** So many half-open ones, then the same ones confirmed and kept alive. */
  | { readonly task: 'weigh'; readonly sessions: number }
  /** So many handshakes, viewers leaving again, while so many other sessions live. */
  | { readonly task: 'beside'; readonly sessions: number; readonly handshakes: number };

/** Memory of this process, in bytes. */
export interface Memory {
  /** `heapUsed` after a collection. */
  readonly heap: number;
  /** `external`, which has `arrayBuffers` in it. */
  readonly external: number;
  readonly rss: number;
}

/** What came of `weigh`: times in us of CPU each, a value for each batch. */
export interface Weights {
  readonly empty: Memory;
  readonly pending: Memory;
  readonly live: Memory;
  readonly startUs: readonly number[];
  readonly confirmUs: readonly number[];
  readonly pingUs: readonly number[];
  /** How many were there when they were weighed. */
  readonly counts: { readonly pending: number; readonly live: number };
}

/** What came of `beside`: us of CPU each, a value for each batch. */
export interface Beside {
  readonly handshakeUs: readonly number[];
  readonly live: number;
}

const BATCH = 1000;
const WARM_UP = 5000;
/** Probes of the path come in the first 300 ms, then a PING each 5 s, give or take a fifth. */
const SETTLED_MS = 1000;
const KEPT_SECONDS = 6;
const SLICE_MS = 50;
/** No session of `beside` is disturbed by its own timers. */
const calm = { ...profiles.default, heartbeatMs: 1e9, deadMs: 1e9, consentMs: 1e9 };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** After a turn of the event loop, without which the last of what is garbage is not always found. */
async function memory(): Promise<Memory> {
  await nextTurn();
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** CPU time of all threads of this process that `work` took, in us. */
function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Of each batch of `count` viewers the CPU time of one. */
function inBatches(count: number, work: (from: number, to: number) => number): readonly number[] {
  const each: number[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const to = Math.min(count, from + BATCH);
    each.push(work(from, to) / (to - from));
  }
  return each;
}

function begin(viewers: EngineViewers, from: number, to: number): number {
  const starts = viewers.starts(from, to);
  return cpuUs(() => viewers.give(starts));
}

function confirm(viewers: EngineViewers, from: number, to: number): number {
  const confirms = viewers.confirms(from, to);
  return cpuUs(() => viewers.give(confirms));
}

/** A handshake from START to what is left of it once the viewer has gone. */
function comeAndGo(viewers: EngineViewers, from: number, to: number): number {
  const spent = begin(viewers, from, to) + confirm(viewers, from, to);
  const byes = viewers.byes(from, to);
  return spent + cpuUs(() => viewers.give(byes)) + cpuUs(() => viewers.forget());
}

/** One second of all sessions, PINGs answered: their CPU time in us, and how many there were. */
function second(viewers: EngineViewers): { readonly us: number; readonly pings: number } {
  let [us, pings] = [0, 0];
  for (let ms = 0; ms < 1000; ms += SLICE_MS) {
    let pinged: readonly number[] = [];
    us += cpuUs(() => {
      pinged = viewers.advance(SLICE_MS);
    });
    const pongs = viewers.pongs(pinged);
    us += cpuUs(() => viewers.give(pongs));
    pings += pinged.length;
  }
  return { us, pings };
}

/** Answers the probes that follow a confirm. */
function settle(viewers: EngineViewers): void {
  for (let ms = 0; ms < SETTLED_MS; ms += SLICE_MS) viewers.give(viewers.pongs(viewers.advance(SLICE_MS)));
}

function warmUp(): void {
  const viewers = new EngineViewers(WARM_UP, profiles.default);
  inBatches(WARM_UP, (from, to) => begin(viewers, from, to) + confirm(viewers, from, to));
  for (let i = 0; i < KEPT_SECONDS; i++) second(viewers);
  inBatches(WARM_UP, (from, to) => cpuUs(() => viewers.give(viewers.byes(from, to))));
  viewers.forget();
}

async function weigh(count: number): Promise<Weights> {
  const viewers = new EngineViewers(count, profiles.default);
  const empty = await memory();
  const startUs = inBatches(count, (from, to) => begin(viewers, from, to));
  const pending = await memory();
  const { pendingCount } = viewers;
  const confirmUs = inBatches(count, (from, to) => confirm(viewers, from, to));
  settle(viewers);
  const seconds = Array.from({ length: KEPT_SECONDS }, () => second(viewers));
  const live = await memory();
  return {
    ...{ empty, pending, live, startUs, confirmUs },
    pingUs: seconds.filter(({ pings }) => pings > 0).map(({ us, pings }) => us / pings),
    counts: { pending: pendingCount, live: viewers.sessionCount },
  };
}

async function beside(count: number, handshakes: number): Promise<Beside> {
  const viewers = new EngineViewers(count + handshakes, calm);
  inBatches(count, (from, to) => begin(viewers, from, to) + confirm(viewers, from, to));
  settle(viewers);
  await memory();
  const handshakeUs = inBatches(handshakes, (from, to) => comeAndGo(viewers, count + from, count + to));
  return { handshakeUs, live: viewers.sessionCount };
}

serve<SessionsTask, Weights | Beside, undefined>(async (task) => {
  warmUp();
  const ready = await (task.task === 'weigh' ? weigh(task.sessions) : beside(task.sessions, task.handshakes));
  return { ready, report: () => undefined };
});
