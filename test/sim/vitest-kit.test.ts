import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulationTest } from '../../src/vitest/index.ts';

const root = resolve(import.meta.dirname, '../..');
let folder = '';

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(root, 'test/kit-')));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs vitest on one test file as a user would. */
function runUserTest(
  body: string,
  env: Record<string, string> = {},
): { readonly output: string; readonly ok: boolean } {
  const file = join(folder, 'user.test.ts');
  const imports =
    "import { testFrames } from 'firstframe/sim';\nimport { simulationTest as test } from 'firstframe/vitest';\n";
  writeFileSync(file, `${imports}import { expect } from 'vitest';\n${body}`);
  const { CI: _ci, FIRSTFRAME_SEED: _seed, ...clean } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', file], {
    cwd: root,
    env: { ...clean, NO_COLOR: '1', ...env },
    encoding: 'utf8',
  });
  return { output: stdout + stderr, ok: status === 0 };
}

describe('the vitest fixture', () => {
  it('prints seed, command and diagram of a test that fails, and the command repeats it', { timeout: 60_000 }, () => {
    const body = `test('my test', ({ simulate }) => {
  const report = simulate({ link: { loss: 0.4, oneWayMs: 20 } }).handshake();
  expect(report.timeToStreamMs).toBe(-1);
});\n`;
    const first = runUserTest(body);
    expect(first.ok).toBe(false);
    expect(first.output).toContain('sequenceDiagram\n  participant V0 as viewer 0');
    const [, seed = ''] =
      /repeat with: FIRSTFRAME_SEED=(\d+) npx vitest run \S*user\.test\.ts -t "my test"/.exec(first.output) ?? [];
    const timeOf = (output: string) => /expected ([\d.]+) to be -1/.exec(output)?.[1];
    expect(Number(seed)).toBeGreaterThan(0);
    expect(timeOf(first.output)).toBeDefined();
    expect(timeOf(runUserTest(body, { FIRSTFRAME_SEED: seed }).output)).toBe(timeOf(first.output));
  });

  it('says of a viewer that did not stream how it ended', () => {
    const { output, ok } = runUserTest(`test('my test', ({ simulate }) => {
  const simulation = simulate({ link: { loss: 1 } });
  simulation.play(testFrames(1));
  const viewer = simulation.join();
  simulation.run(20_000);
  expect(viewer).toStreamWithin(100);
});\n`);
    expect(ok).toBe(false);
    expect(output).toContain('time to stream unknown (ended with HANDSHAKE_TIMEOUT), limit 100 ms');
  });

  it('refuses a seed that is none', () => {
    const { output, ok } = runUserTest("test('my test', ({ simulate }) => { simulate(); });\n", {
      FIRSTFRAME_SEED: 'x',
    });
    expect(ok).toBe(false);
    expect(output).toContain('FIRSTFRAME_SEED must be a u32 or "fresh", not x');
  });

  simulationTest('gives each simulation of a test its own seed', ({ simulate }) => {
    const seeds = [simulate(), simulate(), simulate({ seed: 5 })].map(({ seed }) => seed);
    expect(seeds[1]).toBe(((seeds[0] ?? 0) + 1) >>> 0);
    expect(seeds[2]).toBe(5);
  });
});

describe('the package', () => {
  it('exports the simulator and the kit with their types', () => {
    const script = "import('firstframe/sim').then(({ simulate }) => console.log(simulate({ seed: 1 }).handshake().ok))";
    const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(out).toBe('true\n');
  });
});
