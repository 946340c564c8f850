import { describe, expect, it } from 'vitest';
import { FuzzRun } from '../../src/sim/fuzz/fuzz-run.ts';
import { minimised } from '../../src/sim/fuzz/minimise.ts';
import {
  type FuzzCase,
  FuzzFailure,
  type FuzzLife,
  type FuzzStep,
  type FuzzTarget,
  fromHex,
  toHex,
} from '../../src/sim/fuzz/target.ts';
import { Prng } from '../../src/sim/prng.ts';
import { noProbe } from '../support/fuzz-corpus.ts';

/** Takes random bytes, and may break at an 0x66 that comes after an 0x42. */
class Fragile implements FuzzTarget {
  readonly name = 'decoder';
  readonly stateless = false;
  readonly tally = new Map<string, number>();
  readonly done = { executions: 0, bytes: 0 };
  readonly #breaks: boolean;

  constructor(breaks: boolean) {
    this.#breaks = breaks;
  }

  begin(seed: number, life: number, record?: (step: FuzzStep) => void): FuzzLife {
    const prng = new Prng(seed, life);
    const subject = new Subject(this.#breaks);
    let steps = 0;
    return {
      settings: {},
      get over() {
        return steps === 100;
      },
      draw: () => undefined,
      execute: () => {
        steps++;
        const bytes = new Uint8Array(20);
        prng.fill(bytes);
        record?.({ hex: toHex(bytes) });
        this.done.executions++;
        subject.take(bytes);
      },
      finish: () => undefined,
      rejected: () => ({ step: { hex: '' }, again: () => undefined }),
    };
  }

  replay({ steps }: FuzzCase): void {
    const subject = new Subject(this.#breaks);
    for (const { hex } of steps) subject.take(fromHex(String(hex)));
  }
}

class Subject {
  readonly #breaks: boolean;
  #armed = false;

  constructor(breaks: boolean) {
    this.#breaks = breaks;
  }

  take(bytes: Uint8Array): void {
    if (this.#breaks && this.#armed && bytes.includes(0x66)) throw new FuzzFailure('broken');
    if (bytes.includes(0x42)) this.#armed = true;
  }
}

describe('a run that finds something', () => {
  it('tells what, in which life, and the smallest inputs that do it again', () => {
    const run = new FuzzRun(new Fragile(true), 5, noProbe);
    let finding = run.next();
    for (let life = 1; finding === undefined && life < 100; life++) finding = run.next();
    expect(finding?.what).toBe('FuzzFailure: broken');
    expect(finding?.smallest.steps).toEqual([{ hex: '42' }, { hex: '66' }]);
    const again = new FuzzRun(new Fragile(true), 5, noProbe, finding?.life).next();
    expect(again?.found).toEqual(finding?.found);
  });

  it('tells a step that takes over 10 ms every time, and none that does so once', () => {
    let reads = 0;
    // The second reading of a pair is late: by the clock for the first step only, of CPU time always or never.
    const late = (always: boolean) => ({
      nowMs: () => (reads++ === 1 ? 11 : 0),
      cpuMs: () => (reads++ % 2 === 1 && always ? 11 : 0),
      heapBytes: () => 0,
    });
    const once = new FuzzRun(new Fragile(false), 1, late(false), 2);
    expect(once.next()).toBeUndefined();
    expect(once.progress).toMatchObject({ longestMs: 11, retimed: 1 });
    reads = 0;
    const always = new FuzzRun(new Fragile(false), 1, late(true), 2);
    expect(always.next()?.what).toBe('step 0 took 11.0 ms of CPU time each of 3 times');
  });

  it('tells a refusal that allocates over 4 KiB, and lets the collector run in between', () => {
    const sizes = [0, 32 * 5000, 9e6, 10, 20, 20 + 32 * 4097];
    const probe = { ...noProbe, heapBytes: () => sizes.shift() ?? 0 };
    expect(new FuzzRun(new Fragile(false), 1, probe, 0).next()?.what).toBe(
      'refusing the last input allocated 4097 bytes',
    );
  });
});

describe('minimising', () => {
  it('leaves alone what does not fail', () => {
    const found: FuzzCase = { target: 'decoder', settings: {}, steps: [{ hex: '0102' }] };
    expect(minimised(found, () => false)).toBe(found);
  });

  it('makes bytes 0 where they do not matter', () => {
    const found: FuzzCase = { target: 'decoder', settings: {}, steps: [{ hex: '01020304' }] };
    const fails = ({ steps }: FuzzCase) => fromHex(String(steps[0]?.['hex'] ?? '')).at(-2) === 3;
    expect(minimised(found, fails).steps).toEqual([{ hex: '0300' }]);
  });
});
