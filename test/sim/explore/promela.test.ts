import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { promelaRows } from '../../../src/sim/explore/promela.ts';

const folder = join(import.meta.dirname, '../../../docs/promela');
const model = readFileSync(join(folder, 'handshake.pml'), 'utf8');
const LIMIT_MS = 240_000;

const missing = ['spin', 'gcc'].find((command) => spawnSync(command, ['--version']).error !== undefined);

/** A test that runs where spin and a C compiler are, and is skipped with the printed reason where they are not. */
function itWithSpin(name: string, test: () => void): void {
  if (missing === undefined) return it(name, test, LIMIT_MS);
  process.stderr.write(`skipped: "${name}": no ${missing} here\n`);
  it.skip(`${name} (no ${missing} here)`, test);
}

/** What spin's verifier says of a model. */
function verify(text: string): { readonly errors: number; readonly states: number; readonly report: string } {
  const directory = mkdtempSync(join(tmpdir(), 'firstframe-spin-'));
  try {
    cpSync(folder, directory, { recursive: true });
    writeFileSync(join(directory, 'model.pml'), text);
    const run = (command: string, args: readonly string[]) =>
      execFileSync(command, args, { cwd: directory, encoding: 'utf8', timeout: LIMIT_MS });
    run('spin', ['-a', 'model.pml']);
    run('gcc', ['-O0', '-w', '-DSAFETY', '-DCOLLAPSE', '-o', 'pan', 'pan.c']);
    const report = run('./pan', ['-m200000']);
    const figure = (pattern: RegExp) => Number(pattern.exec(report)?.[1] ?? Number.NaN);
    return { errors: figure(/errors: (\d+)/), states: figure(/(\d+) states, stored/), report };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('the Promela model', () => {
  it('has the rows of both machines', async () => {
    await expect(promelaRows()).toMatchFileSnapshot(join(folder, 'rows.pml'));
  });

  it('gives each condition and each action of the rows a meaning, and no other', () => {
    const used = new Set(promelaRows().match(/\b[IR]_[a-z]\w*/g));
    const defined = new Set([...model.matchAll(/^#define ([IR]_[a-z]\w*)/gm)].map(([, name]) => name));
    expect([...defined].sort()).toEqual([...used].sort());
  });

  itWithSpin('breaks no assertion, and nothing is stuck before both ends are closed (S1, S3, S4, S5, S9, L4)', () => {
    const { errors, states, report } = verify(model);
    expect(errors, report).toBe(0);
    expect(report).not.toContain('Search not completed');
    expect(states).toBeGreaterThan(800_000);
  });

  itWithSpin('is found wrong when START_CONFIRM needs no SessionTag', () => {
    const broken = model.replaceAll('tag == r_tag && stream == r_stream', 'stream == r_stream');
    expect(broken).not.toBe(model);
    expect(verify(broken).errors).toBe(1);
  });

  itWithSpin('is found wrong when a session that drains has no timer', () => {
    const broken = model.replace('#define I_armDrain i_none(); i_drain = 1', '#define I_armDrain i_none()');
    expect(broken).not.toBe(model);
    expect(verify(broken).errors).toBe(1);
  });
});
