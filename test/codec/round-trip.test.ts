import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { Frame } from '../../src/protocol/frame.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';
import { frameArbitraries, frameTypeNames } from './arbitraries.ts';

function decoded(datagram: Uint8Array): Frame {
  const result = decodeFrame(datagram);
  if (!result.ok) throw new Error(`refused: ${result.reason} at ${result.offset}`);
  return result.frame;
}

describe('round trip', () => {
  test.each(frameTypeNames)(
    'any %s decodes to the frame that was encoded, and re-encodes to the same bytes',
    (name) => {
      fc.assert(
        fc.property(frameArbitraries[name], (frame) => {
          const datagram = encodeFrame(frame);
          const back = decoded(datagram);
          const chosen =
            'paddingBytes' in back && !('paddingBytes' in frame) ? { paddingBytes: back.paddingBytes } : {};
          expect(back).toEqual({ ...frame, ...chosen });
          expect(encodeFrame(back)).toEqual(datagram);
        }),
        { seed: seedFromEnv('codec/round-trip'), numRuns: runsFromEnv(300) },
      );
    },
  );
});

describe('damage', () => {
  /** A few frames of the type, each of which must be refused after every single damage of a kind. */
  const each = (name: (typeof frameTypeNames)[number], check: (datagram: Uint8Array) => void) =>
    fc.assert(
      fc.property(frameArbitraries[name], (frame) => check(encodeFrame(frame))),
      { seed: seedFromEnv('codec/round-trip'), numRuns: runsFromEnv(10) },
    );

  test.each(frameTypeNames)('%s is refused when cut at any length (S10)', (name) => {
    each(name, (datagram) => {
      for (let length = 0; length < datagram.length; length++) {
        const result = decodeFrame(datagram.subarray(0, length));
        if (result.ok) throw new Error(`accepted with ${length} of ${datagram.length} bytes`);
        if (result.offset > length) throw new Error(`offset ${result.offset} is outside of ${length} bytes`);
      }
    });
  });

  test.each(frameTypeNames)('%s is refused when one more byte follows (S10)', (name) => {
    each(name, (datagram) => {
      const longer = new Uint8Array(datagram.length + 1);
      longer.set(datagram);
      expect(decodeFrame(longer)).toMatchObject({ ok: false, reason: 'bodyLength' });
    });
  });

  test.each(frameTypeNames)('%s is refused when any single bit is flipped', (name) => {
    each(name, (datagram) => {
      for (let bit = 0; bit < datagram.length * 8; bit++) {
        const flipped = datagram.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        if (decodeFrame(flipped).ok) throw new Error(`accepted with bit ${bit} flipped`);
      }
    });
  });
});
