import { encodeFrame } from '../../src/codec/encode.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import type { Ids } from './frames.ts';
import { framesOf, type ResponderBench, type SentDatagram } from './responder-bench.ts';

/** A session's ids as a viewer knows them. */
export type Session = Ids & { readonly ssrc: number };

/** When each was sent. */
export const atMs = (sent: readonly SentDatagram[]) => sent.map((datagram) => datagram.atMs);

/** The PONG for the newest of these PINGs. */
export function pong(ids: Ids, sent: readonly SentDatagram[], datagramBytesMax = 1200): Uint8Array {
  const ping = framesOf(sent, 'PING').at(-1);
  if (ping === undefined || !('nonce' in ping)) throw new Error('no PING');
  const { streamId, sessionTag } = ids;
  const { nonce } = ping;
  return encodeFrame({ type: FrameType.PONG, flags: 0, streamId, sessionTag, attempt: 0, nonce, datagramBytesMax });
}

/** A NACK for one sequence number. */
export function nack(ssrc: number, sequence: number): Uint8Array {
  const bytes = Uint8Array.of(0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, ssrc);
  view.setUint16(12, sequence);
  return bytes;
}

/** The source's next frame, of one datagram. @returns what the camera sends at once. */
export function pushFrame(bench: ResponderBench): readonly SentDatagram[] {
  bench.stream.feed.push(
    { units: [new Uint8Array(300)], timestamp: bench.stream.frames++, keyframe: true },
    bench.nowMs,
    0,
  );
  return bench.step({ kind: 'media', feed: bench.stream.feed });
}

/** Streams until the probes are answered, so that the heartbeat is the next thing to happen. */
export function calmSession(bench: ResponderBench): Session {
  const ids = bench.streaming(1n);
  for (let i = 0; i < 3; i++) {
    bench.receive(pong(ids, bench.sent));
    if (i < 2) bench.run(100);
  }
  return ids;
}
