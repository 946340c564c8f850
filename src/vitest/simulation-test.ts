import { expect, test } from 'vitest';
import { type Simulation, type SimulationOptions, simulate } from '../sim/index.ts';
import { simulationMatchers } from './matchers.ts';

/** Simulations of one test at most. */
export const SIMULATIONS_MAX = 10_000;
/** Lines of the trace that is printed when a test fails. */
const TRACE_LINES_MAX = 60;

/** Starts a simulation with the test's seed, or with its own. */
export type SimulateFixture = (options?: Partial<SimulationOptions>) => Simulation;

expect.extend(simulationMatchers);

/**
 * vitest's `test` with a `simulate` fixture. The seed is the same in every run of a test, unless FIRSTFRAME_SEED says another one (a
 * u32, or `fresh`); each further simulation of a test has the next. A test fails, too, when the engine breaks a promise of its protocol. When a test fails it prints the seed, the command that repeats it, and what
 * happened on the link of its last simulation as a Mermaid diagram.
 */
export const simulationTest = test.extend<{ simulate: SimulateFixture }>({
  simulate: async ({ task, onTestFailed }, use) => {
    const seed = seedOf(task.fullTestName ?? task.name);
    const simulations: Simulation[] = [];
    onTestFailed(() => {
      const last = simulations.at(-1);
      const repeat = `FIRSTFRAME_SEED=${seed} npx vitest run ${task.file.name} -t ${JSON.stringify(task.name)}`;
      const trace = last === undefined ? '' : `\n${last.sequenceDiagram({ linesMax: TRACE_LINES_MAX })}`;
      process.stderr.write(`\nseed ${seed}; repeat with: ${repeat}\n${trace}`);
    });
    await use((options = {}) => {
      if (simulations.length === SIMULATIONS_MAX) throw new RangeError(`more than ${SIMULATIONS_MAX} in one test`);
      const simulation = simulate({ seed: (seed + simulations.length) >>> 0, ...options });
      simulations.push(simulation);
      return simulation;
    });
    for (const simulation of simulations) {
      const broken = simulation.finish().map(({ id, atMs, detail }) => `${id} at ${atMs.toFixed(1)} ms: ${detail}`);
      expect(broken, `promises that firstframe broke with seed ${simulation.seed}: a bug, please report it`).toEqual(
        [],
      );
    }
  },
});

/** FIRSTFRAME_SEED, or a number that belongs to the test's name: FNV-1a. */
function seedOf(name: string): number {
  const wanted = process.env['FIRSTFRAME_SEED'];
  if (wanted === 'fresh') return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  if (wanted !== undefined && wanted !== '') {
    const seed = Number(wanted);
    if (Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff) return seed;
    throw new RangeError(`FIRSTFRAME_SEED must be a u32 or "fresh", not ${wanted}`);
  }
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
