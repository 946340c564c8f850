import type { ClosedLabel } from '../engine/counters.ts';
import type { InitiatorOutput } from '../engine/io-types.ts';
import type { ReceivedFrame } from '../media/access-unit.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { ErrorCode, errorCodeName } from '../protocol/error-code.ts';
import type { Viewer } from './viewer.ts';
import type { World } from './world.ts';

/** Frames of one viewer that are kept; later ones are counted. */
export const FRAMES_KEPT_MAX = 100_000;

/** A frame and when the viewer's application had it, in the simulation's ms. */
export interface FrameInTime {
  readonly frame: ReceivedFrame;
  readonly atMs: number;
}

/** How a viewer's session ended. */
export interface SimulatedEnd {
  /** A stable name, such as `HANDSHAKE_TIMEOUT`; `APPLICATION` for an application's own. */
  readonly code: ClosedLabel;
  /** The peer's words, or the last hint. */
  readonly reason: string | undefined;
  readonly atMs: number;
}

/** One viewer of a simulation, as its application sees it. Times of the simulation, durations since its start; all in ms. */
export class SimulatedViewer {
  /** Frames in the order in which they were given out, the first {@link FRAMES_KEPT_MAX} of them. */
  readonly frames: FrameInTime[] = [];
  /** All frames, also those that are not kept. */
  frameCount = 0;
  /** From the start to Streaming; `undefined` before. */
  streamingAfterMs: number | undefined;
  /** Time to stream (TTS): from the start to the first media datagram. */
  timeToStreamMs: number | undefined;
  /** Time to the first decodable frame (TTFF). */
  timeToFirstFrameMs: number | undefined;
  /** How it ended; `undefined` while it has not. */
  end: SimulatedEnd | undefined;
  readonly startedAtMs: number;
  readonly #world: World;
  readonly #viewer: Viewer;
  readonly #onFrame: ((frame: ReceivedFrame, atMs: number) => void) | undefined;

  /** @param onFrame is told of each frame at once, with the simulation's time. */
  constructor(world: World, viewer: Viewer, onFrame?: (frame: ReceivedFrame, atMs: number) => void) {
    this.#world = world;
    this.#viewer = viewer;
    this.#onFrame = onFrame;
    this.startedAtMs = world.clock.nowMs;
  }

  /** Its place among the viewers, from 0. */
  get number(): number {
    return this.#viewer.number;
  }

  /** Its host and link, for faults: `simulation.world.pause(viewer.number)`, `viewer.host.toViewer.partitioned = true`. */
  get host(): Viewer {
    return this.#viewer;
  }

  /** The state of its machine. */
  get state(): Viewer['endpoint']['state'] {
    return this.#viewer.endpoint.state;
  }

  /** STARTs sent. */
  get attempts(): number {
    return this.#viewer.endpoint.attempts;
  }

  /** Receive statistics; `undefined` until START_ACK. */
  stats(): ReceiveStats | undefined {
    return this.#viewer.endpoint.stats();
  }

  /** Its application closes the session. */
  close(code: number = ErrorCode.NO_ERROR): void {
    this.#world.toViewer(this.#viewer, { kind: 'close', code });
  }

  /** Takes what its endpoint told; called by the simulation. */
  hear(output: InitiatorOutput, atMs: number): void {
    switch (output.kind) {
      case 'streaming':
        this.streamingAfterMs = output.elapsedMs;
        return;
      case 'firstMedia':
        this.timeToStreamMs = output.timeToStreamMs;
        return;
      case 'firstFrame':
        this.timeToFirstFrameMs = output.timeToFirstFrameMs;
        return;
      case 'closed':
        this.end = { code: errorCodeName(output.code), reason: output.reason, atMs };
        return;
      case 'frame':
        this.frameCount++;
        if (this.frames.length < FRAMES_KEPT_MAX) this.frames.push({ frame: output.frame, atMs });
        this.#onFrame?.(output.frame, atMs);
        return;
      default:
    }
  }
}
