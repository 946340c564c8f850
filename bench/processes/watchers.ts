/** Viewers in a process of their own, that count what comes and throw it away. */
import { initiate } from '../../src/io/initiate.ts';
import { nullSink } from '../../src/io/sinks/null-sink.ts';
import { serve } from './serve.ts';

/** Whom they watch. */
export interface WatchersOptions {
  readonly target: string;
  readonly viewers: number;
}

/** Of all of them. */
export interface WatchersReport {
  readonly datagramsReceived: number;
  /** Those whose stream has ended. */
  readonly ended: number;
}

serve<WatchersOptions, undefined, WatchersReport>(async ({ target, viewers }) => {
  const streams = await Promise.all(
    Array.from({ length: viewers }, () => initiate(target, { repair: false, sink: nullSink() })),
  );
  let ended = 0;
  for (const stream of streams) void stream.ended.then(() => ended++);
  return {
    ready: undefined,
    report: () => ({
      datagramsReceived: streams.reduce((sum, stream) => sum + (stream.stats()?.received ?? 0), 0),
      ended,
    }),
  };
});
