import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { SourceTarget } from '../../src/io/media-source.ts';
import type { Timing } from '../../src/io/sources/timing.ts';
import type { AccessUnit } from '../../src/media/access-unit.ts';
import { toAnnexB } from '../../src/media/h264.ts';
import { firstSlice, hex, nal } from '../media/h264-samples.ts';

/** x264's SPS of 320 x 240 pixels at 25 frames a second. */
export const SPS = hex('67 64 00 0d ac d9 41 41 fb 01 10 00 00 03 00 10 00 00 03 03 20 f1 42 99 60');
export const PPS = hex('68 eb e3 cb 22 c0');

/** The NAL units of `frames` access units, with a keyframe each `keyframeInterval`; every slice is different. */
export function tinyUnits(frames: number, keyframeInterval = 5): Uint8Array[][] {
  return Array.from({ length: frames }, (_, frame) => {
    const keyframe = frame % keyframeInterval === 0;
    const slice = firstSlice(keyframe ? 0x65 : 0x41, keyframe ? 3000 : 400);
    slice[2] = 1 + (frame % 250);
    return keyframe ? [SPS, PPS, slice] : [slice];
  });
}

/** A slice that is not the first of its picture. */
export function laterSlice(header: number, bytes: number): Uint8Array {
  const slice = nal(header, bytes);
  slice[1] = 0x48;
  return slice;
}

/** Access units as the bytes of a stream. */
export function join264(units: readonly (readonly Uint8Array[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(units.map((nals) => toAnnexB(nals))));
}

/** Time that stands still until it is moved. */
export class ManualTiming implements Timing {
  #nowMs = 1000;
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];

  get waiting(): number {
    return this.#timers.length;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  afterInput(callback: () => void): () => void {
    return this.after(0, callback);
  }

  /** Moves time to the end at once, as a stall does: timers fire late. */
  async stall(byMs: number): Promise<void> {
    this.#nowMs += byMs;
    await this.advance(0);
  }

  /** Moves time, firing each timer at its moment. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      await turn();
      const next = this.#timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

/** Time that jumps to the next timer at once. */
export function eagerTiming(): Timing {
  let nowMs = 0;
  const after = (delayMs: number, callback: () => void): (() => void) => {
    const dueMs = nowMs + delayMs;
    const immediate = setImmediate(() => {
      nowMs = Math.max(nowMs, dueMs);
      callback();
    });
    return () => clearImmediate(immediate);
  };
  return { nowMs: () => nowMs, after, afterInput: (callback) => after(0, callback) };
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A target that keeps what it gets. */
export class Collector implements SourceTarget {
  readonly frames: AccessUnit[] = [];
  readonly intervalsMs: number[] = [];
  /** Resolves with `undefined` at the end, with the error at a failure. */
  readonly finished: Promise<Error | undefined>;
  /** How often `end` or `fail` was called. */
  endings = 0;
  #finish: (error?: Error) => void = () => {};
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor() {
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  frame(unit: AccessUnit, frameIntervalMs: number): void {
    this.frames.push(unit);
    this.intervalsMs.push(frameIntervalMs);
    for (const { count, resolve } of this.#waiting) if (this.frames.length >= count) resolve();
  }

  end(): void {
    this.endings++;
    this.#finish();
  }

  fail(error: Error): void {
    this.endings++;
    this.#finish(error);
  }

  /** Resolves when so many frames came. */
  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.frames.length >= count) resolve();
      else this.#waiting.push({ count, resolve });
    });
  }

  /** All frames as one Annex B stream. */
  bytes(): Uint8Array {
    return join264(this.frames.map(({ units }) => units));
  }

  /** RTP timestamps as distances from one frame to the next. */
  steps(): number[] {
    return this.frames.slice(1).map(({ timestamp }, index) => (timestamp - (this.frames[index]?.timestamp ?? 0)) >>> 0);
  }
}

/** A folder for the files of one test file. */
export function temporaryFolder(): {
  path(name: string): string;
  write(name: string, bytes: Uint8Array | string): string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'firstframe-io-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const write = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(path(name), bytes);
    return path(name);
  };
  return { path, write };
}

/** Whether a process runs; one that waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Equality of large arrays, without a difference printed for megabytes. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
