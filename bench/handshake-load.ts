import { setMaxListeners } from 'node:events';
import type { InitiateOptions } from '../src/config/options.ts';
import { monotonicMs } from '../src/io/clock.ts';
import { DelayLine, type Lateness } from '../src/io/delay-line.ts';
import type { MediaSink } from '../src/io/media-sink.ts';
import { type ArrivalKind, arrivalsMs } from './arrivals.ts';
import { type ViewerSample, watchOnce } from './viewer.ts';

/** How viewers follow each other: at their own times, whatever becomes of those before, or so many at a time. */
export type Arrival =
  | { readonly loop: 'open'; readonly kind: ArrivalKind; readonly perSecond: number }
  | { readonly loop: 'closed'; readonly concurrency: number };

/** A load of viewers. */
export interface HandshakeLoad {
  readonly target: string;
  readonly viewers: number;
  readonly arrival: Arrival;
  /** u32, for the times of an open loop. */
  readonly seed: number;
  /** Of viewer number `index`. */
  readonly optionsOf: (index: number) => InitiateOptions<MediaSink>;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** What came of a load. */
export interface LoadOutcome {
  /** Of those that were done when it ended, in the order in which they were. */
  readonly samples: readonly ViewerSample[];
  /** How late an open loop began its viewers; counted in their times too. */
  readonly lateness: Lateness;
}

/** Runs a load; resolves when all viewers have left, or soon after the signal. */
export async function runLoad(load: HandshakeLoad): Promise<LoadOutcome> {
  const { viewers, arrival, seed, signal } = load;
  const samples: ViewerSample[] = [];
  const timers = new DelayLine({ datagramsMax: viewers + 1, bytesMax: viewers + 1 });
  // Each viewer listens to it.
  setMaxListeners(0, signal);
  const startedAtMs = monotonicMs();
  let begun = 0;
  const begin = async (intendedAtMs: number): Promise<void> => {
    const options = { ...load.optionsOf(begun++), signal };
    let over: () => void = () => {};
    const left = new Promise<void>((resolve) => {
      over = resolve;
    });
    const sample = await watchOnce({ target: load.target, options, intendedAtMs }, over);
    if (!signal.aborted) samples.push(sample);
    load.onProgress(samples.length);
    await left;
  };
  if (arrival.loop === 'closed') {
    const slots = Array.from({ length: Math.min(arrival.concurrency, viewers) }, async () => {
      while (begun < viewers && !signal.aborted) await begin(monotonicMs());
    });
    await Promise.all(slots);
  } else {
    const running: Promise<void>[] = [];
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      for (const offsetMs of arrivalsMs(arrival.kind, viewers, arrival.perSecond, seed)) {
        const intendedAtMs = startedAtMs + offsetMs;
        timers.hold(intendedAtMs, 1, () => {
          running.push(begin(intendedAtMs));
          if (running.length === viewers) resolve();
        });
      }
    });
    timers.close();
    await Promise.all(running);
  }
  return { samples, lateness: timers.lateness };
}
