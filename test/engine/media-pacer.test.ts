import { describe, expect, it } from 'vitest';
import { Counters } from '../../src/engine/counters.ts';
import { MediaPacer, type PacedSession, SLOT_DATAGRAMS_MAX } from '../../src/engine/media-pacer.ts';
import { NO_SLOT } from '../../src/engine/media-wheel.ts';

/** A viewer of a stream whose frames have so many datagrams, in bursts of four, 20 ms apart. */
class Viewer implements PacedSession {
  mediaSlot = NO_SLOT;
  readonly sentAtMs: number[] = [];
  #waiting: { readonly dueMs: number }[] = [];
  readonly outlet: { deadlineMs(): number; opening: boolean };

  constructor(opening: boolean) {
    this.outlet = { deadlineMs: () => this.#waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY, opening };
  }

  frame(datagrams: number, nowMs: number): void {
    for (let i = 0; i < datagrams; i++) this.#waiting.push({ dueMs: nowMs + 20 * Math.floor(i / 4) });
  }

  mediaDue(nowMs: number): number {
    const before = this.sentAtMs.length;
    for (; this.outlet.deadlineMs() <= nowMs; this.#waiting.shift()) this.sentAtMs.push(nowMs);
    return this.sentAtMs.length - before;
  }
}

/** Lets time pass, calling the pacer exactly when it says that it must be. */
function runUntil(pacer: MediaPacer<Viewer>, untilMs: number): void {
  for (let calls = 0; pacer.earliestMs() <= untilMs; calls++) {
    if (calls > 10_000) throw new Error('time does not move on');
    pacer.timeout(pacer.earliestMs(), () => {});
  }
}

function sentBySlot(viewers: readonly Viewer[]): Map<number, number> {
  const slots = new Map<number, number>();
  for (const { sentAtMs } of viewers) {
    for (const atMs of sentAtMs) slots.set(Math.floor(atMs), (slots.get(Math.floor(atMs)) ?? 0) + 1);
  }
  return slots;
}

describe('a media pacer', () => {
  it('lets a frame for a thousand viewers leave in slots one after the other, each viewer in the same one every time', () => {
    const counters = new Counters();
    const pacer = new MediaPacer<Viewer>(counters);
    const viewers = Array.from({ length: 1000 }, () => new Viewer(false));
    for (const frameMs of [100, 140, 180]) {
      for (const viewer of viewers) {
        viewer.frame(7, frameMs);
        pacer.offer(viewer, frameMs);
      }
      runUntil(pacer, frameMs + 39);
    }
    for (const [index, { sentAtMs }] of viewers.entries()) {
      expect(sentAtMs).toHaveLength(21);
      const inFrame = (frame: number) =>
        sentAtMs.slice(7 * frame, 7 * frame + 7).map((atMs) => atMs - 100 - 40 * frame);
      expect(inFrame(0)[0]).toBe(Math.floor(index / (SLOT_DATAGRAMS_MAX / 4)));
      expect([inFrame(1), inFrame(2)]).toEqual([inFrame(0), inFrame(0)]);
    }
    for (const sent of sentBySlot(viewers).values()) expect(sent).toBeLessThan(SLOT_DATAGRAMS_MAX + 4);
    expect(counters.snapshot().counters.mediaPutOff).toBeGreaterThan(0);
  });

  it('makes nobody wait while a slot has room, nor ever a viewer whose first group is under way', () => {
    const counters = new Counters();
    const pacer = new MediaPacer<Viewer>(counters);
    const few = Array.from({ length: SLOT_DATAGRAMS_MAX / 4 }, () => new Viewer(false));
    const fresh = Array.from({ length: 10 }, () => new Viewer(true));
    for (const viewer of [...few, ...fresh]) {
      viewer.frame(4, 7.5);
      pacer.offer(viewer, 7.5);
    }
    for (const { sentAtMs } of [...few, ...fresh]) expect(sentAtMs).toEqual([7.5, 7.5, 7.5, 7.5]);
    expect(counters.snapshot().counters.mediaPutOff).toBe(0);
  });

  it('bounds what leaves in a slot after a stall, and forgets nobody', () => {
    const pacer = new MediaPacer<Viewer>(new Counters());
    const viewers = Array.from({ length: 500 }, () => new Viewer(false));
    for (const [index, viewer] of viewers.entries()) {
      viewer.frame(8, index % 40);
      pacer.settle(viewer, 0);
    }
    pacer.timeout(90, () => {});
    runUntil(pacer, 200);
    const slots = sentBySlot(viewers);
    expect([...slots.keys()]).toEqual(Array.from({ length: slots.size }, (_, index) => 90 + index));
    for (const sent of slots.values()) expect(sent).toBeLessThan(SLOT_DATAGRAMS_MAX + 8);
    expect(viewers.every(({ sentAtMs }) => sentAtMs.length === 8)).toBe(true);
  });

  it('tells of each session that it let send', () => {
    const pacer = new MediaPacer<Viewer>(new Counters());
    const viewer = new Viewer(false);
    viewer.frame(8, 10);
    pacer.offer(viewer, 10);
    const told: Viewer[] = [];
    pacer.timeout(29, (session) => told.push(session));
    expect(told).toEqual([]);
    pacer.timeout(30, (session) => told.push(session));
    expect(told).toEqual([viewer]);
  });
});
