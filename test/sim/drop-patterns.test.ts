import { describe, expect, it } from 'vitest';
import { runDropPattern } from '../../src/sim/drop-pattern.ts';

const PATTERNS = 64;

describe('all 4,096 patterns in which any of the first six datagrams each way are lost', () => {
  it.each([
    ['an idle camera', false],
    ['a running stream', true],
  ])('end in exactly one session with %s (L2)', (_name, media) => {
    const broken: unknown[] = [];
    for (let toCamera = 0; toCamera < PATTERNS; toCamera++) {
      for (let toViewer = 0; toViewer < PATTERNS; toViewer++) {
        const violations = runDropPattern({ toCamera, toViewer }, { seed: toCamera * PATTERNS + toViewer, media });
        if (violations.length > 0) broken.push({ toCamera, toViewer, violations });
      }
    }
    expect(broken).toEqual([]);
  });

  it('and what never gets through is reported (L2)', () => {
    for (const pattern of [
      { toCamera: 0xffff_ffff, toViewer: 0 },
      { toCamera: 0, toViewer: 0xffff_ffff },
    ]) {
      expect(runDropPattern(pattern, { seed: 1, media: false }).map(({ id }) => id)).toEqual(['L2']);
    }
  });
});
