import type { HandshakeReport, SimulatedViewer } from '../sim/index.ts';

/** The verdict of a matcher, as vitest's `expect.extend` takes it. */
interface Verdict {
  readonly pass: boolean;
  message(): string;
}

/** What {@link simulationMatchers} adds to `expect`. */
export interface SimulationMatchers<Result = unknown> {
  /** A viewer, or a handshake's report, had its first media within so many ms of its start. */
  toStreamWithin(ms: number): Result;
  /** A viewer had its first decodable frame within so many ms of its start. */
  toShowAFrameWithin(ms: number): Result;
  /** A viewer was given at least so many decodable frames. */
  toReceiveFrames(atLeast: number): Result;
}

/** For `expect.extend`; `simulationTest` has done so. */
export const simulationMatchers = {
  toStreamWithin(received: HandshakeReport | SimulatedViewer, ms: number): Verdict {
    return within('time to stream', received.timeToStreamMs, ms, whyNot(received));
  },
  toShowAFrameWithin(received: SimulatedViewer, ms: number): Verdict {
    return within('time to first frame', received.timeToFirstFrameMs, ms, whyNot(received));
  },
  toReceiveFrames(received: SimulatedViewer, atLeast: number): Verdict {
    const decodable = received.stats()?.framesDecodable ?? 0;
    return {
      pass: decodable >= atLeast,
      message: () => `${decodable} decodable frames, ${atLeast} wanted${whyNot(received)}`,
    };
  },
};

function within(what: string, measuredMs: number | undefined, limitMs: number, why: string): Verdict {
  return {
    pass: measuredMs !== undefined && measuredMs <= limitMs,
    message: () => `${what} ${measuredMs === undefined ? `unknown${why}` : `${measuredMs} ms`}, limit ${limitMs} ms`,
  };
}

function whyNot(received: HandshakeReport | SimulatedViewer): string {
  const code = 'end' in received ? received.end?.code : received.code;
  return code === undefined ? '' : ` (ended with ${code})`;
}

declare module 'vitest' {
  interface Matchers<T> extends SimulationMatchers<T> {}
}
