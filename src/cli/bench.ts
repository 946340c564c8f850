import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import {
  type Baseline,
  type BaselineRatio,
  compareWithBaseline,
  parseBaseline,
  withResult,
} from '../../bench/baseline.ts';
import type { BenchOption } from '../../bench/options.ts';
import type { BenchContext, BenchPlan } from '../../bench/plan.ts';
import { benchPlans } from '../../bench/plans.ts';
import { type BenchResult, failuresOf, RESULT_SCHEMA } from '../../bench/result.ts';
import { resultPage } from '../../bench/result-page.ts';
import { baselineText, cellLines, machineText, referenceLines } from '../../bench/result-text.ts';
import { ConfigError } from '../errors.ts';
import { describeMachine } from '../report/machine.ts';
import { ExitCode } from './exit-code.ts';
import { type Interrupt, interruptible } from './interrupt.ts';
import { type LinkOptions, linksOf, withLinkOptions } from './link-options.ts';
import { linkFields } from './link-text.ts';
import { duration, reader, seedNumber } from './options.ts';
import { commandOutput, complain, type Output } from './output.ts';
import { Progress } from './progress.ts';
import { pathText } from './simulate-options.ts';

/** Options of every bench, as commander hands them over, beside its own. */
interface BenchOptions extends LinkOptions {
  readonly rtt?: number;
  readonly seed: number;
  readonly json?: string;
  readonly report?: string;
  readonly baseline?: string;
  readonly saveBaseline?: string;
}

/** `firstframe bench`. */
export function benchCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('bench')
    .description('Measures how fast it is: on this machine, on your own network, beside references in the same run.')
    .helpCommand(false);
  for (const plan of benchPlans) command.addCommand(planCommand(plan, finish));
  return command;
}

function planCommand(plan: BenchPlan, finish: (exitCode: number) => void): Command {
  const command = new Command(plan.name).summary(plan.summary).description(plan.description);
  for (const [name, option] of Object.entries(plan.options)) command.addOption(optionOf(name, option));
  if (plan.takesLink) {
    const own = Object.keys(plan.options);
    // A bottleneck's queue means nothing without its rate, whose name a bench may use for another one.
    const taken = own.includes('rate') ? [...own, 'queue'] : own;
    const parts = linkFields.filter((field) => !taken.includes(field));
    withLinkOptions(command, parts).option('--rtt <time>', 'round trip, half of it each way', duration);
  }
  return command
    .addOption(new Option('--seed <number>', 'of all that chance decides').argParser(seedNumber).default(1))
    .option('--json <file>', 'write the result as JSON; - is stdout')
    .option('--report <file>', 'write an HTML page with charts')
    .option('--baseline <file>', 'compare with a result of before, such as bench/baseline.json')
    .option('--save-baseline <file>', 'put the result into that file, in place of the one of this bench')
    .action(async (options: BenchOptions & Readonly<Record<string, unknown>>, self: Command) => {
      const given = (name: string): boolean => self.getOptionValueSource(name) === 'cli';
      const conflict = conflictOf(plan, options, given);
      if (conflict !== undefined) self.error(`error: ${conflict}`, { exitCode: ExitCode.usage });
      const output = commandOutput({ json: false, stdoutTaken: options.json === '-' });
      using interrupt = interruptible(() => complain('stopping (Ctrl-C again to leave at once)'));
      finish(await runBench(plan, options, wordsOf(self), output, interrupt));
    });
}

function optionOf(name: string, { value, help, preset, parse }: BenchOption<unknown>): Option {
  const dashed = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const option = new Option(`--${dashed}${value === undefined ? '' : ` <${value}>`}`, help);
  if (value === undefined) return option.default(false);
  const read = reader(parse);
  option.argParser(read);
  return preset === undefined ? option : option.default(read(preset), preset);
}

function conflictOf(
  plan: BenchPlan,
  options: BenchOptions & Readonly<Record<string, unknown>>,
  given: (name: string) => boolean,
): string | undefined {
  if (options.rtt !== undefined && options.delay !== undefined) return '--rtt and --delay say the same: give one';
  return plan.conflict?.(options, given);
}

/** The options of the link: a bench's own one of the same name is none. */
function withoutOwn(plan: BenchPlan, options: LinkOptions): LinkOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(plan.options, name)));
}

/** The words after `firstframe`, as they were typed. */
function wordsOf(command: Command): string {
  const { parent } = command;
  const typed = parent?.parent?.args ?? [];
  return typed.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}

async function runBench(
  plan: BenchPlan,
  options: BenchOptions & Readonly<Record<string, unknown>>,
  command: string,
  output: Output,
  interrupt: Interrupt,
): Promise<number> {
  const { seed, json, report, baseline, saveBaseline } = options;
  const before = baseline === undefined ? undefined : await readBaseline(baseline, '--baseline');
  const machine = describeMachine();
  output.line(`${plan.name}, seed ${seed}\n${machineText(machine)}`);
  const delay = options.rtt === undefined ? {} : { delay: { oneWayMs: options.rtt / 2 } };
  const link = plan.takesLink ? linksOf({ ...withoutOwn(plan, options), ...delay }) : { toCamera: {}, toViewer: {} };
  using progress = new PhaseProgress();
  const context: BenchContext<Readonly<Record<string, unknown>>> = {
    options,
    link: { ...link, text: pathText({ link }) },
    seed,
    signal: interrupt.signal,
    progress: (what, done, total) => progress.update(what, done, total),
    say: (line) => {
      progress.hide();
      output.line(line);
    },
  };
  const { figures, ...outcome } = await plan.run(context);
  progress.hide();
  const result: BenchResult = {
    schema: RESULT_SCHEMA,
    bench: plan.name,
    command,
    madeAt: new Date().toISOString(),
    machine,
    seed,
    options: Object.fromEntries(Object.keys(plan.options).map((name) => [name, options[name]])),
    ...outcome,
    complete: !interrupt.signal.aborted,
  };
  const ratios = before === undefined ? [] : compareWithBaseline(result, before);
  tell(result, ratios, output);
  if (before !== undefined && ratios.length === 0) output.line(`\n${baseline} has none of these cells`);
  const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  if (json === '-') process.stdout.write(text(result));
  else if (json !== undefined) await write(json, text(result), output);
  if (report !== undefined) await write(report, resultPage(result, plan.summary, figures), output);
  if (saveBaseline !== undefined && result.complete) {
    const others = await readBaseline(saveBaseline, '--save-baseline', { schema: RESULT_SCHEMA, results: [] });
    await write(saveBaseline, text(withResult(others, result)), output);
  }
  if (interrupt.exitCode !== 0) return interrupt.exitCode;
  const judged = result.cells.filter((cell) => plan.judges?.(cell) ?? true);
  return judged.some((cell) => failuresOf(cell) > 0) ? ExitCode.failed : ExitCode.ok;
}

function tell(result: BenchResult, ratios: readonly BaselineRatio[], output: Output): void {
  const { cells, references, limitsRaised, skipped, complete } = result;
  const raised = Object.entries(limitsRaised).map(([name, value]) => `${name} ${value}`);
  if (raised.length > 0) output.line(`limits raised: ${raised.join(', ')}`);
  for (const reason of skipped) output.line(`left out: ${reason}`);
  if (!complete) output.line('stopped: what follows was measured until then');
  const lines = [...cells.flatMap((cell) => cellLines(cell, references, ratios)), ...referenceLines(references)];
  for (const line of lines) output.line(line);
  const compared = baselineText(ratios);
  if (compared !== undefined) output.line(`\n${compared}`);
  if (cells.length === 0) output.line('nothing was measured');
}

/** One bar after the other, for each phase that a bench has. */
class PhaseProgress implements Disposable {
  #phase = '';
  #bar: Progress | undefined;

  update(what: string, done: number, total: number): void {
    const phase = `${what} ${total}`;
    if (phase !== this.#phase) {
      this.hide();
      this.#phase = phase;
      this.#bar = new Progress(what, total);
    }
    this.#bar?.update(done);
  }

  hide(): void {
    this.#bar?.finish();
  }

  [Symbol.dispose](): void {
    this.hide();
  }
}

/** @param missing what a file that is not there stands for; without it that is an error. */
async function readBaseline(path: string, setting: string, missing?: Baseline): Promise<Baseline> {
  try {
    return parseBaseline(await readFile(path, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && missing !== undefined) return missing;
    throw new ConfigError([{ setting, problem: `${path}: ${message}`, tryInstead: 'give a file that --json wrote' }]);
  }
}

async function write(path: string, text: string, output: Output): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  output.line(`written to ${path}`);
}
