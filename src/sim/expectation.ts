import { rtoMs } from '../../machines/index.ts';
import { CATCH_UP_BURST, CATCH_UP_PER_MS } from '../media/catch-up.ts';
import { TAIL_PROBES_MS } from '../media/media-sender.ts';
import { ATTEMPTS_MAX } from '../protocol/constants.ts';
import type { Profile } from '../protocol/profiles.ts';
import { Density } from './density.ts';
import type { HandshakeScenario } from './handshake-result.ts';
import { directions, type LinkModel, type LinkPair } from './link-model.ts';

/** Width of the grid's cells, in ms: halving it moves no share by more than {@link GRID_ERROR}. */
export const GRID_STEP_MS = 0.125;

/** Largest error of a share that comes from the grid (test/sim/expectation.test.ts). */
export const GRID_ERROR = 0.0005;

/** Copies whose chance to be the first that arrives is smaller are left out. */
const CHANCE_MIN = 1e-13;

/** Waits between the copies of a frame, each drawn evenly from its range. */
type Waits = readonly (readonly [fromMs: number, toMs: number])[];

/** Why the expectation says nothing of a link, or of fast mode; `undefined` when it does. */
export function whyNoExpectation(link: LinkPair, fast = false): string | undefined {
  const { toCamera, toViewer } = directions(link);
  const has = (field: keyof LinkModel): boolean => (toCamera[field] ?? 0) !== 0 || (toViewer[field] ?? 0) !== 0;
  const reasons = [
    ...(fast ? ['fast mode'] : []),
    ...(has('burst') ? ['losses in bursts'] : []),
    ...(has('jitterMs') ? ['jitter'] : []),
    ...(has('reorder') ? ['reordering'] : []),
    ...(has('duplication') ? ['duplicates'] : []),
    ...(has('corruption') ? ['corruption'] : []),
    ...(has('bitsPerSecond') ? ['a bottleneck'] : []),
    ...(has('datagramBytesMax') ? ['a limit on size'] : []),
  ];
  return reasons.length === 0 ? undefined : reasons.join(', ');
}

/**
 * The distribution of time to stream that follows from the schedule alone: what the engine should show, derived without it.
 *
 * Time to stream is a sum of three waits and two round trips. Copy k of START leaves at t(k), the sum of k waits of the profile, each
 * spread evenly by its jitter. The first copy whose round trip succeeds (its START and its START_ACK both arrive) brings the START_ACK.
 * From that moment copies of START_CONFIRM leave by the same schedule; the first that arrives opens the media. From that moment the
 * key frame's datagrams leave (32 at once, then 2 per ms), then repetitions of the last one; the first that arrives ends it. As copies
 * leave in order and all take equally long, "first that arrives" is "first that is not lost".
 *
 * Assumptions: losses are independent, each way with a share of its own; every datagram takes exactly `oneWayMs`; both ends answer at
 * once; nobody else is admitted or refused; a candidate does not expire (no START for 10 s before the confirm). Evaluated on a grid of
 * {@link GRID_STEP_MS}, so that it is exact up to {@link GRID_ERROR}.
 */
export class Expectation {
  readonly #offsetMs: number;
  readonly #stepMs: number;
  readonly #cumulative: Float64Array;

  /** @param stepMs the grid, default {@link GRID_STEP_MS}. */
  constructor(scenario: HandshakeScenario, stepMs: number = GRID_STEP_MS) {
    const { profile, keyframeDatagrams } = scenario;
    const { toCamera, toViewer } = directions(scenario.link);
    const arrives = { toCamera: 1 - (toCamera.loss ?? 0), toViewer: 1 - (toViewer.loss ?? 0) };
    this.#offsetMs = 2 * ((toCamera.oneWayMs ?? 0) + (toViewer.oneWayMs ?? 0));
    this.#stepMs = stepMs;
    const schedule = scheduleOf(profile);
    const began = Density.atZero(stepMs, profile.handshakeMs - this.#offsetMs);
    const acknowledged = firstArrival(began, arrives.toCamera * arrives.toViewer, schedule);
    const confirmed = firstArrival(acknowledged, arrives.toCamera, schedule);
    this.#cumulative = firstArrival(confirmed, arrives.toViewer, mediaWaits(keyframeDatagrams)).cumulative();
  }

  /** Chance of media before the handshake's deadline, 0..1. */
  get success(): number {
    return this.#cumulative.at(-1) ?? 0;
  }

  /** Ends of the grid's cells, in ms since the start: what {@link shareAtMost} is exact for. */
  edgesMs(): Float64Array {
    return this.#cumulative.map((_, index) => this.#edgeMs(index));
  }

  /** Chance of media within `ms`, 0..1. */
  shareAtMost(ms: number): number {
    const index = Math.floor((ms - this.#offsetMs) / this.#stepMs + 1e-9);
    if (index < 0) return 0;
    return this.#cumulative[Math.min(index, this.#cumulative.length - 1)] ?? 0;
  }

  /** Time within which media comes with that chance, in ms; Infinity if it does not before the deadline. */
  quantile(chance: number): number {
    let low = 0;
    let high = this.#cumulative.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulative[middle] ?? 0) >= chance - 1e-12) high = middle;
      else low = middle + 1;
    }
    return low === this.#cumulative.length ? Number.POSITIVE_INFINITY : this.#offsetMs + low * this.#stepMs;
  }

  #edgeMs(index: number): number {
    return this.#offsetMs + (index + 0.5) * this.#stepMs;
  }
}

/** Waits between the copies that a profile sends of START, and of START_CONFIRM. */
function scheduleOf(profile: Profile): Waits {
  const copies = Math.min(profile.sendsMax, ATTEMPTS_MAX);
  return Array.from({ length: copies - 1 }, (_, index) => {
    const ms = rtoMs(profile, index + 1);
    return [ms * (1 - profile.rtoJitter), ms * (1 + profile.rtoJitter)] as const;
  });
}

/** Waits between the datagrams that a viewer gets once it confirmed. */
function mediaWaits(datagrams: number): Waits {
  const first = Array.from({ length: datagrams - 1 }, (_, index) =>
    index + 1 < CATCH_UP_BURST ? 0 : 1 / CATCH_UP_PER_MS,
  );
  const probes = TAIL_PROBES_MS.map((ms, index) => ms - (TAIL_PROBES_MS[index - 1] ?? 0));
  return [...first, ...probes].map((ms) => [ms, ms] as const);
}

/** When the first of several copies that are sent from `began` on arrives, without the time on the way. */
function firstArrival(began: Density, chance: number, waits: Waits): Density {
  const arrived = began.empty();
  let sent = began;
  let weight = chance;
  let earliestMs = 0;
  const endMs = began.stepMs * began.cells.length;
  arrived.add(sent, weight);
  for (const [fromMs, toMs] of waits) {
    weight *= 1 - chance;
    earliestMs += fromMs;
    if (weight < CHANCE_MIN || earliestMs > endMs) break;
    sent = toMs === 0 ? sent : sent.delayed(fromMs, toMs);
    arrived.add(sent, weight);
  }
  return arrived;
}
