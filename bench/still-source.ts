import type { MediaSource } from '../src/io/media-source.ts';
import { testSource } from '../src/io/sources/test-source.ts';
import { GENERIC_HEADER_BYTES } from '../src/media/generic-payload.ts';
import { RTP_HEADER_BYTES } from '../src/media/rtp.ts';
import { makeTestFrame } from '../src/media/test-frames.ts';
import { DATAGRAM_BYTES_STEPS } from '../src/protocol/constants.ts';

/** Bytes of a frame that fills so many full-size datagrams. */
export function frameBytesOf(datagrams: number): number {
  return datagrams * (DATAGRAM_BYTES_STEPS[0] - RTP_HEADER_BYTES - GENERIC_HEADER_BYTES);
}

/** One key frame of so many bytes, and nothing after it: what the theory of time to stream assumes. */
export function still(bytes: number): MediaSource {
  return {
    runs: 'always',
    describe: () => testSource().describe(),
    async start(target) {
      const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes, keyframe: true });
      target.frame({ units: [frame], timestamp: 0, keyframe: true }, 40);
    },
    async stop() {},
  };
}
