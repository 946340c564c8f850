/**
 * Runs of the simulated world, each with its own subset and rates of faults, and a watch over every promise of the protocol. Each
 * seed runs twice and must do the same both times. The first failure ends it with exit code 1: seed, the command that runs it
 * again, the smallest plan that still fails, and its trace.
 *
 *     npm run swarm -- --seed 123 --runs 10000
 *     npm run swarm -- --seed 123 --runs 10000 --liveness
 *     npm run swarm -- --seed 123 --runs 10000 --security keys
 *     npm run swarm -- --plan plan.json
 */
process.env['NODE_ENV'] ??= 'production';

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { FaultPlan, RunMode } from '../src/sim/fault-plan.ts';
import type { SeedResult } from '../src/sim/swarm.ts';

const { describeMachine } = await import('../src/report/machine.ts');
const { failureReport, shrink } = await import('../src/sim/shrink.ts');
const { checkPlan } = await import('../src/sim/swarm.ts');
const { drawPlan, drawSecuredPlan } = await import('../src/sim/draw-plan.ts');

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    runs: { type: 'string', default: '1000' },
    liveness: { type: 'boolean', default: false },
    security: { type: 'string', default: 'none' },
    plan: { type: 'string' },
  },
});

/** A count on the command line. */
function whole(name: 'seed' | 'runs', max: number): number {
  const value = Number(flags[name]);
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`--${name} must be 0 to ${max}`);
  return value;
}

function check(results: Iterable<() => SeedResult>, runs: number, mode: RunMode): number {
  const total = { seeds: 0, handshakes: 0, streaming: 0, moves: 0, fastGrants: 0, sent: 0, arrived: 0 };
  for (const run of results) {
    const { result, failure } = run();
    total.seeds++;
    for (const name of ['handshakes', 'streaming', 'moves', 'fastGrants', 'sent', 'arrived'] as const)
      total[name] += result.summary[name];
    if (failure !== undefined) {
      process.stderr.write(`${failure.kind} is broken; looking for the smallest plan …\n`);
      process.stdout.write(`${failureReport(failure, shrink(failure))}\n`);
      return 1;
    }
    if (total.seeds % 1000 === 0) process.stderr.write(`${total.seeds} of ${runs} seeds, nothing broken\n`);
  }
  process.stdout.write(`${JSON.stringify({ mode, ...total, broken: 0, machine: describeMachine() })}\n`);
  return 0;
}

function* seeds(first: number, runs: number, mode: RunMode): Generator<() => SeedResult> {
  const { security } = flags;
  if (security !== 'none' && security !== 'psk' && security !== 'keys')
    throw new RangeError('--security none|psk|keys');
  for (let run = 0; run < runs; run++) {
    const seed = (first + run) >>> 0;
    yield () => checkPlan(security === 'none' ? drawPlan(seed, mode) : drawSecuredPlan(seed, mode, security));
  }
}

if (flags.plan === undefined) {
  const runs = whole('runs', 1e9);
  const mode = flags.liveness ? 'liveness' : 'safety';
  process.exitCode = check(seeds(whole('seed', 0xffff_ffff), runs, mode), runs, mode);
} else {
  const plan = JSON.parse(await readFile(flags.plan, 'utf8')) as FaultPlan;
  process.exitCode = check([() => checkPlan(plan)], 1, plan.mode);
}
