import type { InitiateOptions } from '../src/config/options.ts';
import { HandshakeError } from '../src/errors.ts';
import { monotonicMs } from '../src/io/clock.ts';
import { initiate } from '../src/io/initiate.ts';
import type { MediaSink } from '../src/io/media-sink.ts';
import type { ReceivedStream } from '../src/io/received-stream.ts';

/** How long a frame may take once media flows, ms: then it failed. */
const FRAME_MS = 15_000;

/** What one viewer saw. Times in ms; Infinity for what never came. */
export interface ViewerSample {
  /** From its intended beginning until the application had the stream: look-up, socket, handshake, and every wait for this machine. */
  readonly toStreamMs: number;
  /** From the first START to the first media datagram, as the engine counts. */
  readonly handshakeMs: number;
  /** From its intended beginning until the application had the first frame. */
  readonly toFrameMs: number;
  /** STARTs sent. */
  readonly starts: number;
  /** Why it failed; `undefined` when it did not. */
  readonly failure: string | undefined;
}

/** What a viewer does. */
export interface ViewerTask {
  readonly target: string;
  readonly options: InitiateOptions<MediaSink>;
  /** Monotonic ms at which it was meant to begin. */
  readonly intendedAtMs: number;
}

/**
 * Watches until the first frame is there, then leaves.
 *
 * @param over told when it has left and everything of it is freed.
 * @returns what it saw, as soon as it saw it.
 */
export async function watchOnce(
  { target, options, intendedAtMs }: ViewerTask,
  over: () => void,
): Promise<ViewerSample> {
  const failed = (failure: string, starts: number): ViewerSample => {
    const never = Number.POSITIVE_INFINITY;
    return { toStreamMs: never, handshakeMs: never, toFrameMs: never, starts, failure };
  };
  let stream: ReceivedStream;
  try {
    stream = await initiate(target, options);
  } catch (error) {
    over();
    return error instanceof HandshakeError ? failed(error.code, error.attempts) : failed(String(error), 0);
  }
  const toStreamMs = monotonicMs() - intendedAtMs;
  const { timeToStreamMs: handshakeMs, attempts: starts } = stream;
  const framed = handshakeMs !== undefined && (await firstFrame(stream));
  const toFrameMs = monotonicMs() - intendedAtMs;
  void stream.close().then(over);
  if (handshakeMs === undefined) return failed('noMedia', starts);
  if (!framed) return { toStreamMs, handshakeMs, toFrameMs: Number.POSITIVE_INFINITY, starts, failure: 'noFrame' };
  return { toStreamMs, handshakeMs, toFrameMs, starts, failure: undefined };
}

/** @returns false when none came, or the stream ended before. */
async function firstFrame(stream: ReceivedStream): Promise<boolean> {
  if (stream.timeToFirstFrameMs !== undefined) return true;
  return await new Promise<boolean>((resolve) => {
    const deadline = setTimeout(() => resolve(false), FRAME_MS);
    const settle = (seen: boolean): void => {
      clearTimeout(deadline);
      resolve(seen);
    };
    stream.once('firstFrame', () => settle(true));
    void stream.ended.then(() => settle(false));
  });
}
