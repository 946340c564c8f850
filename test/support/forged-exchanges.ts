import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeParts } from '../../src/codec/encode.ts';
import { type Frame, type FrameBody, type FrameHeader, FrameType } from '../../src/protocol/frame.ts';
import { type Asked, ExchangeWorld, type MethodAnswer } from './exchange-world.ts';

/** A camera with one viewer, whose frames are made by hand; what the camera sends of exchanges is kept. */
export function forged(method?: (asked: Asked) => MethodAnswer | undefined) {
  const sent: Frame[] = [];
  const world = new ExchangeWorld({
    seed: 1,
    link: { oneWayMs: 10 },
    ...(method === undefined ? {} : { method }),
    tap: ({ from, bytes, plane }) => {
      const decoded = decodeFrame(bytes);
      if (plane === 'control' && from.address === '10.0.0.1' && decoded.ok && decoded.frame.type >= FrameType.NOTIFY) {
        sent.push(decoded.frame);
      }
    },
  });
  const viewer = world.join();
  world.run(500);
  const { streamId, sessionTag } = viewer.endpoint;
  const ids = { flags: 0, streamId, sessionTag, attempt: 0 };
  const inject = (body: FrameBody, from = viewer.peer, header: FrameHeader = ids): void =>
    world.inject(from, encodeParts(header, body));
  return { world, viewer, ids, inject, sent };
}
