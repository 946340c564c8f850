import { distributionFigures } from '../src/report/distribution-figures.ts';
import { Distribution } from '../src/sim/distribution.ts';
import type { MeasuredCell } from './handshake-cell.ts';
import type { ViewerSample } from './viewer.ts';

/** What a cell's viewers saw, drawn beside what theory expects. */
export function cellFigures({ cell, samples, expectation }: MeasuredCell): readonly string[] {
  if (samples.length === 0) return [];
  const of = (value: (sample: ViewerSample) => number) => new Distribution(Float64Array.from(samples, value));
  const toFrame = of(({ toFrameMs }) => toFrameMs);
  const expected = { name: 'time to first media, expected', expected: true } as const;
  return distributionFigures(
    [
      { name: 'time to first frame', of: toFrame },
      { name: 'time to first media', of: of(({ toStreamMs }) => toStreamMs) },
      ...(expectation === undefined ? [] : [{ ...expected, of: expectation }]),
    ],
    { whatOf: 'viewers', runs: samples.length, longestMs: toFrame.max, suffix: `: ${cell.name}` },
  );
}
