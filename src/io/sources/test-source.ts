import { PAYLOAD_TYPE_GENERIC } from '../../media/rtp.ts';
import { makeTestFrame, TEST_FRAME_BYTES_MIN } from '../../media/test-frames.ts';
import type { MediaSource, SourceDescription, SourceTarget } from '../media-source.ts';
import { FramePacer } from './frame-pacer.ts';
import { checkFramesPerSecond, TimestampCounter } from './frame-rate.ts';
import { machineMs } from './machine-clock.ts';
import { SourceError } from './source-error.ts';
import { systemTiming, type Timing } from './timing.ts';

/** What the test frames are like. */
export interface TestSourceOptions {
  /** 0.01..1000, default 30. */
  readonly framesPerSecond?: number;
  /** Size of each frame, 28 bytes to 8 MiB; default 12,000. */
  readonly bytesPerFrame?: number;
  /** Every how many frames a viewer can begin; default 1, since no test frame needs another. */
  readonly keyframeInterval?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
  /** The clock stamped into the frames; default one that all processes of the machine share. */
  readonly stampMs?: () => number;
}

const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Makes numbered, time-stamped and checksummed frames (`src/media/test-frames.ts`), which `testSink` verifies. Runs on demand; the
 * numbers begin at 0 each time. Throws {@link SourceError} for values that cannot be.
 */
export function testSource(options: TestSourceOptions = {}): MediaSource {
  const { framesPerSecond = 30, bytesPerFrame = 12_000, keyframeInterval = 1 } = options;
  checkFramesPerSecond(framesPerSecond);
  if (!(bytesPerFrame >= TEST_FRAME_BYTES_MIN && bytesPerFrame <= FRAME_BYTES_MAX)) {
    throw new SourceError(`a test frame cannot have ${bytesPerFrame} bytes`, 'give 28 bytes to 8 MiB');
  }
  if (!(Number.isInteger(keyframeInterval) && keyframeInterval >= 1)) {
    throw new SourceError(`${keyframeInterval} is not a number of frames`, 'give a whole number from 1 on');
  }
  return new TestSource({
    framesPerSecond,
    bytesPerFrame,
    keyframeInterval,
    timing: options.timing ?? systemTiming,
    stampMs: options.stampMs ?? machineMs,
  });
}

class TestSource implements MediaSource {
  readonly runs = 'on-demand';
  readonly #options: Required<TestSourceOptions>;
  #bytesPerFrame: number;
  #keyframeWanted = false;
  #pacer: FramePacer | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: Required<TestSourceOptions>) {
    this.#options = options;
    this.#bytesPerFrame = options.bytesPerFrame;
  }

  describe(): SourceDescription {
    return { format: 'generic', payloadType: PAYLOAD_TYPE_GENERIC, framerate: this.#options.framesPerSecond };
  }

  async start(target: SourceTarget): Promise<void> {
    if (this.#pacer !== undefined) throw new SourceError('the test frames run already', 'stop them first');
    const pacer = new FramePacer(1000 / this.#options.framesPerSecond, this.#options.timing);
    this.#pacer = pacer;
    this.#done = this.#play(pacer, target).catch((error: Error) => target.fail(error));
  }

  async stop(): Promise<void> {
    this.#pacer?.stop();
    this.#pacer = undefined;
    await this.#done;
  }

  requestKeyframe(): boolean {
    this.#keyframeWanted = true;
    return true;
  }

  /** Changes the size of the frames, within what they can have. */
  setBitrate(bitsPerSecond: number): boolean {
    const bytes = Math.floor(bitsPerSecond / 8 / this.#options.framesPerSecond);
    this.#bytesPerFrame = Math.min(Math.max(bytes, TEST_FRAME_BYTES_MIN), FRAME_BYTES_MAX);
    return true;
  }

  async #play(pacer: FramePacer, target: SourceTarget): Promise<void> {
    const { framesPerSecond, keyframeInterval, stampMs } = this.#options;
    const timestamps = new TimestampCounter();
    for (let frameNumber = 0; await pacer.next(); frameNumber++) {
      const keyframe = this.#keyframeWanted || frameNumber % keyframeInterval === 0;
      this.#keyframeWanted = false;
      const frame = makeTestFrame({ frameNumber, timestampMs: stampMs(), bytes: this.#bytesPerFrame, keyframe });
      const timestamp = timestamps.at(frameNumber / framesPerSecond);
      target.frame({ units: [frame], timestamp, keyframe }, 1000 / framesPerSecond);
    }
  }
}
