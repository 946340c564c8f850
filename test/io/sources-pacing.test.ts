import { describe, expect, it } from 'vitest';
import { CATCH_UP_MS, FramePacer } from '../../src/io/sources/frame-pacer.ts';
import { within } from '../../src/io/sources/timing.ts';
import { ManualTiming } from './sources-support.ts';

/** Runs a pacer and notes when each frame was due. */
function run(timing: ManualTiming, intervalMs: number): { readonly pacer: FramePacer; readonly times: number[] } {
  const pacer = new FramePacer(intervalMs, timing);
  const times: number[] = [];
  const play = async (): Promise<void> => {
    while (await pacer.next()) times.push(timing.nowMs());
  };
  play();
  return { pacer, times };
}

describe('frame pacer', () => {
  it('lets the first frame go at once and each further one an interval later', async () => {
    const timing = new ManualTiming();
    const { times } = run(timing, 40);
    await timing.advance(200);
    expect(times).toEqual([1000, 1040, 1080, 1120, 1160, 1200]);
  });

  it('does not drift over an hour of frames whose interval is no whole number and whose timers are late', async () => {
    class LateTiming extends ManualTiming {
      override after(delayMs: number, callback: () => void): () => void {
        return super.after(delayMs + 0.9, callback);
      }
    }
    const timing = new LateTiming();
    const intervalMs = 1001 / 30;
    const { times } = run(timing, 30 * intervalMs);
    await timing.advance(3_600_000);
    const last = (times.at(-1) ?? 0) - 1000;
    expect(Math.abs(last - (times.length - 1) * 30 * intervalMs)).toBeLessThan(1);
    expect(times.length).toBe(Math.floor(3_600_000 / (30 * intervalMs)) + 1);
  });

  it('waits on when a timer comes a fraction too early', async () => {
    class EarlyTiming extends ManualTiming {
      override after(delayMs: number, callback: () => void): () => void {
        return super.after(delayMs > 1 ? delayMs - 0.5 : delayMs, callback);
      }
    }
    const timing = new EarlyTiming();
    const { times } = run(timing, 40);
    await timing.advance(100);
    expect(times).toEqual([1000, 1040, 1080]);
  });

  it('catches up after a stall and is on its old schedule again', async () => {
    const timing = new ManualTiming();
    const { pacer, times } = run(timing, 100);
    await timing.advance(100);
    await timing.stall(550);
    expect(times).toEqual([1000, 1100, 1650, 1650, 1650, 1650, 1650]);
    await timing.advance(50);
    expect(times.at(-1)).toBe(1700);
    expect(pacer.rebased).toBe(0);
  });

  it('begins a new schedule after a long stall and counts that, rather than send a burst', async () => {
    const timing = new ManualTiming();
    const { pacer, times } = run(timing, 100);
    await timing.advance(0);
    await timing.stall(60_000);
    expect(times.filter((time) => time === 61_000).length).toBeLessThanOrEqual(CATCH_UP_MS / 100);
    await timing.advance(300);
    expect(times.slice(-3)).toEqual([61_100, 61_200, 61_300]);
    expect(pacer.rebased).toBe(1);
  });

  it('ends at once when it is stopped, and leaves no timer', async () => {
    const timing = new ManualTiming();
    const pacer = new FramePacer(1000, timing);
    expect(await pacer.next()).toBe(true);
    const next = pacer.next();
    pacer.stop();
    expect(await next).toBe(false);
    expect(await pacer.next()).toBe(false);
    expect(timing.waiting).toBe(0);
  });
});

describe('waiting within a limit', () => {
  it('tells whether the event came in time', async () => {
    const timing = new ManualTiming();
    expect(await within(Promise.resolve(), 10, timing)).toBe(true);
    const late = within(new Promise(() => {}), 10, timing);
    await timing.advance(10);
    expect(await late).toBe(false);
    expect(timing.waiting).toBe(0);
  });
});
