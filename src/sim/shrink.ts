import type { FaultPlan, TimedFault, ViewerPlan } from './fault-plan.ts';
import type { LinkModel } from './link-model.ts';
import { Recorder } from './recorder.ts';
import { type PlanResult, runPlan } from './run-plan.ts';
import { sequenceDiagram } from './sequence-diagram.ts';
import { type Failure, failsBy, kindsOf } from './swarm.ts';

/** Runs that shrinking may take. */
const RUNS_MAX = 600;
/** Lines of the trace that is shown. */
const TRACE_LINES_MAX = 200;

/** The smallest plan that was found to fail in the same way. */
export interface Shrunk {
  readonly plan: FaultPlan;
  readonly result: PlanResult;
  /** Runs that it took. */
  readonly runs: number;
  /** What happened in it, as a Mermaid `sequenceDiagram`. */
  readonly trace: string;
}

/**
 * Takes away from a failing plan whatever it fails without, in the same way: faults, viewers, the stream, what is wrong with
 * links, hosts and application, time.
 *
 * @param run for tests of this function.
 */
export function shrink(failure: Pick<Failure, 'plan' | 'kind'>, run: typeof runPlan = runPlan): Shrunk {
  let { plan } = failure;
  let runs = 0;
  for (let progress = true; progress; ) {
    progress = false;
    // After a success the next candidates stand where those before it stood, so that one pass tries each about once.
    let place = 0;
    for (let candidates = [...smallerThan(plan)]; place < candidates.length && runs < RUNS_MAX; runs++) {
      const smaller = candidates[place];
      if (smaller === undefined || !failsBy(failure.kind, smaller, run)) {
        place++;
        continue;
      }
      plan = smaller;
      progress = true;
      candidates = [...smallerThan(plan)];
    }
  }
  const recorder = new Recorder();
  const result = run(plan, (event) => recorder.see(event));
  return { plan, result, runs, trace: sequenceDiagram(recorder.events, { linesMax: TRACE_LINES_MAX }) };
}

/** What to do with a failure: the seed, the command that runs it again, the smallest plan and its trace. */
export function failureReport(failure: Failure, shrunk: Shrunk): string {
  const { detail, kind, plan } = failure;
  const mode = plan.mode === 'liveness' ? ' --liveness' : '';
  return [
    `${kind} is broken by seed ${plan.seed}: ${detail}`,
    `run it again: npm run swarm -- --seed ${plan.seed} --runs 1${mode}`,
    `the smallest plan that still breaks ${kindsOf(shrunk.result).join(', ') || kind} (after ${shrunk.runs} runs; npm run swarm -- --plan FILE):`,
    JSON.stringify(shrunk.plan),
    ...shrunk.result.violations.map((violation) => `${violation.id} at ${violation.atMs} ms: ${violation.detail}`),
    shrunk.trace,
  ].join('\n');
}

/** Plans that have a little less, those that have much less first. */
function* smallerThan(plan: FaultPlan): Generator<FaultPlan> {
  yield* fewerFaults(plan);
  yield* fewerViewers(plan);
  const { media: _media, ...idle } = plan;
  if (plan.media !== undefined) yield idle;
  yield* shorter(plan);
  yield* plainer(plan);
  for (const [number, viewer] of plan.viewers.entries()) {
    for (const simpler of plainerViewers(viewer)) yield { ...plan, viewers: plan.viewers.with(number, simpler) };
  }
  for (const [place, fault] of plan.faults.entries()) {
    for (const simpler of plainerFaults(fault)) yield { ...plan, faults: plan.faults.with(place, simpler) };
  }
}

function* fewerFaults(plan: FaultPlan): Generator<FaultPlan> {
  const { faults } = plan;
  const half = faults.length >> 1;
  if (half > 1) {
    yield { ...plan, faults: faults.slice(0, half) };
    yield { ...plan, faults: faults.slice(half) };
  }
  for (const place of faults.keys()) yield { ...plan, faults: faults.toSpliced(place, 1) };
}

/** The numbers of the others stay, and with them their draws: one that is not the last only never starts. */
function* fewerViewers(plan: FaultPlan): Generator<FaultPlan> {
  const { faults, viewers } = plan;
  const last = viewers.length - 1;
  const concerns = (fault: TimedFault) =>
    ('viewer' in fault && fault.viewer === last) || ('host' in fault && fault.host === last);
  if (last > 0) yield { ...plan, viewers: viewers.slice(0, last), faults: faults.filter((fault) => !concerns(fault)) };
  for (const [number, { startsAtMs, ...never }] of viewers.entries()) {
    if (startsAtMs !== undefined) yield { ...plan, viewers: viewers.with(number, never) };
  }
}

function* shorter(plan: FaultPlan): Generator<FaultPlan> {
  const { faultyMs, media } = plan;
  for (const part of [0.5, 0.8]) {
    const ms = Math.floor(part * faultyMs);
    if (ms > 10) yield { ...plan, faultyMs: ms };
  }
  if (media === undefined) return;
  if (media.frames > 1) yield { ...plan, media: { ...media, frames: media.frames >> 1 } };
  if (media.bytes > 100) yield { ...plan, media: { ...media, bytes: 100 } };
  if (media.ends) yield { ...plan, media: { ...media, ends: false } };
}

function* plainer(plan: FaultPlan): Generator<FaultPlan> {
  const { application, camera } = plan;
  if (plan.profile !== 'default') yield { ...plan, profile: 'default' };
  for (const name of ['late', 'refuses', 'silent'] as const) {
    if (application[name] > 0) yield { ...plan, application: { ...application, [name]: 0 } };
  }
  const { allocationFailsAt: _memory, ...enough } = camera;
  const { clock: _clock, ...exact } = camera;
  if (camera.allocationFailsAt !== undefined) yield { ...plan, camera: enough };
  if (camera.clock !== undefined) yield { ...plan, camera: exact };
  const { fast: _fast, ...slow } = camera;
  if (camera.fast === true) yield { ...plan, camera: slow };
  const { limits: _limits, ...usual } = camera;
  if (camera.limits !== undefined) yield { ...plan, camera: usual };
  if (camera.datagramBytesMax !== 1200) yield { ...plan, camera: { ...camera, datagramBytesMax: 1200 } };
  if (!camera.repair) yield { ...plan, camera: { ...camera, repair: true } };
}

function* plainerViewers(viewer: ViewerPlan): Generator<ViewerPlan> {
  const { allocationFailsAt: _memory, ...enough } = viewer;
  const { clock: _clock, ...exact } = viewer;
  if (viewer.allocationFailsAt !== undefined) yield enough;
  if (viewer.clock !== undefined) yield exact;
  if (viewer.fast) yield { ...viewer, fast: false };
  if (!viewer.repair) yield { ...viewer, repair: true };
  if (viewer.startsAtMs !== undefined && viewer.startsAtMs > 0) yield { ...viewer, startsAtMs: 0 };
  for (const toCamera of plainerLinks(viewer.toCamera)) yield { ...viewer, toCamera };
  for (const toViewer of plainerLinks(viewer.toViewer)) yield { ...viewer, toViewer };
}

function* plainerLinks(link: LinkModel): Generator<LinkModel> {
  const { oneWayMs = 0 } = link;
  const extras = Object.keys(link).filter((name) => name !== 'oneWayMs');
  if (extras.length > 1) yield { oneWayMs };
  for (const name of extras) yield Object.fromEntries(Object.entries(link).filter(([other]) => other !== name));
  if (oneWayMs !== 10) yield { ...link, oneWayMs: 10 };
}

function* plainerFaults(fault: TimedFault): Generator<TimedFault> {
  if ('count' in fault && fault.count > 1) {
    yield { ...fault, count: 1 };
    yield { ...fault, count: fault.count - 1 };
  }
  if ('forMs' in fault && fault.forMs !== undefined && fault.forMs > 1) {
    yield { ...fault, forMs: Math.floor(fault.forMs / 2) };
  }
  if ('fraction' in fault && fault.fraction < 1) yield { ...fault, fraction: 1 };
  if ('ways' in fault && fault.ways === 'both') {
    yield { ...fault, ways: 'toCamera' };
    yield { ...fault, ways: 'toViewer' };
  }
}
