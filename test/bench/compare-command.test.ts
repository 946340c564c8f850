import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { TunLink } from '../../bench/compare/tun-link.ts';
import type { BenchCell, BenchResult } from '../../bench/result.ts';
import { Cleanup, firstframe, type Run, temporaryFolder } from '../support/command.ts';
import { skipBecause } from '../support/skip-because.ts';

/** A tiny run on a machine that is busy with other tests, ms. */
const RUN_MS = 50_000;
const MEDIA = 'time to first media';
/** Round trips that each cannot do without; those that need a program or a library may be left out. */
const roundTrips = { echo: 1, firstframe: 2, 'firstframe-keys': 2, tcp: 2, tls: 3, dtls: 2, srt: 2 };

let noLink: string | undefined;

beforeAll(async () => {
  await using cleanup = new Cleanup();
  const opened = await TunLink.open(temporaryFolder(cleanup));
  if (opened.ok) await opened.link[Symbol.asyncDispose]();
  else noLink = opened.reason;
});

/** Runs it in a folder for temporary files of its own. */
function compare(cleanup: Cleanup, parts: readonly string[]): { readonly run: Run; readonly folder: string } {
  const folder = temporaryFolder(cleanup);
  return { run: cleanup.use(firstframe(['bench', 'compare', ...parts], { env: { TMPDIR: folder } })), folder };
}

async function resultOf(cleanup: Cleanup, parts: readonly string[]): Promise<BenchResult> {
  const { run, folder } = compare(cleanup, [...parts, '--json', '-']);
  const { code } = await run.exit(RUN_MS);
  expect(code, run.transcript()).toBe(0);
  expect(run.leftovers()).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
  return JSON.parse(run.stdout) as BenchResult;
}

function cellOf({ cells }: BenchResult, peer: string): BenchCell {
  const found = cells.find(({ parameters }) => parameters['peer'] === peer);
  if (found === undefined) throw new Error(`no cell of ${peer}`);
  return found;
}

describe('firstframe bench compare', () => {
  test('refuses a peer that it does not know, and names those that it does', async () => {
    await using cleanup = new Cleanup();
    const { run } = compare(cleanup, ['--peers', 'tcp,pigeon']);
    expect((await run.exit()).code).toBe(2);
    expect(run.stderr).toMatch(/pigeon.*write echo, firstframe, .*tcp, tls/);
  });

  test('measures every peer over one link, none faster than its round trips', async (context) => {
    skipBecause(context, noLink);
    await using cleanup = new Cleanup();
    const viewers = 4;
    const shape = ['--losses', '0%', '--rtts', '20ms', '--viewers', String(viewers), '--warm-up', '1'];
    const result = await resultOf(cleanup, ['--peers', Object.keys(roundTrips).join(','), ...shape]);
    for (const reason of result.skipped) process.stderr.write(`left out: ${reason}\n`);
    for (const [peer, atLeast] of Object.entries(roundTrips)) {
      if (result.skipped.some((reason) => reason.startsWith(`${peer}, `))) continue;
      const cell = cellOf(result, peer);
      expect(cell, peer).toMatchObject({ attempts: viewers, failures: {} });
      expect(cell.measures[MEDIA]?.p50, peer).toBeGreaterThanOrEqual(20 * atLeast);
      expect(cell.totals['packets to the camera'], peer).toBeGreaterThanOrEqual(viewers * atLeast);
    }
    const { reference = '' } = cellOf(result, 'tcp').measures[MEDIA] ?? {};
    expect(result.references[reference]).toEqual(cellOf(result, 'firstframe').measures[MEDIA]);
  });

  test('loses the same packets again with the same seed, others with another', async (context) => {
    skipBecause(context, noLink);
    await using cleanup = new Cleanup();
    // An echo sends one packet each way, whatever the machine's times are.
    const shape = ['--losses', '50%', '--rtts', '2ms', '--viewers', '64', '--warm-up', '0', '--rate', '500/s'];
    const lost = async (seed: number): Promise<readonly (number | undefined)[]> => {
      const parts = ['--peers', 'echo', '--timeout', '2s', '--seed', String(seed), ...shape];
      const { totals } = cellOf(await resultOf(cleanup, parts), 'echo');
      expect(totals['packets to the camera']).toBe(64);
      return [totals['lost to the camera'], totals['packets to the viewers'], totals['lost to the viewers']];
    };
    const [first, again, other] = [await lost(1), await lost(1), await lost(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test('counts a peer’s failures without failing itself', async (context) => {
    skipBecause(context, noLink);
    await using cleanup = new Cleanup();
    const shape = ['--losses', '100%', '--rtts', '2ms', '--viewers', '3', '--warm-up', '0', '--timeout', '200ms'];
    const result = await resultOf(cleanup, ['--peers', 'tcp', ...shape]);
    expect(cellOf(result, 'tcp')).toMatchObject({ attempts: 3, failures: { timeout: 3 } });
  });

  test('says what it measured so far and leaves nothing behind at Ctrl-C', async (context) => {
    skipBecause(context, noLink);
    await using cleanup = new Cleanup();
    const shape = ['--losses', '0%', '--rtts', '2ms', '--viewers', '1000', '--warm-up', '0', '--rate', '20/s'];
    const { run, folder } = compare(cleanup, ['--peers', 'echo', ...shape]);
    await run.complaint(/\d of 1,000 echo viewers|\d of 1000 echo viewers/, RUN_MS);
    run.signal('SIGINT');
    expect((await run.exit(RUN_MS)).code, run.transcript()).toBe(130);
    expect(run.stdout).toContain('stopped: what follows was measured until then');
    expect(run.leftovers()).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
