import { setMaxListeners } from 'node:events';
import { monotonicMs } from '../../src/io/clock.ts';
import { DelayLine, type Lateness } from '../../src/io/delay-line.ts';
import { arrivalsMs } from '../arrivals.ts';
import type { PeerViewers } from './peer.ts';

/** A failure's text is cut here: it is a key of a table. */
const FAILURE_CHARACTERS = 60;

/** Viewers that come at their own times, whatever becomes of those before. */
export interface PeerLoad {
  readonly viewers: number;
  /** How many begin in a second. */
  readonly perSecond: number;
  /** A viewer that has nothing after so many ms failed. */
  readonly timeoutMs: number;
  /** u32, for the times. */
  readonly seed: number;
}

/** What one viewer saw: media so many ms after its intended beginning, or why not. */
export type PeerSample = { readonly ok: true; readonly ms: number } | { readonly ok: false; readonly failure: string };

/** Runs a load; each viewer's sample is told as soon as it is known. @returns how late viewers began. */
export async function runPeerLoad(
  peer: PeerViewers,
  { viewers, perSecond, timeoutMs, seed }: PeerLoad,
  onSample: (sample: PeerSample) => void,
): Promise<Lateness> {
  if (viewers === 0) return { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
  const timers = new DelayLine({ datagramsMax: viewers, bytesMax: viewers });
  const running: Promise<void>[] = [];
  const beganAtMs = monotonicMs();
  await new Promise<void>((resolve) => {
    for (const offsetMs of arrivalsMs('poisson', viewers, perSecond, seed)) {
      const intendedAtMs = beganAtMs + offsetMs;
      timers.hold(intendedAtMs, 1, () => {
        running.push(watchOnce(peer, intendedAtMs, timeoutMs).then(onSample));
        if (running.length === viewers) resolve();
      });
    }
  });
  timers.close();
  await Promise.all(running);
  return timers.lateness;
}

async function watchOnce(peer: PeerViewers, intendedAtMs: number, timeoutMs: number): Promise<PeerSample> {
  const waited = new AbortController();
  setMaxListeners(0, waited.signal);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new Error('timeout'));
        waited.abort();
      },
      intendedAtMs + timeoutMs - monotonicMs(),
    );
  });
  try {
    const leave = await Promise.race([peer.watch(waited.signal), tooLong]);
    const ms = monotonicMs() - intendedAtMs;
    leave();
    return { ok: true, ms };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ok: false, failure: (code ?? message).slice(0, FAILURE_CHARACTERS) };
  } finally {
    clearTimeout(timer);
  }
}
