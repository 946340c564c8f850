import type { ErrorCodeName } from '../protocol/error-code.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { LinkPair } from './link-model.ts';
import type { World } from './world.ts';
import type { WorldEvent } from './world-event.ts';

/** What one kind of simulated handshake is made of: plain data, so that it can be handed to a worker. */
export interface HandshakeScenario {
  readonly link: LinkPair;
  readonly profile: Profile;
  /**
   * Full-size datagrams of the one key frame that the camera has when the viewer comes, 1..6000. Nothing follows it. The camera's
   * application answers at once.
   */
  readonly keyframeDatagrams: number;
  /** Go on from the first media to the first decodable frame. */
  readonly untilFirstFrame: boolean;
  /**
   * Fast mode: the viewer has had a session, over a perfect link, and comes back with its token. Times and costs are those of its
   * coming back. Default false.
   */
  readonly fast?: boolean;
}

/**
 * How a handshake ended: `ok` with what was asked for before the deadline; Streaming, but without media or without a frame at the
 * deadline; or closed with a code.
 */
export type HandshakeOutcome = 'ok' | 'noMedia' | 'noFrame' | ErrorCodeName | 'APPLICATION' | 'UNKNOWN';

/** One simulated handshake. Times are virtual ms since the viewer's start, Infinity for never. */
export interface HandshakeResult {
  readonly seed: number;
  readonly outcome: HandshakeOutcome;
  /** Time to stream: the first media datagram at the viewer. */
  readonly timeToStreamMs: number;
  /** The viewer is Streaming: READY, PING or media came. */
  readonly timeToStreamingMs: number;
  /** The first decodable frame; Infinity unless it was asked for. */
  readonly timeToFirstFrameMs: number;
  /** STARTs sent. */
  readonly attempts: number;
  /** Sent by the viewer until the first media arrived. */
  readonly datagramsToCamera: number;
  readonly bytesToCamera: number;
  /** Sent by the camera until then. */
  readonly datagramsToViewer: number;
  readonly bytesToViewer: number;
  /** Media left the camera although no START_CONFIRM had reached it (S1). With `fast` always false: what may leave is the inspector's business. */
  readonly mediaBeforeConfirm: boolean;
  /** What the inspector found, at most {@link VIOLATIONS_MAX}. */
  readonly violations: readonly string[];
}

/** Looks at everything that happens in one run, and says at its end which promises were broken. */
export interface RunInspector {
  see(event: WorldEvent, world: World): void;
  /** @returns a text for each broken promise. */
  finish(world: World): readonly string[];
}

/** Sees everything that happens in a run. */
export type RunObserver = (event: WorldEvent, world: World) => void;

/** Violations of one run that are kept. */
export const VIOLATIONS_MAX = 16;
