import { getHeapStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { AdmissionTarget } from '../../src/sim/fuzz/admission-target.ts';
import { BlindTarget } from '../../src/sim/fuzz/blind-target.ts';
import { DecoderTarget, type Reader } from '../../src/sim/fuzz/decoder-target.ts';
import { allocatedBytes, REJECT_BYTES_MAX } from '../../src/sim/fuzz/fuzz-run.ts';
import { SessionTarget } from '../../src/sim/fuzz/session-target.ts';
import { type FuzzCase, type FuzzTarget, fromHex } from '../../src/sim/fuzz/target.ts';
import { readCorpus, readRegressions } from '../support/fuzz-corpus.ts';

const corpus = readCorpus();
const regressions = readRegressions();
const decoder = new DecoderTarget(corpus.clear, corpus.secured);

function targetOf({ target }: FuzzCase): FuzzTarget {
  if (target === 'decoder') return decoder;
  if (target === 'admission') return new AdmissionTarget(corpus);
  if (target === 'session') return new SessionTarget(corpus);
  if (target === 'blind') return new BlindTarget();
  throw new Error(`no target ${target}`);
}

/** As bench/fuzz.ts reads it. */
function heapBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

describe('what fuzzing once found', () => {
  it.each(regressions)('%s does no harm any more', (_name, found) => {
    expect(found.steps.length).toBeGreaterThan(0);
    expect(() => targetOf(found).replay(found)).not.toThrow();
  });

  it.each(regressions.filter(([, { target }]) => target === 'decoder'))('%s allocates little', (_name, { steps }) => {
    for (const { hex, reader } of steps) {
      const bytes = fromHex(String(hex));
      const allocated = allocatedBytes(() => decoder.execute(bytes, reader as Reader), heapBytes);
      expect(allocated).toBeLessThanOrEqual(REJECT_BYTES_MAX);
    }
  });

  it.each(regressions.filter(([name]) => name.includes('of-nobody')))('%s allocates little', (_name, found) => {
    const allocated = allocatedBytes(new AdmissionTarget(corpus).lastRefusal(found), heapBytes);
    expect(allocated).toBeLessThanOrEqual(REJECT_BYTES_MAX);
  });
});
