import { firstSequence, rtpSequence, sequenceDistance } from '../../media/rtp.ts';
import { CONTROL_REPLAY_WINDOW, MEDIA_REPLAY_WINDOW } from '../../protocol/constants.ts';
import type { Viewer } from '../viewer.ts';
import type { CameraSession } from './camera-record.ts';
import { SeenCounters } from './seen-counters.ts';

/** What a viewer's program did and what reached it; made anew when it restarts. */
export class ViewerRecord {
  readonly viewer: Viewer;
  /** Its own time when the application asked for the stream, in ms; `undefined` before. */
  startedAtMs: number | undefined;
  /** The application asked for it while the host stood still. */
  startWaits = false;
  /** Its own time when it last went on after standing still. */
  resumedAtMs = Number.NEGATIVE_INFINITY;
  /** Its own time when something valid of its session came last. */
  heardAtMs = Number.NEGATIVE_INFINITY;
  streaming = false;
  closed = false;
  /** The application asked for the end, or its socket failed. */
  localEnd = false;
  /** A BYE of its session that the camera sent has reached it. */
  peerBye = false;
  /** A RESET of its session that the camera sent has reached it. */
  peerReset = false;
  byes = 0;
  /** StreamIds drawn. */
  sessions = 0;
  confirms = 0;
  /** The session that it confirmed. */
  session: CameraSession | undefined;
  start: Uint8Array | undefined;
  confirm: Uint8Array | undefined;
  bye: Uint8Array | undefined;
  frameTimestamp: number | undefined;
  /** Media of its session reached it that the camera did not send so: in mode `none` nothing protects it. */
  mediaDamaged = false;
  #counters = new SeenCounters(CONTROL_REPLAY_WINDOW);

  #packets = new SeenCounters(MEDIA_REPLAY_WINDOW);

  constructor(viewer: Viewer) {
    this.viewer = viewer;
  }

  /** Whether a frame of the camera counts: a sealed one once. @param counter of a sealed one. */
  takes(counter: number | undefined): boolean {
    return counter === undefined || this.#counters.take(counter);
  }

  /** SSRC of the session that it confirmed; 0 until it is known. */
  get ssrc(): number {
    return this.session?.ssrc ?? 0;
  }

  /** Whether a packet of secured media counts: each once. */
  takesMedia(packet: Uint8Array): boolean {
    const newest = this.#packets.newest < 0 ? firstSequence(this.ssrc) : this.#packets.newest;
    return this.#packets.take(newest + sequenceDistance(rtpSequence(packet), newest));
  }

  /** It drew another StreamId. */
  began(): void {
    this.sessions++;
    this.confirms = 0;
    this.session = undefined;
    this.start = undefined;
    this.confirm = undefined;
    // Where fast media came before it began anew: the next session sends the newest group, of which the application may have frames.
    this.frameTimestamp = undefined;
    this.#counters = new SeenCounters(CONTROL_REPLAY_WINDOW);
    this.#packets = new SeenCounters(MEDIA_REPLAY_WINDOW);
  }
}
