import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../bench/c-program.ts';
import { flood } from '../../bench/flood.ts';

const program = await buildProgram('flood');
if (program.ok) await program.dispose();
// A program that does not compile is no reason to skip anything.
const noCompiler = !program.ok && program.reason.includes('there is no gcc');
if (noCompiler) process.stderr.write(`skipped: ${program.reason}\n`);

describe.skipIf(noCompiler)('bench flood', () => {
  test('lets viewers in while strangers without MAC1 and without cookies come, and tells what those cost', async () => {
    const { cells, skipped } = await flood.run({
      options: {
        cameras: ['none', 'psk'],
        flood: 2000,
        run: 500,
        before: 200,
        rate: 20,
        addresses: 10_000,
        sockets: 4,
      },
      link: { toCamera: {}, toViewer: {}, text: '' },
      seed: 1,
      signal: new AbortController().signal,
      progress() {},
      say() {},
    });
    expect(skipped.filter((reason) => reason.includes('.c)'))).toEqual([]);
    expect(cells.map(({ name }) => name)).toEqual(['none, no flood', 'none, flooded', 'psk, no flood', 'psk, flooded']);
    expect(cells.map(({ failures }) => failures)).toEqual([{}, {}, {}, {}]);
    const [, clear, , secured] = cells.map(({ totals }) => totals);
    expect(clear?.['STARTs of strangers']).toBeGreaterThan(100);
    expect(clear?.['RETRYs']).toBeGreaterThan(0);
    expect(secured?.['sessions beyond viewers']).toBe(0);
    // A machine that is late makes the camera ask its viewers for cookies; strangers without MAC1 are told nothing.
    expect(secured?.['RETRYs']).toBeLessThan((secured?.['STARTs of strangers'] ?? 0) / 10);
  });
});
