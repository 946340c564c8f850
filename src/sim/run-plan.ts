import { headerOffset } from '../codec/header.ts';
import type { ResponderOutput } from '../engine/io-types.ts';
import { AWAKE_PENDING_MAX } from '../engine/sleeping-sessions.ts';
import { PAYLOAD_TYPE_GENERIC, RTP_CLOCK_HZ } from '../media/rtp.ts';
import { StreamFeed } from '../media/stream-feed.ts';
import { makeTestFrame } from '../media/test-frames.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { FrameFlag, FrameType } from '../protocol/frame.ts';
import { InvariantError } from '../protocol/invariants.ts';
import { profiles } from '../protocol/profiles.ts';
import type { FaultPlan, TimedFault, Ways } from './fault-plan.ts';
import { FaultyEntropy } from './faulty-entropy.ts';
import { Forger } from './forgery.ts';
import { InvariantWatch } from './invariants/invariant-watch.ts';
import { settleMs } from './invariants/liveness.ts';
import type { Violation } from './invariants/violation.ts';
import type { Link } from './link.ts';
import { Prng } from './prng.ts';
import { type SecuredEnds, securedEnds } from './simulated-security.ts';
import { TraceHash } from './trace-hash.ts';
import type { Viewer } from './viewer.ts';
import { cameraPeer, World } from './world.ts';
import type { WorldEvent } from './world-event.ts';

/** Events that one run may take; beyond it something turns in circles. */
const TURNS_MAX = 2_000_000;

const RESET_KEY = new Uint8Array(32).fill(7);

/** Streams of draws beside the world's own, which count from 1. */
const stream = { application: 0x4150_504c, forger: 0x464f_5247, cameraMemory: 0x4d45_4d00 } as const;

/** What came of a plan. */
export interface PlanResult {
  readonly violations: readonly Violation[];
  /** What an endpoint threw, if anything. */
  readonly threw: string | undefined;
  /** See {@link TraceHash}. */
  readonly traceHash: string;
  readonly summary: PlanSummary;
}

/** Enough to see that runs do something. */
export interface PlanSummary {
  /** Sessions that the camera began to stream, and viewers that streamed at the end. */
  readonly handshakes: number;
  readonly streaming: number;
  /** Sessions that followed their viewer to another tuple. */
  readonly moves: number;
  /** START_ACKs that left and granted media before the confirm, copies among them. */
  readonly fastGrants: number;
  readonly sent: number;
  readonly arrived: number;
}

/** How many half-open sessions cameras keep awake: one of them by the seed, which changes nothing that can be seen. */
export const awakePendingMaxes = [0, 2, AWAKE_PENDING_MAX] as const;

/** Runs a plan from beginning to end. @param observe sees every event, too. @param awakePendingMax default: one of {@link awakePendingMaxes}. */
export function runPlan(
  plan: FaultPlan,
  observe?: (event: WorldEvent) => void,
  awakePendingMax: number | undefined = awakePendingMaxes[plan.seed % awakePendingMaxes.length],
): PlanResult {
  const run = new PlanRun(plan, observe, awakePendingMax);
  return run.result();
}

/** One run of a plan: the world, the application and the hand that does it harm. */
class PlanRun {
  readonly #plan: FaultPlan;
  readonly #watch: InvariantWatch;
  readonly #ends: SecuredEnds | undefined;
  readonly #hash = new TraceHash();
  readonly #world: World;
  readonly #feed = new StreamFeed({ format: 'generic', payloadType: PAYLOAD_TYPE_GENERIC });
  readonly #application: Prng;
  readonly #forger: Forger;
  readonly #forges: boolean;
  #diedAtMs = 0;
  #handshakes = 0;
  #moves = 0;
  #fastGrants = 0;
  #sent = 0;
  #arrived = 0;

  constructor(
    plan: FaultPlan,
    observe: ((event: WorldEvent) => void) | undefined,
    awakePendingMax: number | undefined,
  ) {
    const { camera, security, seed } = plan;
    const profile = profiles[plan.profile];
    this.#plan = plan;
    this.#ends = security && securedEnds(security, seed);
    this.#watch = new InvariantWatch({
      profile,
      labels: true,
      decodeEvery: 4,
      secured: security !== undefined,
      ...(camera.limits === undefined ? {} : { limits: camera.limits }),
    });
    this.#application = new Prng(seed, stream.application);
    this.#forger = new Forger(new Prng(seed, stream.forger));
    this.#forges = plan.faults.some(({ kind }) => kind === 'forge');
    const memory = camera.allocationFailsAt;
    this.#world = new World({
      seed,
      profile,
      keepOutputs: false,
      camera: {
        repair: camera.repair,
        datagramBytesMax: camera.datagramBytesMax,
        fast: camera.fast === true,
        awakePendingMax,
        ...(camera.limits === undefined ? {} : { limits: camera.limits }),
        ...this.#ends?.camera,
        ...(camera.keepsKey ? { resetKey: RESET_KEY } : {}),
        ...(memory === undefined ? {} : { entropy: new FaultyEntropy(new Prng(seed, stream.cameraMemory), memory) }),
      },
      ...(camera.clock === undefined ? {} : { cameraClock: camera.clock }),
      application: (_world, output) => this.#answer(output),
      observe: (event, world) => {
        observe?.(event);
        this.#hash.see(event);
        this.#watch.see(event, world);
        if (this.#forges) this.#forger.see(event);
        if (event.kind === 'fault' && event.fault === 'allocationFailed') this.#diedAtMs = event.atMs;
        if (event.kind === 'sent') {
          this.#sent++;
          if (grantsFast(event)) this.#fastGrants++;
        } else if (event.kind === 'arrived') this.#arrived++;
      },
    });
  }

  result(): PlanResult {
    let threw: string | undefined;
    let violations = this.#watch.violations;
    try {
      const { faultyMs, mode, profile } = this.#plan;
      this.#begin();
      this.#until(faultyMs);
      if (mode === 'liveness') this.#settle(settleMs(profiles[profile]));
      this.#watch.finish(this.#world, mode === 'liveness' ? { faultsStoppedAtMs: this.#calmSinceMs } : undefined);
    } catch (error) {
      if (error instanceof InvariantError) {
        violations = [...violations, { id: error.id, detail: error.message, atMs: this.#world.clock.nowMs }];
      } else {
        threw = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      }
    }
    const streaming = this.#world.viewers.filter(({ endpoint }) => endpoint.state === 'Streaming').length;
    const summary = {
      handshakes: this.#handshakes,
      streaming,
      moves: this.#moves,
      fastGrants: this.#fastGrants,
      sent: this.#sent,
      arrived: this.#arrived,
    };
    return { violations, threw, traceHash: this.#hash.hex, summary };
  }

  /** Since when a liveness run was left alone: its stream may end, and a program run out of memory, after the faults have stopped. */
  get #calmSinceMs(): number {
    const { faultyMs, media } = this.#plan;
    const endsAtMs = media?.ends === true ? media.frames * media.intervalMs : 0;
    return Math.max(faultyMs, endsAtMs, this.#diedAtMs);
  }

  #begin(): void {
    const { faults, faultyMs, media, mode, viewers } = this.#plan;
    const world = this.#world;
    for (const { startsAtMs, toCamera, toViewer, repair, ...options } of viewers) {
      const viewer = world.addViewer({ ...options, ...this.#ends?.viewer, media: { repair } }, { toCamera, toViewer });
      if (startsAtMs !== undefined) world.clock.at(startsAtMs, () => world.toViewer(viewer, { kind: 'start' }));
    }
    if (media !== undefined) this.#play(0);
    for (const fault of faults) world.clock.at(fault.atMs, () => this.#harm(fault));
    if (mode === 'liveness') world.clock.at(faultyMs, () => this.#heal());
  }

  #settle(forMs: number): void {
    const { clock } = this.#world;
    while (clock.nowMs < this.#calmSinceMs + forMs) this.#until(this.#calmSinceMs + forMs);
  }

  #until(untilMs: number): void {
    const { clock } = this.#world;
    while (clock.runNext(untilMs)) if (clock.turn > TURNS_MAX) throw new RangeError(`more than ${TURNS_MAX} events`);
    clock.runUntil(untilMs);
  }

  #play(frameNumber: number): void {
    const { media } = this.#plan;
    if (media === undefined) return;
    const { nowMs } = this.#world.clock;
    const over = frameNumber >= media.frames;
    if (over && !media.ends) return;
    if (over) {
      this.#feed.end(this.#world.cameraHost.localMs);
    } else {
      const frame = makeTestFrame({ frameNumber, timestampMs: nowMs, bytes: media.bytes, keyframe: true });
      const timestamp = Math.round((frameNumber * media.intervalMs * RTP_CLOCK_HZ) / 1000);
      this.#feed.push({ units: [frame], timestamp, keyframe: true }, this.#world.cameraHost.localMs, media.intervalMs);
      this.#world.clock.at(nowMs + media.intervalMs, () => this.#play(frameNumber + 1));
    }
    this.#world.toCamera({ kind: 'media', feed: this.#feed });
  }

  #answer(output: ResponderOutput): void {
    if (output.kind === 'streaming') this.#handshakes++;
    else if (output.kind === 'moved') this.#moves++;
    if (output.kind !== 'reserve') return;
    const { late, refuses, silent, lateMs } = this.#plan.application;
    const prng = this.#application;
    const [quiet, afterMs] = [prng.chance(silent), prng.chance(late) ? prng.below(lateMs + 1) : 0];
    const code = prng.chance(refuses)
      ? [ErrorCode.POLICY, ErrorCode.BUSY, ErrorCode.NO_SUCH_STREAM][prng.below(3)]
      : undefined;
    if (quiet) return;
    const { session } = output;
    const { clock, camera } = this.#world;
    clock.at(clock.nowMs + afterMs, () => {
      // An application ends with its program.
      if (this.#world.camera !== camera) return;
      if (code === undefined) this.#world.toCamera({ kind: 'reserved', session, feed: this.#feed, sdp: 'v=0\r\n' });
      else this.#world.toCamera({ kind: 'refused', session, code });
    });
  }

  #harm(fault: TimedFault): void {
    const world = this.#world;
    switch (fault.kind) {
      case 'pause':
        world.pause(fault.host);
        return this.#later(fault.forMs, () => world.resume(fault.host, fault.order));
      case 'crash':
        if (fault.forMs === 0) return world.restart(fault.host);
        world.crash(fault.host);
        if (fault.forMs !== undefined) this.#later(fault.forMs, () => world.restart(fault.host));
        return;
      case 'sends':
        world.failSends(fault.host, fault);
        return this.#later(fault.forMs, () => world.failSends(fault.host, undefined));
      case 'close':
        if (fault.host === 'camera') return world.toCamera({ kind: 'close', code: fault.code });
        return this.#withViewer(fault.host, (viewer) => world.toViewer(viewer, { kind: 'close', code: fault.code }));
      case 'socket':
        if (fault.host === 'camera') return world.toCamera({ kind: 'socketFailed' });
        return this.#withViewer(fault.host, (viewer) => world.toViewer(viewer, { kind: 'socketFailed' }));
      case 'flood':
        return this.#forger.flood(world, fault.count);
      default:
        return this.#withViewer(fault.viewer, (viewer) => this.#harmViewer(viewer, fault));
    }
  }

  #harmViewer(viewer: Viewer, fault: Extract<TimedFault, { readonly viewer: number }>): void {
    const world = this.#world;
    switch (fault.kind) {
      case 'partition':
        for (const link of linksOf(viewer, fault.ways)) link.partitioned = true;
        if (fault.forMs === undefined) return;
        return this.#later(fault.forMs, () => {
          for (const link of linksOf(viewer, fault.ways)) link.partitioned = false;
        });
      case 'clog':
        for (const link of linksOf(viewer, fault.ways)) link.clog();
        return this.#later(fault.forMs, () => {
          for (const link of linksOf(viewer, fault.ways)) link.release(world.clock.nowMs);
        });
      case 'rebind':
        return world.rebind(viewer);
      case 'redial':
        world.restart(viewer.number);
        return world.toViewer(viewer, { kind: 'start' });
      case 'forge':
        for (let i = 0; i < fault.count; i++) this.#forger.strike(world, viewer, fault.what);
    }
  }

  /** From now on nothing goes wrong but what is for good. */
  #heal(): void {
    const world = this.#world;
    const cut = new Set<Link>();
    for (const fault of this.#plan.faults) {
      if (fault.kind !== 'partition' || fault.forMs !== undefined) continue;
      this.#withViewer(fault.viewer, (viewer) => {
        for (const link of linksOf(viewer, fault.ways)) cut.add(link);
      });
    }
    for (const viewer of world.viewers) {
      for (const link of linksOf(viewer, 'both')) {
        const { oneWayMs = 0 } = link.model;
        link.model = { oneWayMs };
        link.partitioned = cut.has(link);
        link.release(world.clock.nowMs);
      }
      world.failSends(viewer.number, undefined);
      world.resume(viewer.number);
    }
    world.failSends('camera', undefined);
    world.resume('camera');
  }

  /** What a fault ends with; in a liveness run not after all faults have ended. */
  #later(forMs: number, run: () => void): void {
    const { mode, faultyMs } = this.#plan;
    const { clock } = this.#world;
    const atMs = clock.nowMs + forMs;
    clock.at(mode === 'liveness' ? Math.min(atMs, faultyMs) : atMs, run);
  }

  #withViewer(number: number, act: (viewer: Viewer) => void): void {
    const viewer = this.#world.viewers[number];
    if (viewer !== undefined) act(viewer);
  }
}

function grantsFast({ from, bytes, plane }: Extract<WorldEvent, { readonly kind: 'sent' }>): boolean {
  if (plane !== 'control' || from !== cameraPeer) return false;
  const granted = ((bytes[headerOffset.flags] ?? 0) & FrameFlag.FAST) !== 0;
  return granted && bytes[headerOffset.type] === FrameType.START_ACK;
}

function linksOf({ toCamera, toViewer }: Viewer, ways: Ways): readonly Link[] {
  if (ways === 'both') return [toCamera, toViewer];
  return [ways === 'toCamera' ? toCamera : toViewer];
}
