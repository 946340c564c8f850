import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GENERIC_HEADER_BYTES, readGenericHeader, writeGenericHeader } from '../../src/media/generic-payload.ts';
import { packetizeGeneric, packetizeH264 } from '../../src/media/packetizer.ts';
import { rtpMarker, rtpPayloadType, rtpTimestamp } from '../../src/media/rtp.ts';
import { DATAGRAM_BYTES_STEPS } from '../../src/protocol/constants.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { hex, naiveDepacketize, nal, nalUnits } from './h264-samples.ts';

const sizes = fc.oneof(fc.constantFrom(...DATAGRAM_BYTES_STEPS), fc.integer({ min: 64, max: 1500 }));

function h264(units: readonly Uint8Array[], datagramBytesMax: number): Uint8Array[] {
  return packetizeH264({ units, timestamp: 0x01020304, keyframe: false }, datagramBytesMax);
}

describe('H.264 packetizer (RFC 6184)', () => {
  it('sends a unit that fits as it is behind the RTP header, with marker, type and timestamp', () => {
    expect(h264([hex('65 88 84')], 1200)).toEqual([hex('80 e0 0000 01020304 00000000 65 88 84')]);
  });

  it('aggregates SPS, PPS and SEI to one STAP-A with the largest NRI and the sizes before the units (5.7.1)', () => {
    const [packet] = h264([hex('27 42'), hex('48 ce 3c'), hex('06 05')], 1200);
    expect(packet).toEqual(hex('80 e0 0000 01020304 00000000 58 0002 2742 0003 48ce3c 0002 0605'));
  });

  it('sets the forbidden bit of a STAP-A when a unit has it (5.7)', () => {
    expect(h264([hex('e7 42'), hex('68 ce')], 1200)[0]?.[12]).toBe(0xf8);
  });

  it('fragments a large unit to FU-A with start and end bits, each fragment but the last full (5.8)', () => {
    const unit = nal(0x65, 1 + 3 * (296 - 14) + 1);
    const packets = h264([unit], 296);
    expect(packets.map((packet) => packet.length)).toEqual([296, 296, 296, 15]);
    expect(packets.map((packet) => [packet[12], packet[13]])).toEqual([
      [0x7c, 0x85],
      [0x7c, 0x05],
      [0x7c, 0x05],
      [0x7c, 0x45],
    ]);
    expect(packets.map((packet) => packet[1])).toEqual([0x60, 0x60, 0x60, 0xe0]);
  });

  it('uses a single packet up to the very last byte and never a fragment that is both start and end', () => {
    expect(h264([nal(0x65, 284)], 296).map((packet) => packet.length)).toEqual([296]);
    expect(h264([nal(0x65, 285)], 296).map((packet) => packet.length)).toEqual([296, 16]);
  });

  it('sets the end bit on a last fragment that is exactly full', () => {
    const packets = h264([nal(0x65, 1 + 2 * 282)], 296);
    expect(packets.map((packet) => [packet.length, packet[13]])).toEqual([
      [296, 0x85],
      [296, 0x45],
    ]);
  });

  it('aggregates up to the very last byte and not further', () => {
    const fits = [nal(0x41, 100), nal(0x41, 296 - 12 - 1 - 2 - 100 - 2)];
    expect(h264(fits, 296).map((packet) => packet.length)).toEqual([296]);
    expect(h264([...fits, nal(0x41, 5)], 296).map((packet) => packet.length)).toEqual([296, 17]);
    expect(h264([nal(0x41, 100), nal(0x41, 180)], 296).map((packet) => packet.length)).toEqual([112, 192]);
  });

  it('makes of the parameter sets one datagram before the fragments of the picture', () => {
    const packets = h264([nal(0x67, 20), nal(0x68, 4), nal(0x06, 40), nal(0x65, 3000)], 1200);
    expect(packets.map((packet) => (packet[12] ?? 0) & 0x1f)).toEqual([24, 28, 28, 28]);
  });

  it('makes no packet of no bytes, and refuses a size that has no room', () => {
    expect(h264([], 1200)).toEqual([]);
    expect(h264([new Uint8Array(0)], 1200)).toEqual([]);
    expect(() => h264([hex('65 88')], 63)).toThrow(RangeError);
    expect(() => h264([hex('65 88')], Number.NaN)).toThrow(RangeError);
  });

  it('gives back the same units at every size, no datagram larger than the limit, one marker, at the end (S5)', () => {
    fc.assert(
      fc.property(nalUnits, sizes, (units, size) => {
        const packets = h264(units, size);
        expect(naiveDepacketize(packets)).toEqual(units);
        for (const packet of packets) {
          expect(packet.length).toBeLessThanOrEqual(size);
          expect([rtpPayloadType(packet), rtpTimestamp(packet)]).toEqual([96, 0x01020304]);
        }
        expect(packets.map(rtpMarker)).toEqual(packets.map((_, index) => index === packets.length - 1));
      }),
      { seed: seedFromEnv('media/packetizer') },
    );
  });

  it('needs no more datagrams than one per unit that fits', () => {
    fc.assert(
      fc.property(nalUnits, (units) => {
        const alone = units.reduce((count, unit) => count + h264([unit], 1200).length, 0);
        expect(h264(units, 1200).length).toBeLessThanOrEqual(alone);
      }),
      { seed: seedFromEnv('media/packetizer') },
    );
  });
});

describe('generic payload', () => {
  it('is frame number, fragment index and fragment count, big-endian', () => {
    const bytes = new Uint8Array(10);
    writeGenericHeader(bytes, 1, { frameNumber: 0xfedcba98, fragmentIndex: 0x0102, fragmentCount: 0xfffe });
    expect(bytes).toEqual(hex('00 fedcba98 0102 fffe 00'));
    expect(readGenericHeader(bytes, 1, 9)).toEqual({
      frameNumber: 0xfedcba98,
      fragmentIndex: 0x0102,
      fragmentCount: 0xfffe,
    });
  });

  it('is refused when the index is not below the count, and when it is cut short (S10)', () => {
    expect(readGenericHeader(hex('00000001 0000 0000'), 0, 8)).toBeUndefined();
    expect(readGenericHeader(hex('00000001 0002 0002'), 0, 8)).toBeUndefined();
    expect(readGenericHeader(hex('00000001 0000 0001'), 0, 7)).toBeUndefined();
    expect(readGenericHeader(hex('00000001 0000 0001'), 1, 9)).toBeUndefined();
    expect(readGenericHeader(hex('00000001 0000 0001'), -1, 8)).toBeUndefined();
  });

  it('carries any frame at any size, numbered, whole and with the marker on the last fragment (S5)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000, size: 'max' }), sizes, fc.nat(), (frame, size, frameNumber) => {
        const packets = packetizeGeneric({ units: [frame], timestamp: 7, keyframe: true }, frameNumber, size);
        const bytes = packets.flatMap((packet, index) => {
          expect(packet.length).toBeLessThanOrEqual(size);
          if (index < packets.length - 1) expect(packet.length).toBe(size);
          expect(readGenericHeader(packet, 12, packet.length)).toEqual({
            frameNumber,
            fragmentIndex: index,
            fragmentCount: packets.length,
          });
          expect([rtpMarker(packet), rtpPayloadType(packet)]).toEqual([index === packets.length - 1, 97]);
          return [...packet.subarray(12 + GENERIC_HEADER_BYTES)];
        });
        expect(Uint8Array.from(bytes)).toEqual(frame);
      }),
      { seed: seedFromEnv('media/packetizer'), numRuns: 50 },
    );
  });

  it('is one packet for an empty frame, and none for one of more than 65,535 fragments', () => {
    const empty = packetizeGeneric({ units: [], timestamp: 0, keyframe: true }, 1, 1200);
    expect(empty).toEqual([hex('80 e1 0000 00000000 00000000 00000001 0000 0001')]);
    const frame = (bytes: number): Uint8Array[] =>
      packetizeGeneric({ units: [new Uint8Array(bytes)], timestamp: 0, keyframe: true }, 1, 64);
    expect(frame(44 * 65_535)).toHaveLength(65_535);
    expect(frame(44 * 65_535 + 1)).toEqual([]);
  });
});
