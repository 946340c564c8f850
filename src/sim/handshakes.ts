import { GENERIC_HEADER_BYTES } from '../media/generic-payload.ts';
import { PAYLOAD_TYPE_GENERIC, RTP_HEADER_BYTES } from '../media/rtp.ts';
import { buildSdp } from '../media/sdp.ts';
import { StreamFeed } from '../media/stream-feed.ts';
import { makeTestFrame } from '../media/test-frames.ts';
import { CONTROL_BYTES_MAX } from '../protocol/constants.ts';
import type { HandshakeResult, HandshakeScenario, RunInspector, RunObserver } from './handshake-result.ts';
import { HandshakeRun } from './handshake-run.ts';
import { type HandshakeChunk, HandshakeTally } from './handshake-tally.ts';
import { invariantInspector } from './run-inspector.ts';

/** A run that threw; its seed repeats it. */
export class HandshakeRunError extends Error {
  /** u32. */
  readonly seed: number;

  constructor(seed: number, cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause);
    super(`the simulated handshake with seed ${seed} threw: ${what}`, { cause });
    this.name = 'HandshakeRunError';
    this.seed = seed;
  }
}

/** Runs handshakes of one scenario, each in a world of its own. The i-th run of seed s is the run of seed s + i, modulo 2^32. */
export class HandshakeRunner {
  readonly #scenario: HandshakeScenario;
  readonly #feed: StreamFeed;
  readonly #sdp = buildSdp({ streamName: 'simulated', format: 'generic', payloadType: PAYLOAD_TYPE_GENERIC });
  readonly #inspect: () => RunInspector;

  /** @param inspect makes the inspector of each run; default one that watches every promise of the protocol. */
  constructor(scenario: HandshakeScenario, inspect: () => RunInspector = () => invariantInspector(scenario.profile)) {
    this.#scenario = scenario;
    this.#inspect = inspect;
    // No run changes the feed, so that all of them can share it.
    this.#feed = new StreamFeed({ format: 'generic' });
    const bytes = scenario.keyframeDatagrams * (CONTROL_BYTES_MAX - RTP_HEADER_BYTES - GENERIC_HEADER_BYTES);
    const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes, keyframe: true });
    this.#feed.push({ units: [frame], timestamp: 0, keyframe: true }, 0, 40);
  }

  /** @param observe sees everything too. @throws HandshakeRunError when the engine throws. */
  run(seed: number, observe?: RunObserver): HandshakeResult {
    const run = new HandshakeRun(seed, this.#scenario, this.#inspect(), observe);
    try {
      return run.finish(this.#feed, this.#sdp);
    } catch (error) {
      throw new HandshakeRunError(seed, error);
    }
  }

  /** Runs `count` handshakes, the `first`-th of `seed` first. */
  runMany(seed: number, first: number, count: number): HandshakeChunk {
    const tally = new HandshakeTally(first, count, this.#scenario.untilFirstFrame);
    for (let index = 0; index < count; index++) tally.add(index, this.run((seed + first + index) >>> 0));
    return tally.chunk;
  }
}
