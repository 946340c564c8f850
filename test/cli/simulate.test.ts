import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Cleanup, figure, firstframe, runToEnd, temporaryFolder } from '../support/command.ts';

vi.setConfig({ maxConcurrency: 3 });

const simulate = (...parts: string[]) => runToEnd(['simulate', ...parts], { ms: 50_000 });

describe.concurrent('firstframe simulate', () => {
  test('tells success, times, cost, and that theory and engine agree', async () => {
    const { code, stdout } = await simulate('--runs', '2000', '--loss', '30%', '--rtt', '50ms');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^2,000 handshakes of the real engine on virtual time, seeds 1 to 2000, profile default\.$/m,
    );
    expect(stdout).toMatch(/^Link: RTT 50\.0 ms; each way 30 % lost\.$/m);
    expect(stdout).toMatch(/^success {16}100 % \(2,000 of 2,000\): media within 15\.0 s$/m);
    expect(stdout).toMatch(/^ms +p50 +p90 +p95 +p99 +p99\.9 +max$/m);
    expect(stdout).toMatch(/^time to stream( +\d+\.\d){6}$/m);
    expect(stdout).toMatch(/^ {2}expected( +\d+\.\d){5}$/m);
    expect(stdout).toMatch(/^cost of a success +viewer 1\d\.\d datagrams, 1\d{3} B; camera /m);
    expect(stdout).toMatch(/^theory +agrees: the distributions are 0\.0\d{3} apart at most, chance allows 0\.0607 /m);
    expect(stdout).toMatch(/^invariants +0 violations of S1 to S16 in 2,000 runs; no media before START_CONFIRM$/m);
    expect(stdout).toMatch(/^2,000 handshakes in .* a second in \d+ threads?$/m);
  });

  test('gives the same whatever the number of threads (S15)', async () => {
    const link = ['--loss', '50%', '--jitter', '10ms', '--profile', 'seed', '--keyframe-datagrams', '5', '--json'];
    const both = await Promise.all(
      ['1', '3'].map((workers) => simulate(...link, '--runs', '600', '--seed', '7', '--workers', workers)),
    );
    const [one, three] = both.map(({ events }) => {
      const { workers, elapsedMs, ...rest } = events.find(({ event }) => event === 'simulated') ?? { event: '' };
      expect([workers, typeof elapsedMs]).toEqual([expect.any(Number), 'number']);
      return rest;
    });
    expect(one).toEqual(three);
    expect(one).toMatchObject({ whyNoTheory: 'jitter', counts: { runs: 600, violations: 0 } });
  });

  test('tells one handshake step by step, which is that of its seed among many', async () => {
    await using cleanup = new Cleanup();
    const trace = join(temporaryFolder(cleanup), 'deep', 'one.mmd');
    const link = ['--loss', '40%', '--seed', '12'];
    const one = await simulate(...link, '--runs', '1', '--trace', trace);
    expect(one.code).toBe(0);
    const diagram = readFileSync(trace, 'utf8');
    expect(one.stdout).toContain(diagram);
    expect(diagram).toMatch(/^sequenceDiagram\n/);
    expect(diagram).toContain('V0-');
    expect(diagram).toMatch(/START_CONFIRM/);
    const [, ms] = /^time to stream +([\d.]+) ms$/m.exec(one.stdout) ?? [];
    const again = await simulate(...link, '--runs', '2', '--json');
    const told = await simulate(...link, '--runs', '1', '--json');
    const timeToStreamMs = figure(told.events[0] ?? { event: '' }, 'timeToStreamMs');
    expect(timeToStreamMs.toFixed(1)).toBe(ms);
    const times = ['p50', 'max'].map((name) => figure(again.events[0] ?? { event: '' }, 'timeToStreamMs', name));
    expect(times).toContain(timeToStreamMs);
  });

  test('makes a table of losses and round trips, and a page that needs nothing else', async () => {
    await using cleanup = new Cleanup();
    const report = join(temporaryFolder(cleanup), 'grid.html');
    const { code, stdout } = await simulate(
      ...['--grid', '--losses', '0%,20%', '--rtts', '10ms,40ms,80ms', '--runs', '100', '--report', report],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^p50 to stream, ms +10\.0 ms +40\.0 ms +80\.0 ms\n0 % +20\.0 +80\.0 +160\.0\n20 % +25\.\d +85\.\d +165\.\d$/m,
    );
    expect(stdout).toContain('theory: agrees in 6 of 6 cells');
    const page = readFileSync(report, 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page.match(/<table /g)).toHaveLength(3);
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|@import|url\((?!#)/);
  });

  test('ends with 1 when fewer succeed than were asked for, with the seeds of the first failures', async () => {
    const { code, stdout } = await simulate('--profile', 'seed', '--runs', '300', '--at-least', '99%');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failures +.*HANDSHAKE_TIMEOUT \d+.*; first seeds \d+(, \d+){9}$/m);
    expect(stdout).toMatch(/^theory +agrees/m);
    const [, seed = ''] = /first seeds (\d+)/.exec(stdout) ?? [];
    const one = await simulate('--profile', 'seed', '--runs', '1', '--seed', seed);
    expect(one.code).toBe(1);
    expect(one.stdout).toMatch(/^outcome +(HANDSHAKE_TIMEOUT|CONFIRM_TIMEOUT|noMedia)\ntime to stream +never$/m);
  });

  test('--fast: a viewer that comes back with a token has media after one round trip; theory says nothing of it', async () => {
    const { code, stdout } = await simulate('--fast', '--runs', '200', '--loss', '0%', '--rtt', '50ms');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^The camera has .* The viewer comes back with a token: fast mode\.$/m);
    expect(stdout).toMatch(/^time to stream( +50\.0){6}$/m);
    expect(stdout).toMatch(/^theory +says nothing of fast mode$/m);
    expect(stdout).toMatch(
      /^invariants +0 violations of S1 to S16 in 200 runs; media before START_CONFIRM for a token only$/m,
    );
  });

  test('stopped by Ctrl-C tells what was done so far and ends with 130', async () => {
    await using run = firstframe(['simulate', '--runs', '5000000', '--workers', '2']);
    await run.complaint(/ of 5,000,000 handshakes, /, 45_000);
    run.signal('SIGINT');
    expect(await run.exit(15_000)).toMatchObject({ code: 130 });
    const [, done = ''] = /^invariants +0 violations of S1 to S16 in ([\d,]+) runs/m.exec(run.stdout) ?? [];
    expect(Number(done.replaceAll(',', ''))).toBeGreaterThan(100);
    expect(run.leftovers()).toEqual([]);
  });

  for (const [parts, problem] of [
    [['--trace', 'x.mmd'], '--trace tells of one handshake: add --runs 1'],
    [['--losses', '10%'], '--losses needs --grid'],
    [['--grid', '--loss', '10%'], '--grid takes --losses and --rtts'],
    [['--grid', '--runs', '1'], '--grid needs more than one run'],
    [['--loss', '30'], "argument '30' is invalid"],
    [['--burst', '10%'], 'write a share and a mean run, such as 5%/8'],
    [['--rtt', '10ms', '--delay', '5ms'], '--rtt and --delay say the same: give one'],
    [['--runs', '20000001'], 'It is not a whole number of 1 to 20000000'],
    [['--grid', '--losses', Array(21).fill('1%').join(',')], 'It has more than 20 parts'],
  ] as const) {
    test(`refuses ${parts.join(' ').slice(0, 40)} with 2`, async () => {
      const { code, stderr, stdout } = await simulate(...parts);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(`firstframe: `);
      expect(stderr).toContain(problem);
    });
  }
});
