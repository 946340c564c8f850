/**
 * Feeds mutants of datagrams to the decoder, to both ends as strangers reach them, and to live sessions, and looks whether anything
 * throws, takes over 10 ms, allocates over 4 KiB to refuse, or breaks a promise. The first finding ends it with exit code 1: what it was, the
 * command that does it again, and the smallest input that still does.
 *
 *     npm run fuzz -- --minutes 10
 *     npm run fuzz -- --target decoder --executions 100000000
 *     npm run fuzz -- --target decoder --seed 1 --life 1234
 *     npm run fuzz -- --make-corpus
 */
process.env['NODE_ENV'] ??= 'production';

import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { FuzzCorpus } from '../src/sim/fuzz/corpus.ts';
import type { FuzzFinding, FuzzProbe } from '../src/sim/fuzz/fuzz-run.ts';
import type { FuzzTarget, FuzzTargetName } from '../src/sim/fuzz/target.ts';

const { seedNumber, wholeNumber } = await import('../src/cli/options.ts');
const { describeMachine } = await import('../src/report/machine.ts');
const { AdmissionTarget } = await import('../src/sim/fuzz/admission-target.ts');
const { BlindTarget } = await import('../src/sim/fuzz/blind-target.ts');
const { corpusParts, corpusText, parseCorpus } = await import('../src/sim/fuzz/corpus.ts');
const { DecoderTarget } = await import('../src/sim/fuzz/decoder-target.ts');
const { FuzzRun } = await import('../src/sim/fuzz/fuzz-run.ts');
const { makeCorpus } = await import('../src/sim/fuzz/make-corpus.ts');
const { SessionTarget } = await import('../src/sim/fuzz/session-target.ts');
const { fuzzTargets } = await import('../src/sim/fuzz/target.ts');

/** The package's own folder, from dist/bench. */
const CORPUS = fileURLToPath(new URL('../../test/fuzz/corpus', import.meta.url));
/** Of which everything in the corpus is drawn. */
const CORPUS_SEED = 1;
/** Where findings are written. */
const OUT = 'firstframe-out';
/** Characters of a finding that are printed. */
const SHOWN_MAX = 4000;
const PROGRESS_MS = 5000;
/** Lives between two looks at the clock. */
const LIVES_PER_LOOK = 16;
/** Of the time given for all targets. */
const SHARES = { decoder: 0.2, admission: 0.2, session: 0.4, blind: 0.2 } as const;

interface FuzzOptions {
  readonly minutes?: number;
  readonly executions?: number;
  readonly seed: number;
  readonly target: FuzzTargetName | 'all';
  readonly life?: number;
  readonly corpus: string;
  readonly makeCorpus?: boolean;
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const figure = (value: number): string => Math.round(value).toLocaleString('en-US');

const probe: FuzzProbe = {
  nowMs: () => performance.now(),
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  heapBytes() {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    return heap + external;
  },
};

function minutes(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 10_000) return value;
  throw new InvalidArgumentError('It is not a number of minutes, more than 0 and up to 10000.');
}

async function readCorpus(folder: string): Promise<FuzzCorpus> {
  const parts = corpusParts.map(async (part) => [
    part,
    parseCorpus(await readFile(join(folder, `${part}.hex`), 'utf8')),
  ]);
  return Object.fromEntries(await Promise.all(parts)) as FuzzCorpus;
}

async function writeCorpus(folder: string): Promise<void> {
  const corpus = makeCorpus(CORPUS_SEED);
  await mkdir(folder, { recursive: true });
  for (const part of corpusParts) {
    const head = '# Made by: npm run fuzz -- --make-corpus\n';
    await writeFile(join(folder, `${part}.hex`), `${head}${corpusText(corpus[part])}`);
    say(`${part}: ${corpus[part].length} datagrams`);
  }
}

function targetOf(name: FuzzTargetName, corpus: FuzzCorpus): FuzzTarget {
  switch (name) {
    case 'decoder':
      return new DecoderTarget(corpus.clear, corpus.secured);
    case 'admission':
      return new AdmissionTarget(corpus);
    case 'session':
      return new SessionTarget(corpus);
    case 'blind':
      return new BlindTarget();
  }
}

/** @returns whether nothing was found. */
function fuzz(
  target: FuzzTarget,
  options: FuzzOptions,
  limits: { readonly ms: number; readonly executions: number },
): boolean {
  const { seed, life = 0 } = options;
  const run = new FuzzRun(target, seed, probe, life);
  const { done, name } = target;
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  let saidMs = beganMs;
  let lives = 0;
  const rates = (): string => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const ms = performance.now() - beganMs;
    const cpuMs = (user + system) / 1000;
    return (
      `${figure(done.executions)} executions, ${figure(done.bytes)} bytes in ${(ms / 1000).toFixed(1)} s; ` +
      `${figure((1000 * done.executions) / ms)}/s by the clock, ${figure((1000 * done.executions) / cpuMs)}/s of CPU time`
    );
  };
  while (done.executions < limits.executions && (options.life === undefined || lives === 0)) {
    const finding = run.next();
    if (finding !== undefined) {
      report(finding, seed, name);
      return false;
    }
    if (++lives % LIVES_PER_LOOK !== 0) continue;
    const nowMs = performance.now();
    if (nowMs - beganMs > limits.ms) break;
    if (nowMs - saidMs > PROGRESS_MS) {
      saidMs = nowMs;
      process.stderr.write(`${name}: ${rates()}\n`);
    }
  }
  const { longestMs, retimed, rejectBytes, triedBytes, rejectsMeasured } = run.progress;
  say(`${name}, seed ${seed}: ${rates()}`);
  // Steps of the others are single executions, or few of them.
  if (target.timed !== false)
    say(`  longest step ${longestMs.toFixed(1)} ms as first timed, ${retimed} timed again, none over 10 ms then`);
  const tried = triedBytes === 0 ? '' : ` (${figure(triedBytes)} where a Noise message was tried)`;
  if (rejectsMeasured > 0) {
    say(
      `  refusing allocates ${figure(rejectBytes)} bytes at most${tried}, of ${figure(rejectsMeasured)} that were measured`,
    );
  }
  const tallied = [...target.tally].sort(([, a], [, b]) => b - a);
  say(`  ${tallied.map(([what, times]) => `${what} ${figure(times)}`).join(', ')}`);
  return true;
}

function report({ what, life, found, smallest }: FuzzFinding, seed: number, name: FuzzTargetName): void {
  say(`FOUND by ${name}: ${what}`);
  say(`again: npm run fuzz -- --target ${name} --seed ${seed} --life ${life}`);
  const text = JSON.stringify(smallest);
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, `fuzz-${name}-${seed}-${life}.json`);
  writeFileSync(file, `${text}\n`);
  say(
    `the smallest that still does it (${smallest.steps.length} of ${found.steps.length} steps) is in ${file}, to be kept in test/fuzz/regressions`,
  );
  say(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)} …` : text);
}

async function main(options: FuzzOptions): Promise<void> {
  if (options.makeCorpus === true) return writeCorpus(options.corpus);
  const corpus = await readCorpus(options.corpus);
  const { cpu, cores, node, loadBefore } = describeMachine();
  say(`${cpu}, ${cores} cores, Node ${node}, load ${loadBefore.toFixed(2)}; one core is used`);
  const names = options.target === 'all' ? fuzzTargets : [options.target];
  const given = options.minutes ?? (options.executions === undefined ? 1 : Number.POSITIVE_INFINITY);
  const executions = options.executions ?? Number.POSITIVE_INFINITY;
  for (const name of names) {
    const ms = 60_000 * given * (options.target === 'all' ? SHARES[name] : 1);
    if (fuzz(targetOf(name, corpus), options, { ms, executions })) continue;
    process.exitCode = 1;
    return;
  }
}

await new Command('fuzz')
  .description('Feeds mutants of datagrams to what strangers can reach.')
  .addOption(new Option('--target <name>', 'what to fuzz').choices([...fuzzTargets, 'all']).default('all'))
  .option('--minutes <number>', 'how long in all (default: 1, without --executions)', minutes)
  .option('--executions <number>', 'how many inputs for each target', wholeNumber(1, 1e12))
  .addOption(new Option('--seed <number>', 'of all that chance decides').argParser(seedNumber).default(1))
  .option('--life <number>', 'only that one: what a finding says', wholeNumber(0, 0xffff_ffff))
  .option('--corpus <folder>', 'datagrams to begin with', CORPUS)
  .option('--make-corpus', 'write that folder anew')
  .action(main)
  .parseAsync();
