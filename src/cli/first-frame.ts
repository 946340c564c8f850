import { setTimeout as wait } from 'node:timers/promises';
import type { ReceivedStream } from '../io/received-stream.ts';

/** Waits for the first decodable frame, a second at most, so that it is part of the timeline. */
export async function firstFrame(stream: ReceivedStream): Promise<void> {
  if (stream.timeToFirstFrameMs !== undefined) return;
  await Promise.race([
    new Promise((resolve) => stream.once('firstFrame', resolve)),
    stream.ended,
    wait(1000, undefined, { ref: false }),
  ]);
}
