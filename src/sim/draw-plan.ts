import { type HintName, hintNames } from '../engine/counters.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import type { ProfileName } from '../protocol/profiles.ts';
import type { SecuredMode } from '../security/credentials.ts';
import {
  type ApplicationPlan,
  type CameraPlan,
  type FaultPlan,
  forgeryKinds,
  type MediaPlan,
  type RunMode,
  type TimedFault,
  type ViewerPlan,
  type Ways,
} from './fault-plan.ts';
import type { HostClock } from './host.ts';
import { bursts, type LinkModel } from './link-model.ts';
import { Prng } from './prng.ts';
import type { HostName } from './world-event.ts';

/** Tells the draws of a plan from those of the world that runs it. */
const PLAN_STREAM = 0x504c_414e;
/** Limits are drawn apart, so that a plan is the same with them and without. */
const LIMITS_STREAM = 0x4c49_4d53;
/** And so are moves of viewers in secured worlds. */
const MOVES_STREAM = 0x4d4f_5645;
/** And so is fast mode, with viewers that come back. */
const FAST_STREAM = 0x4641_5354;
/** A session is found out to have moved, and moves, within this time at most in profile `lan`, if it does. */
const MOVE_MS = 3000;

/** A viewer has a session for about this long before it comes back, and is watched as long afterwards. */
const COMEBACK_MS = 800;

/** Each seed has its own subset of the kinds of faults, with this chance for each. */
const KIND_CHANCE = 0.3;

const kinds: readonly TimedFault['kind'][] = [
  'pause',
  'crash',
  'partition',
  'clog',
  'rebind',
  'sends',
  'close',
  'socket',
  'redial',
  'forge',
  'flood',
];

/**
 * The plan of a seed in secured worlds: that of the seed, and in a third of them NATs that forget viewers in the middle of a
 * session, with time enough to follow them.
 */
export function drawSecuredPlan(seed: number, mode: RunMode, security: SecuredMode): FaultPlan {
  const plan = { ...drawPlan(seed, mode), security };
  const draw = new Draw(new Prng(seed, MOVES_STREAM));
  if (!draw.chance(0.33)) return plan;
  const { faultyMs, viewers } = plan;
  const moves = Array.from({ length: draw.between(1, 3) }, (): TimedFault => {
    return { atMs: faultyMs + draw.below(MOVE_MS), kind: 'rebind', viewer: draw.below(viewers.length) };
  });
  return { ...plan, profile: 'lan', faults: [...plan.faults, ...moves], faultyMs: faultyMs + 2 * MOVE_MS };
}

/** The plan of a seed: which kinds of faults there are, how often, how bad the links are, what the hosts do. */
export function drawPlan(seed: number, mode: RunMode): FaultPlan {
  const draw = new Draw(new Prng(seed, PLAN_STREAM));
  const profile = draw.oneOf<ProfileName>(['default', 'default', 'default', 'lan', 'internet', 'seed']);
  const faultyMs = mode === 'safety' ? draw.between(300, draw.chance(0.2) ? 30_000 : 6000) : draw.between(50, 4000);
  const viewers = Array.from({ length: 1 + draw.below(3) }, () => drawViewer(draw, faultyMs));
  const media = draw.chance(0.5) ? drawMedia(draw) : undefined;
  return drawComebacks(new Draw(new Prng(seed, FAST_STREAM)), {
    seed,
    mode,
    profile,
    camera: { ...drawCamera(draw), ...drawLimits(new Draw(new Prng(seed, LIMITS_STREAM))) },
    application: drawApplication(draw),
    ...(media === undefined ? {} : { media }),
    viewers,
    faults: drawFaults(draw, viewers, faultyMs),
    faultyMs,
  });
}

/** Draws of a plan, by kind of number. */
class Draw {
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  chance(fraction: number): boolean {
    return this.#prng.chance(fraction);
  }

  below(limit: number): number {
    return this.#prng.below(limit);
  }

  /** A whole number. */
  between(least: number, most: number): number {
    return least + this.#prng.below(Math.max(0, most - least) + 1);
  }

  /** In hundredths, so that a printed plan can be read. */
  fraction(most: number): number {
    return this.below(Math.round(100 * most) + 1) / 100;
  }

  oneOf<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to choose from');
    return item;
  }

  /** A fault's own field in some of the plans. */
  sometimes<T>(fraction: number, make: () => T): T | undefined {
    return this.chance(fraction) ? make() : undefined;
  }
}

function drawClock(draw: Draw): { readonly clock?: HostClock } {
  if (!draw.chance(0.2)) return {};
  // A monotonic clock is never negative, and the engine counts on it.
  return { clock: { offsetMs: Math.max(0, draw.between(-5000, 100_000)), rate: 1 + (draw.below(201) - 100) / 10_000 } };
}

function drawCamera(draw: Draw): CameraPlan {
  const allocationFailsAt = draw.sometimes(0.05, () => draw.between(3, 40));
  return {
    keepsKey: draw.chance(0.5),
    repair: draw.chance(0.8),
    datagramBytesMax: draw.oneOf([1200, 1200, 600, 296] as const),
    ...drawClock(draw),
    ...(allocationFailsAt === undefined ? {} : { allocationFailsAt }),
  };
}

/** A third of the cameras demand cookies of their few viewers, by chance or because a handful is load to them. */
function drawLimits(draw: Draw): Pick<CameraPlan, 'limits'> {
  if (!draw.chance(0.33)) return {};
  const load = { pending: draw.between(1, 8), startsPerSecond: draw.between(1, 50), lateMs: 50 };
  return {
    limits: { load, pendingPerPrefixSoft: draw.between(1, 16), retryFraction: draw.oneOf([0, 0.1, 0.5, 1] as const) },
  };
}

function drawApplication(draw: Draw): ApplicationPlan {
  if (draw.chance(0.5)) return { late: 0, refuses: 0, silent: 0, lateMs: 0 };
  const [late, refuses, silent] = [draw.fraction(0.8), draw.fraction(0.5), draw.fraction(0.2)];
  return { late, refuses, silent, lateMs: draw.between(1, 1500) };
}

function drawMedia(draw: Draw): MediaPlan {
  const intervalMs = draw.chance(0.6) ? draw.between(10, 100) : draw.between(100, 1500);
  return { frames: draw.between(1, 25), bytes: draw.between(30, 4000), intervalMs, ends: draw.chance(0.4) };
}

function drawViewer(draw: Draw, faultyMs: number): ViewerPlan {
  const allocationFailsAt = draw.sometimes(0.05, () => draw.between(1, 12));
  const toCamera = drawLink(draw);
  return {
    startsAtMs: draw.chance(0.5) ? 0 : draw.below(Math.ceil(faultyMs / 2)),
    toCamera,
    toViewer: draw.chance(0.5) ? toCamera : drawLink(draw),
    repair: draw.chance(0.8),
    fast: draw.chance(0.1),
    ...drawClock(draw),
    ...(allocationFailsAt === undefined ? {} : { allocationFailsAt }),
  };
}

/** A quarter of the cameras allow fast mode, and most of their viewers come back, with time enough to have their tokens. Some frames are larger than what may leave before the confirm. */
function drawComebacks(draw: Draw, plan: FaultPlan): FaultPlan {
  if (!draw.chance(0.25)) return plan;
  const viewers = plan.viewers.map((viewer) => (draw.chance(0.8) ? { ...viewer, fast: true } : viewer));
  const comebacks = viewers.flatMap(({ fast, startsAtMs = 0, toCamera, toViewer }, viewer) => {
    if (!fast) return [];
    const rttMs = (toCamera.oneWayMs ?? 0) + (toViewer.oneWayMs ?? 0);
    let atMs = startsAtMs;
    return Array.from({ length: draw.between(1, 3) }, () => {
      atMs += draw.between(2 * rttMs, 4 * rttMs + COMEBACK_MS);
      const faults = drawComeback(draw, viewer, atMs, rttMs);
      atMs = faults.at(-1)?.atMs ?? atMs;
      return faults;
    }).flat();
  });
  const { media } = plan;
  // The key of its tokens is one request more.
  const { allocationFailsAt: failsAt } = plan.camera;
  const large = media !== undefined && draw.chance(0.3) ? { media: drawLarge(draw, media) } : {};
  const lastMs = Math.max(0, ...comebacks.map(({ atMs }) => atMs));
  return {
    ...plan,
    ...large,
    camera: { ...plan.camera, fast: true, ...(failsAt === undefined ? {} : { allocationFailsAt: failsAt + 1 }) },
    viewers,
    faults: [...plan.faults, ...comebacks],
    faultyMs: Math.max(plan.faultyMs, lastMs + COMEBACK_MS),
  };
}

/** A few frames, each about the allowance of fast mode. */
function drawLarge(draw: Draw, media: MediaPlan): MediaPlan {
  return { ...media, frames: Math.min(media.frames, 5), bytes: draw.between(20_000, 45_000) };
}

/** It says that it goes, or comes from another port, or is only there anew: a token is not looked at beside a live session. */
function drawComeback(draw: Draw, viewer: number, atMs: number, rttMs: number): TimedFault[] {
  const redial: TimedFault = { atMs, kind: 'redial', viewer };
  switch (draw.oneOf(['closes', 'closes', 'rebinds', 'silent'] as const)) {
    case 'closes': {
      const afterMs = draw.below(2 * rttMs + 100);
      return [
        { atMs, kind: 'close', host: viewer, code: ErrorCode.NO_ERROR },
        { ...redial, atMs: atMs + afterMs },
      ];
    }
    case 'rebinds':
      return [{ atMs, kind: 'rebind', viewer }, redial];
    case 'silent':
      return [redial];
  }
}

function drawLink(draw: Draw): LinkModel {
  const link: { -readonly [K in keyof LinkModel]: LinkModel[K] } = {
    oneWayMs: draw.below(draw.chance(0.1) ? 400 : 60),
  };
  if (draw.chance(0.5)) link.loss = draw.fraction(draw.chance(0.1) ? 1 : 0.5);
  if (draw.chance(0.2)) link.burst = bursts(draw.fraction(0.4), draw.between(1, 10));
  if (draw.chance(0.4)) link.jitterMs = draw.below(40);
  if (draw.chance(0.3)) {
    link.reorder = draw.fraction(0.3);
    link.reorderMs = draw.between(1, 100);
  }
  if (draw.chance(0.3)) link.duplication = draw.fraction(0.3);
  if (draw.chance(0.3)) link.corruption = draw.fraction(0.2);
  if (draw.chance(0.15)) {
    link.bitsPerSecond = draw.between(50_000, 5_000_000);
    link.queueBytesMax = draw.between(1500, 30_000);
  }
  if (draw.chance(0.1)) link.datagramBytesMax = draw.between(250, 1300);
  return link;
}

function drawFaults(draw: Draw, viewers: readonly ViewerPlan[], wholeMs: number): TimedFault[] {
  const present = kinds.filter(() => draw.chance(KIND_CHANCE));
  if (present.length === 0) return [];
  // Most of what can go wrong goes wrong in a handshake.
  const faultyMs = draw.chance(0.4) ? Math.min(wholeMs, 400) : wholeMs;
  return Array.from({ length: draw.between(1, 12) }, () => drawFault(draw, draw.oneOf(present), viewers, faultyMs));
}

function drawFault(draw: Draw, kind: TimedFault['kind'], viewers: readonly ViewerPlan[], faultyMs: number): TimedFault {
  const atMs = draw.below(faultyMs);
  const viewer = draw.below(viewers.length);
  const host: HostName = draw.chance(0.5) ? 'camera' : viewer;
  const forMs = draw.between(1, draw.chance(0.2) ? 20_000 : 1500);
  const ways = draw.oneOf<Ways>(['toCamera', 'toViewer', 'both']);
  switch (kind) {
    case 'pause':
      return { atMs, kind, host, forMs, order: draw.oneOf(['datagramsFirst', 'timersFirst']) };
    case 'crash':
      return draw.chance(0.2) ? { atMs, kind, host } : { atMs, kind, host, forMs: draw.chance(0.3) ? 0 : forMs };
    case 'partition':
      return draw.chance(0.2) ? { atMs, kind, viewer, ways } : { atMs, kind, viewer, ways, forMs };
    case 'clog':
      return { atMs, kind, viewer, ways, forMs };
    case 'sends':
      return { atMs, kind, host, hint: draw.oneOf<HintName>(hintNames), fraction: draw.fraction(1), forMs };
    case 'close':
      return {
        atMs,
        kind,
        host,
        code: draw.oneOf([ErrorCode.NO_ERROR, ErrorCode.SHUTDOWN, ErrorCode.BUSY, 0x80, 0xfff0]),
      };
    case 'socket':
      return { atMs, kind, host };
    case 'forge':
      return { atMs, kind, viewer, what: draw.oneOf(forgeryKinds), count: draw.between(1, 8) };
    case 'flood':
      return { atMs, kind, count: draw.between(1, draw.chance(0.1) ? 300 : 20) };
    case 'redial': {
      // Someone who is in a hurry begins again while the answers to the first try are still on their way.
      const { startsAtMs = 0, toCamera } = viewers[viewer] ?? {};
      const hurryMs = draw.below(20 + 4 * (toCamera?.oneWayMs ?? 0));
      return { atMs: draw.chance(0.5) ? Math.min(startsAtMs + hurryMs, faultyMs) : atMs, kind, viewer };
    }
    default:
      return { atMs, kind, viewer };
  }
}
