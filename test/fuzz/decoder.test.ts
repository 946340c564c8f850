import { describe, expect, it } from 'vitest';
import { crc32 } from '../../src/codec/crc.ts';
import { decodeFrame } from '../../src/codec/decode.ts';
import { decodeReasons } from '../../src/codec/decode-reason.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { invariants } from '../../src/protocol/invariants.ts';
import { corpusParts, corpusText } from '../../src/sim/fuzz/corpus.ts';
import { DecoderTarget } from '../../src/sim/fuzz/decoder-target.ts';
import { FuzzRun } from '../../src/sim/fuzz/fuzz-run.ts';
import { makeCorpus } from '../../src/sim/fuzz/make-corpus.ts';
import { Mutator } from '../../src/sim/fuzz/mutator.ts';
import { toHex } from '../../src/sim/fuzz/target.ts';
import { Prng } from '../../src/sim/prng.ts';
import { noProbe, readCorpus } from '../support/fuzz-corpus.ts';
import { seedFromEnv } from '../support/seeded.ts';

const LIVES = 800;
const corpus = readCorpus();

describe('the corpus', () => {
  it('has every frame of mode none, each of them right', () => {
    const types = corpus.clear.map((bytes) => {
      const decoded = decodeFrame(bytes);
      return decoded.ok ? decoded.frame.type : decoded.reason;
    });
    expect(new Set(types)).toEqual(new Set(Object.values(FrameType)));
  });

  it('is made the same from the same seed', () => {
    const [one, again] = [makeCorpus(7), makeCorpus(7)];
    for (const part of corpusParts) {
      expect(corpusText(one[part])).toBe(corpusText(again[part]));
      expect(one[part].length).toBeGreaterThan(1);
    }
  });
});

describe('a mutator', () => {
  it('makes the same mutants from the same seed', () => {
    const mutants = (seed: number) => {
      const mutator = new Mutator(corpus.clear);
      const prng = new Prng(seed);
      return Array.from({ length: 200 }, () => toHex(mutator.next(prng)));
    };
    expect(mutants(1)).toEqual(mutants(1));
    expect(mutants(1)).not.toEqual(mutants(2));
  });

  it('makes the CRC right of most mutants, so that they get past it', () => {
    const mutator = new Mutator(corpus.clear);
    const prng = new Prng(3);
    let right = 0;
    for (let mutant = 0; mutant < 1000; mutant++) {
      const bytes = mutator.next(prng);
      const end = bytes.length - 4;
      if (end > 0 && new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(end) === crc32(bytes, end))
        right++;
    }
    expect(right).toBeGreaterThan(750);
  });
});

describe('the decoder', () => {
  it(`S10: ${invariants.S10}; every reason to refuse is reached`, () => {
    const target = new DecoderTarget(corpus.clear, corpus.secured);
    const run = new FuzzRun(target, seedFromEnv('fuzz/decoder'), noProbe);
    // Never fewer: the rarest reason is reached 25 times in so many.
    for (let life = 0; life < LIVES; life++) expect(run.next()).toBeUndefined();
    expect(target.done.executions).toBe(LIVES * 256);
    const reached = new Set(target.tally.keys());
    expect(decodeReasons.filter((reason) => !reached.has(reason))).toEqual([]);
    expect(target.tally.get('accepted')).toBeGreaterThan(target.done.executions / 20);
  });
});
