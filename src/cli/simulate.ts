import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { formatDuration, formatPercent } from '../config/units.ts';
import { monotonicMs } from '../io/clock.ts';
import { SimulationPool } from '../io/simulation-pool.ts';
import { compareWithExpectation } from '../sim/comparison.ts';
import { Expectation, whyNoExpectation } from '../sim/expectation.ts';
import type { HandshakeScenario } from '../sim/handshake-result.ts';
import type { HandshakeStats } from '../sim/handshake-stats.ts';
import { HandshakeRunner } from '../sim/handshakes.ts';
import { Recorder } from '../sim/recorder.ts';
import { sequenceDiagram } from '../sim/sequence-diagram.ts';
import { ExitCode } from './exit-code.ts';
import { type Interrupt, interruptible } from './interrupt.ts';
import { commandOutput, complain, type Output } from './output.ts';
import { count, Progress } from './progress.ts';
import { cellOf, conflictOf, pathText, type SimulateOptions, scenarioOf, simulateOptions } from './simulate-options.ts';
import { gridPage, outcomePage } from './simulation-report.ts';
import {
  cameraText,
  gridLines,
  msText,
  outcomeLines,
  QUANTILES,
  type SimulationOutcome,
  shareText,
  theoryText,
} from './simulation-text.ts';

/** `firstframe simulate`. */
export function simulateCommand(finish: (exitCode: number) => void): Command {
  return simulateOptions().action(async (options: SimulateOptions, command: Command) => {
    const conflict = conflictOf(options, (name) => command.getOptionValueSource(name) === 'cli');
    if (conflict !== undefined) command.error(`error: ${conflict}`, { exitCode: ExitCode.usage });
    const output = commandOutput({ json: options.json === true, stdoutTaken: false });
    using interrupt = interruptible(() => complain('stopping (Ctrl-C again to leave at once)'));
    const simulation = new SimulateCommand(options, output, interrupt);
    if (options.grid === true) return finish(await simulation.grid());
    finish(await (options.runs === 1 ? simulation.one() : simulation.many()));
  });
}

/** One run of the command. */
class SimulateCommand {
  readonly #options: SimulateOptions;
  readonly #output: Output;
  readonly #interrupt: Interrupt;

  constructor(options: SimulateOptions, output: Output, interrupt: Interrupt) {
    this.#options = options;
    this.#output = output;
    this.#interrupt = interrupt;
  }

  /** A single handshake, step by step. */
  async one(): Promise<number> {
    const { seed, trace } = this.#options;
    const scenario = scenarioOf(this.#options);
    const recorder = new Recorder();
    const result = new HandshakeRunner(scenario).run(seed, (event) => recorder.see(event));
    const diagram = sequenceDiagram(recorder.events);
    this.#introduce(scenario, 1);
    this.#output.line(diagram);
    this.#output.line(`outcome              ${result.outcome}`);
    this.#output.line(`time to stream       ${timeText(result.timeToStreamMs)}`);
    if (scenario.untilFirstFrame) this.#output.line(`time to first frame  ${timeText(result.timeToFirstFrameMs)}`);
    for (const text of result.violations) this.#output.line(`violation            ${text}`);
    this.#output.event({ event: 'handshake', ...result });
    if (trace !== undefined) await this.#write(trace, diagram);
    const broken = result.mediaBeforeConfirm || result.violations.length > 0;
    return result.outcome === 'ok' && !broken ? ExitCode.ok : ExitCode.failed;
  }

  /** Many of one kind. */
  async many(): Promise<number> {
    const { runs, report } = this.#options;
    const scenario = scenarioOf(this.#options);
    await using pool = new SimulationPool(this.#options.workers);
    this.#introduce(scenario, runs);
    const startedAtMs = monotonicMs();
    const progress = new Progress('handshakes', runs);
    const stats = await this.#simulate(pool, scenario, (done) => progress.update(done));
    progress.finish();
    const elapsedMs = monotonicMs() - startedAtMs;
    if (stats.counts.runs === 0) return this.#nothing();
    const outcome = this.#compare(scenario, stats);
    for (const line of outcomeLines(outcome)) this.#output.line(line);
    this.#tellSpeed(stats.counts.runs, elapsedMs, pool.size);
    this.#output.event({ event: 'simulated', ...this.#outcomeEvent(outcome), workers: pool.size, elapsedMs });
    if (report !== undefined) await this.#write(report, outcomePage(outcome, pathText(scenario)));
    return this.#exitCode([outcome]);
  }

  /** Each pair of loss and round trip. */
  async grid(): Promise<number> {
    const { losses, rtts, runs, report } = this.#options;
    await using pool = new SimulationPool(this.#options.workers);
    const rowNames = losses.map(formatPercent);
    const columnNames = rtts.map(formatDuration);
    this.#introduce(cellOf(this.#options, losses[0] ?? 0, rtts[0] ?? 0), runs);
    const startedAtMs = monotonicMs();
    const progress = new Progress('handshakes', runs * losses.length * rtts.length);
    const cells: SimulationOutcome[][] = [];
    let done = 0;
    for (const loss of losses) {
      const row: SimulationOutcome[] = [];
      cells.push(row);
      for (const rtt of rtts) {
        const scenario = cellOf(this.#options, loss, rtt);
        const before = done;
        const stats = await this.#simulate(pool, scenario, (inCell) => progress.update(before + inCell));
        done += stats.counts.runs;
        if (stats.counts.runs > 0) row.push(this.#compare(scenario, stats));
        if (stats.counts.runs < runs) break;
      }
      if (this.#interrupt.signal.aborted) break;
    }
    progress.finish();
    if (done === 0) return this.#nothing();
    this.#tellGrid(cells, rowNames, columnNames);
    this.#tellSpeed(done, monotonicMs() - startedAtMs, pool.size);
    const whole = cells.flat();
    this.#output.event({ event: 'grid', cells: whole.map((outcome) => this.#outcomeEvent(outcome)) });
    if (report !== undefined) await this.#write(report, gridPage(cells, rowNames, columnNames, rtts));
    return this.#exitCode(whole);
  }

  /** Stopped before the first runs were done. */
  #nothing(): number {
    this.#output.line('nothing was simulated');
    return this.#interrupt.exitCode;
  }

  #simulate(
    pool: SimulationPool,
    scenario: HandshakeScenario,
    onProgress: (runsDone: number) => void,
  ): Promise<HandshakeStats> {
    const { seed, runs } = this.#options;
    return pool.run({ scenario, seed, runs }, { signal: this.#interrupt.signal, onProgress });
  }

  #compare(scenario: HandshakeScenario, stats: HandshakeStats): SimulationOutcome {
    const timesToStream = stats.timesToStream();
    const shared = {
      scenario,
      seed: this.#options.seed,
      stats,
      timesToStream,
      timesToFirstFrame: stats.timesToFirstFrame(),
    };
    const whyNoTheory = whyNoExpectation(scenario.link, scenario.fast);
    if (whyNoTheory !== undefined) return { ...shared, whyNoTheory };
    const expectation = new Expectation(scenario);
    return { ...shared, theory: { expectation, comparison: compareWithExpectation(timesToStream, expectation) } };
  }

  #introduce(scenario: HandshakeScenario, runs: number): void {
    const { seed, profile, grid } = this.#options;
    const many = runs === 1 ? 'One handshake' : `${count(runs)} handshakes${grid === true ? ' in each cell' : ''}`;
    const seeds = runs === 1 ? `seed ${seed}` : `seeds ${seed} to ${(seed + runs - 1) % 2 ** 32}`;
    this.#output.line(`${many} of the real engine on virtual time, ${seeds}, profile ${profile}.`);
    if (grid !== true) this.#output.line(`Link: ${pathText(scenario)}.`);
    this.#output.line(`${cameraText(scenario)}\n`);
  }

  #tellGrid(
    cells: readonly (readonly SimulationOutcome[])[],
    rows: readonly string[],
    columns: readonly string[],
  ): void {
    const table = (title: string, text: (outcome: SimulationOutcome) => string): void => {
      const cell = (row: number, column: number): string => {
        const outcome = cells[row]?.[column];
        return outcome === undefined ? '-' : text(outcome);
      };
      for (const line of gridLines(title, rows, columns, cell)) this.#output.line(line);
    };
    for (const q of [0.5, 0.99]) {
      table(`p${100 * q} to stream, ms`, ({ timesToStream }) => msText(timesToStream.quantile(q)));
    }
    if (this.#options.keyframeDatagrams !== undefined) {
      for (const q of [0.5, 0.99]) {
        table(`p${100 * q} to frame, ms`, ({ timesToFirstFrame }) => msText(timesToFirstFrame.quantile(q)));
      }
    }
    table('success', ({ stats }) => shareText(stats.outcomes.ok ?? 0, stats.counts.runs));
    const all = cells.flat();
    const compared = all.filter(({ theory }) => theory !== undefined);
    const apart = compared.filter(({ theory }) => theory?.comparison.agrees === false);
    if (compared.length === 0) this.#output.line(`theory: ${all[0] === undefined ? '-' : theoryText(all[0])}`);
    else this.#output.line(`theory: agrees in ${compared.length - apart.length} of ${compared.length} cells`);
    for (const outcome of apart) this.#output.line(`  ${pathText(outcome.scenario)}: ${theoryText(outcome)}`);
  }

  #tellSpeed(runs: number, elapsedMs: number, workers: number): void {
    const threads = workers === 1 ? '1 thread' : `${workers} threads`;
    const perSecond = count((1000 * runs) / Math.max(1, elapsedMs));
    this.#output.line(
      `\n${count(runs)} handshakes in ${formatDuration(elapsedMs)}, ${perSecond} a second in ${threads}`,
    );
  }

  #outcomeEvent(outcome: SimulationOutcome) {
    const { scenario, seed, stats, timesToStream, timesToFirstFrame, theory, whyNoTheory } = outcome;
    const { counts, outcomes, success, failedSeeds, firstViolations } = stats;
    const quantiles = (of: { quantile(q: number): number }) =>
      Object.fromEntries(QUANTILES.map((q) => [`p${100 * q}`, of.quantile(q)]));
    return {
      scenario,
      seed,
      success,
      counts,
      outcomes,
      failedSeeds,
      firstViolations,
      timeToStreamMs: { ...quantiles(timesToStream), max: timesToStream.max },
      ...(timesToFirstFrame.count === 0
        ? {}
        : { timeToFirstFrameMs: { ...quantiles(timesToFirstFrame), max: timesToFirstFrame.max } }),
      ...(theory === undefined
        ? { whyNoTheory }
        : {
            expectedMs: quantiles(theory.expectation),
            expectedSuccess: theory.expectation.success,
            comparison: theory.comparison,
          }),
    };
  }

  #exitCode(outcomes: readonly SimulationOutcome[]): number {
    if (this.#interrupt.exitCode !== 0) return this.#interrupt.exitCode;
    const { atLeast = 0 } = this.#options;
    const good = outcomes.every(({ stats, theory }) => {
      const { mediaBeforeConfirm, violations } = stats.counts;
      const kept = mediaBeforeConfirm === 0 && violations === 0;
      return kept && stats.success >= atLeast && theory?.comparison.tooManyFailures !== true;
    });
    return good ? ExitCode.ok : ExitCode.failed;
  }

  async #write(path: string, text: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    this.#output.line(`written to ${path}`);
  }
}

function timeText(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? msText(ms) : `${msText(ms)} ms`;
}
