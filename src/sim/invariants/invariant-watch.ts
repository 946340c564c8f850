import type { AdmissionLimits } from '../../engine/admission.ts';
import { type Profile, profiles } from '../../protocol/profiles.ts';
import { cameraPeer, type World } from '../world.ts';
import type { WorldEvent } from '../world-event.ts';
import { Agreement } from './agreement.ts';
import { Answers } from './answers.ts';
import { CameraRecord } from './camera-record.ts';
import { CameraWatch, type Checkers } from './camera-watch.ts';
import { Caps } from './caps.ts';
import { Cause } from './cause.ts';
import { Copies } from './copies.ts';
import { Delivery } from './delivery.ts';
import { Disturbance } from './disturbance.ts';
import { Endings } from './endings.ts';
import { Labels } from './labels.ts';
import { Liveness } from './liveness.ts';
import { MediaLedger } from './media-ledger.ts';
import { SecuredEye } from './secured-reader.ts';
import { DatagramReader, type DecodingOptions } from './seen-datagram.ts';
import { ViewerWatch } from './viewer-watch.ts';
import { type Violation, ViolationLog } from './violation.ts';

/** What a watch must know of the world that it watches. */
export interface InvariantWatchOptions extends DecodingOptions {
  /** The world's; default `profiles.default`. */
  readonly profile?: Profile;
  /** The camera's, where they are not the default ones. */
  readonly limits?: Partial<AdmissionLimits>;
  /** Look at S16 too, which costs a snapshot of every endpoint at the end; default false. */
  readonly labels?: boolean;
}

/** What is to be judged at the end of a run besides safety. */
export interface LivenessRun {
  /** Since then nothing has gone wrong, in ms of the world: at least `settleMs(profile)` ago. */
  readonly faultsStoppedAtMs: number;
}

/**
 * Sees every event of a world and reports each promise of docs/PROTOCOL.md, section 10, that is broken:
 *
 *     const watch = new InvariantWatch();
 *     const world = new World({ …, observe: (event, world) => watch.see(event, world) });
 *     world.run(5000);
 *     watch.finish(world);
 *     watch.violations; // []
 *
 * It knows only what can be seen from outside: datagrams, what applications ask and are told, the few figures that endpoints
 * show. Of secured ends it must be told what is in sealed PINGs and PONGs: give both `trace`. L2 is judged by drop-pattern.ts, S15 by comparing trace hashes of two runs; L4 is about all states and not about one run; L5 means
 * that no half-open session is left, and that the camera is not under load.
 */
export class InvariantWatch {
  readonly #log = new ViolationLog();
  readonly #reader: DatagramReader;
  readonly #disturbance = new Disturbance(this.#log);
  readonly #labels: Labels | undefined;
  readonly #liveness: Liveness;
  readonly #checkers: Checkers;
  readonly #cameraWatch: CameraWatch;
  readonly #viewerWatch: ViewerWatch;

  constructor(options: InvariantWatchOptions = {}) {
    const log = this.#log;
    const { profile = profiles.default } = options;
    const caps = new Caps(log, profile, options.limits ?? {});
    const camera = new CameraRecord(caps.limits.prefixRate.burst);
    this.#labels = options.labels === true ? new Labels(log) : undefined;
    this.#reader = new DatagramReader(log, options, options.secured === true ? new SecuredEye(log) : undefined);
    this.#liveness = new Liveness(log, profile);
    this.#checkers = {
      camera,
      profile,
      caps,
      cause: new Cause(),
      ledger: new MediaLedger(log, camera),
      agreement: new Agreement(log, camera, options.secured === true),
      answers: new Answers(log),
      copies: new Copies(log),
      endings: new Endings(log, profile),
      disturbance: this.#disturbance,
    };
    this.#cameraWatch = new CameraWatch(this.#checkers);
    this.#viewerWatch = new ViewerWatch({
      ...this.#checkers,
      delivery: new Delivery(log),
      liveness: this.#liveness,
      cameraWatch: this.#cameraWatch,
    });
  }

  /** What was broken, the first `VIOLATIONS_PER_ID_MAX` of each promise, in order. */
  get violations(): readonly Violation[] {
    return this.#log.list;
  }

  /** How often anything was broken. */
  get violationCount(): number {
    return this.#log.count;
  }

  /** For `World`'s `observe`. */
  see(event: WorldEvent, world: World): void {
    this.#log.atMs = event.atMs;
    this.#disturbance.next(event, world);
    switch (event.kind) {
      case 'sent':
        if (event.plane === 'stranger') return;
        if (event.from === cameraPeer) {
          return this.#cameraWatch.sent(event, this.#reader.sent(event.id, event.bytes, true), world);
        }
        return this.#viewerWatch.sent(event, this.#reader.sent(event.id, event.bytes, false), world);
      case 'arrived': {
        const seen = this.#reader.arrived(event.id, event.bytes);
        if (event.host !== 'camera') return this.#viewerWatch.arrived(event.host, seen, event.from, world);
        return this.#cameraWatch.arrived(seen, this.#checkers.camera.tupleOf(event.from), world);
      }
      case 'asked':
        if (event.host === 'camera') return this.#cameraWatch.asked(event.input, world);
        return this.#viewerWatch.asked(event.host, event.input, world);
      case 'told':
        if (event.host === 'camera') return this.#cameraWatch.told(event.output, world);
        return this.#viewerWatch.told(event.host, event.output, world);
      case 'fault':
        if (event.host === 'camera') return this.#cameraWatch.fault(event.fault, world);
        return this.#viewerWatch.fault(event.host, event.fault, world);
      case 'lost':
        return;
    }
  }

  /**
   * Call once when a run is over: attempts without an end, leaks, labels.
   *
   * @param liveness of a run whose faults have stopped: both ends must agree or be closed.
   */
  finish(world: World, liveness?: LivenessRun): void {
    const { camera, caps } = this.#checkers;
    this.#log.atMs = world.clock.nowMs;
    this.#viewerWatch.finish(world);
    caps.finish(world, camera);
    this.#labels?.finish('the camera', world.camera.counters);
    for (const { endpoint, number } of world.viewers) this.#labels?.finish(`viewer ${number}`, endpoint.counters);
    if (liveness !== undefined) {
      this.#liveness.settled(world, this.#viewerWatch.records(), camera, liveness.faultsStoppedAtMs);
    }
  }
}
