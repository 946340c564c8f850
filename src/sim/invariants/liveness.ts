import { CLOSE_MS, PENDING_MS } from '../../protocol/constants.ts';
import type { InvariantId } from '../../protocol/invariants.ts';
import type { Profile } from '../../protocol/profiles.ts';
import type { Viewer } from '../viewer.ts';
import type { World } from '../world.ts';
import type { CameraRecord, CameraSession } from './camera-record.ts';
import type { ViewerRecord } from './viewer-record.ts';
import type { ViolationLog } from './violation.ts';

/** What L1 grants beside the deadline, in ms. */
const GRACE_MS = 1000;
/** Clocks of hosts may be so much slower than the world's. */
const SLOWEST_CLOCK = 0.98;

/**
 * How long after the last fault everything must be agreed or over, in ms of the world: a handshake may last until its deadline,
 * what it leaves behind at the other end until silence, consent or the pending time tell, and a close has its own time.
 */
export function settleMs(profile: Profile): number {
  const silenceMs = Math.max(profile.deadMs, profile.consentMs, PENDING_MS);
  return (profile.handshakeMs + silenceMs + CLOSE_MS + GRACE_MS) / SLOWEST_CLOCK;
}

/** L1 at any time; L3, L5 and L6 at the end of a run whose faults have stopped long enough ago. */
export class Liveness {
  readonly #log: ViolationLog;
  readonly #profile: Profile;

  constructor(log: ViolationLog, profile: Profile) {
    this.#log = log;
    this.#profile = profile;
  }

  /** An attempt ends Streaming or Closed now, or has not ended when the run does. */
  attempt(record: ViewerRecord): void {
    const { startedAtMs, viewer } = record;
    if (startedAtMs === undefined || record.streaming || record.localEnd || record.peerBye) return;
    // Timers do not run while a host stands still.
    const dueAtMs = Math.max(startedAtMs + this.#profile.handshakeMs, record.resumedAtMs) + GRACE_MS;
    if (viewer.localMs <= dueAtMs) return;
    const lateMs = viewer.localMs - startedAtMs;
    this.#log.report('L1', `viewer ${viewer.number} is in ${viewer.endpoint.state} ${lateMs} ms after its start`);
  }

  /**
   * Both agree, or both are over.
   *
   * @param faultsStoppedAtMs at least {@link settleMs} ago, else RangeError.
   */
  settled(world: World, records: Iterable<ViewerRecord>, camera: CameraRecord, faultsStoppedAtMs: number): void {
    if (world.clock.nowMs < faultsStoppedAtMs + settleMs(this.#profile)) {
      throw new RangeError(`it is too early to judge: ${settleMs(this.#profile)} ms must pass after the last fault`);
    }
    const agreed = new Set<CameraSession>();
    for (const { viewer } of records) {
      const { state, streamId, sessionTag } = viewer.endpoint;
      if (viewer.state !== 'running' || state === 'ReadyToStart' || state === 'Closed') continue;
      const session = camera.byTag(sessionTag);
      const both = state === 'Streaming' && session?.phase === 'streaming' && session.streamId === streamId;
      if (both && !isCut(viewer)) agreed.add(session);
      else
        this.#open(
          viewer,
          `viewer ${viewer.number} is in ${state}, the camera's session is ${session?.phase ?? 'none'}`,
        );
    }
    if (world.cameraHost.state === 'running' && world.camera.underLoad)
      this.#log.report('L5', 'the camera is still under load');
    for (const session of camera.all()) {
      if (agreed.has(session)) continue;
      if (session.pending) {
        this.#log.report('L5', `session ${session.handle} is still half-open`);
        continue;
      }
      const viewer = world.viewers.find(({ peer }) => peer === session.tuple.peer);
      this.#open(viewer, `session ${session.handle} is ${session.phase} on the camera, its viewer is not`);
    }
  }

  #open(viewer: Viewer | undefined, detail: string): void {
    const id: InvariantId = viewer !== undefined && isCut(viewer) ? 'L6' : 'L3';
    this.#log.report(id, detail);
  }
}

/** Whether one way at least is closed for good. */
function isCut({ toCamera, toViewer }: Viewer): boolean {
  return toCamera.partitioned || toViewer.partitioned;
}
