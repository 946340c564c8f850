import type { Viewer } from '../viewer.ts';
import type { World } from '../world.ts';
import type { CameraRecord, CameraSession } from './camera-record.ts';
import { sameBytes } from './seen-datagram.ts';
import type { ViolationLog } from './violation.ts';

/** S3 and S4: what both ends believe. S6: one live session on a tuple, one reservation for a candidate, given back once. */
export class Agreement {
  readonly #log: ViolationLog;
  readonly #camera: CameraRecord;
  readonly #secured: boolean;

  /** @param secured whether both ends must have the same keys. */
  constructor(log: ViolationLog, camera: CameraRecord, secured: boolean) {
    this.#log = log;
    this.#camera = camera;
    this.#secured = secured;
  }

  /** A viewer is in Streaming, as it tells or at the end of a run. */
  viewerStreams(viewer: Viewer, world: World): void {
    const { streamId, sessionTag } = viewer.endpoint;
    const session = this.#camera.byTag(sessionTag);
    if (session === undefined || !session.confirmed) {
      this.#log.report('S3', `viewer ${viewer.number} streams, the camera never had its session`);
    } else if (session.streamId !== streamId) {
      this.#log.report('S4', `viewer ${viewer.number} and the camera have different StreamIds under one SessionTag`);
    }
    if (session !== undefined && this.#secured) this.#sameKeys(viewer, session, world);
    const live = this.#camera.tupleOf(viewer.peer).live;
    if (live !== undefined && live.sessionTag !== sessionTag) {
      this.#log.report('S4', `viewer ${viewer.number} and the camera stream under different SessionTags`);
    }
  }

  /** What is equal only with the same keys, while the camera has the session. */
  #sameKeys(viewer: Viewer, session: CameraSession, world: World): void {
    const ours = viewer.endpoint.keys?.channelBinding;
    if (ours === undefined) return this.#log.report('S4', `viewer ${viewer.number} streams without keys`);
    if (session.phase !== 'streaming' || world.cameraHost.state !== 'running') return;
    const theirs = world.camera.keysOf(session.handle)?.channelBinding;
    if (theirs !== undefined && !sameBytes(ours, theirs)) {
      this.#log.report('S4', `viewer ${viewer.number} and the camera have different keys`);
    }
  }

  /** The camera asks its application, before it is noted. */
  reserve(session: CameraSession | undefined, sameStreamId: CameraSession | undefined): void {
    if (session !== undefined) this.#log.report('S6', `session ${session.handle} was reserved twice`);
    if (sameStreamId !== undefined) {
      this.#log.report('S6', `a second reservation for the candidate of session ${sameStreamId.handle}`);
    }
  }

  /** The camera begins to stream, or to stream to another tuple, before it is noted. */
  streaming(session: CameraSession, { live, peer } = session.tuple): void {
    if (live !== undefined) {
      this.#log.report(
        'S6',
        `sessions ${live.handle} and ${session.handle} both stream to ${peer.address} ${peer.port}`,
      );
    }
  }

  /** The camera gives a reservation back. */
  released(session: CameraSession): void {
    if (++session.released > 1) this.#log.report('S6', `session ${session.handle} was given back twice`);
  }

  /** A session of the camera has ended by itself. */
  closed(session: CameraSession): void {
    if (session.granted && session.released === 0) {
      this.#log.report('S6', `session ${session.handle} ended and kept its reservation`);
    }
  }
}
