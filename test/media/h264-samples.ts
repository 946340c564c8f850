import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { NalType } from '../../src/media/h264.ts';

/** Bytes written as hex, blanks ignored. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
}

/** A NAL unit with this header byte and that many bytes in all, none of them zero. */
export function nal(header: number, bytes: number, fill = 0xab): Uint8Array {
  const unit = new Uint8Array(bytes).fill(fill);
  unit[0] = header;
  return unit;
}

/** A slice that begins a picture (first_mb_in_slice 0), as header byte 0x65 IDR or 0x41 P. */
export function firstSlice(header: number, bytes: number): Uint8Array {
  const unit = nal(header, bytes);
  unit[1] = 0x88;
  return unit;
}

/** NAL units that obey Annex B: no start code inside, no zero at the end, types 1..23. */
export const nalUnits: fc.Arbitrary<Uint8Array[]> = fc.array(
  fc
    .tuple(
      fc.integer({ min: 1, max: 23 }),
      fc.integer({ min: 0, max: 3 }),
      fc.uint8Array({ minLength: 0, maxLength: 3000, size: 'max' }),
    )
    .map(([type, refIdc, body]) => {
      const unit = new Uint8Array(body.length + 2);
      unit[0] = (refIdc << 5) | type;
      unit.set(
        body.map((byte) => (byte < 4 ? 0x7f : byte)),
        1,
      );
      unit[unit.length - 1] = 0x80;
      return unit;
    }),
  { minLength: 1, maxLength: 12, size: 'max' },
);

/** NAL units out of RTP payloads, as plainly as RFC 6184 allows; throws at anything it forbids. */
export function naiveDepacketize(packets: readonly Uint8Array[]): Uint8Array[] {
  const units: Uint8Array[] = [];
  let open: number[] | undefined;
  for (const packet of packets) {
    const payload = packet.subarray(12);
    const type = (payload[0] ?? 0) & 0x1f;
    if (type === NalType.fuA) {
      const header = payload[1] ?? 0;
      if ((header & 0x80) !== 0) {
        if (open !== undefined || (header & 0x40) !== 0)
          throw new Error('start inside a unit, or start and end in one');
        open = [((payload[0] ?? 0) & 0xe0) | (header & 0x1f)];
      }
      if (open === undefined) throw new Error('fragment without start');
      open.push(...payload.subarray(2));
      if ((header & 0x40) !== 0) {
        units.push(Uint8Array.from(open));
        open = undefined;
      }
      continue;
    }
    if (open !== undefined) throw new Error('unit without end');
    if (type === NalType.stapA) {
      for (let offset = 1; offset < payload.length; ) {
        const size = ((payload[offset] ?? 0) << 8) | (payload[offset + 1] ?? 0);
        if (size === 0 || offset + 2 + size > payload.length) throw new Error('bad size in STAP-A');
        units.push(payload.slice(offset + 2, offset + 2 + size));
        offset += 2 + size;
      }
    } else {
      units.push(payload.slice());
    }
  }
  if (open !== undefined) throw new Error('unit without end');
  return units;
}

/** A clip from the real encoder, or why there is none. */
export function x264Clip(extra: readonly string[]): { readonly bytes: Uint8Array } | { readonly skip: string } {
  const input = ['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=1'];
  const encoder = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '10', ...extra, '-f', 'h264', '-'];
  try {
    return { bytes: new Uint8Array(execFileSync('ffmpeg', [...input, ...encoder], { maxBuffer: 1 << 26 })) };
  } catch (error) {
    return {
      skip: `ffmpeg with libx264 did not run: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
    };
  }
}
