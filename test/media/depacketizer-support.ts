import type { AccessUnit } from '../../src/media/access-unit.ts';
import { NalType } from '../../src/media/h264.ts';
import { packetizeGeneric, packetizeH264 } from '../../src/media/packetizer.ts';
import { firstSequence, rewriteRtp } from '../../src/media/rtp.ts';

/** Ticks between two frames of 25 a second. */
export const FRAME_TICKS = 3600;

/** mulberry32: numbers in 0..1 that a seed repeats. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A NAL unit of `size` bytes whose content differs from that of others. */
export function nal(type: number, size: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index === 0 ? 0x60 | type : (salt * 31 + index * 7) & 0xff));
}

/** An access unit: with parameter sets and an IDR slice, or with one other slice. `delimiter` puts a delimiter first. */
export function unit(index: number, idr: boolean, size: number, delimiter = false): AccessUnit {
  const sets = idr ? [nal(NalType.sps, 12), nal(NalType.pps, 6)] : [];
  const first = delimiter ? [nal(NalType.accessUnitDelimiter, 2)] : [];
  const slice = nal(idr ? NalType.idr : NalType.slice, size, index + 1);
  return { units: [...first, ...sets, slice], timestamp: (index * FRAME_TICKS) >>> 0, keyframe: idr };
}

/** `count` access units, each `group`-th an IDR. */
export function units(count: number, group: number, size: number, delimiter = false): AccessUnit[] {
  return Array.from({ length: count }, (_, index) => unit(index, index % group === 0, size, delimiter));
}

/** Gives datagrams the sequence numbers and SSRC of a session; `from` datagrams were sent before. */
export function number(datagrams: readonly Uint8Array[], ssrc: number, from = 0): Uint8Array[] {
  return datagrams.map((datagram, index) => {
    const copy = datagram.slice();
    rewriteRtp(copy, (firstSequence(ssrc) + from + index) & 0xffff, ssrc);
    return copy;
  });
}

/** The datagrams of H.264 access units in one session. */
export function h264Datagrams(stream: readonly AccessUnit[], bytesMax: number, ssrc: number, from = 0): Uint8Array[] {
  return number(
    stream.flatMap((one) => packetizeH264(one, bytesMax)),
    ssrc,
    from,
  );
}

/** The datagrams of generic frames in one session; frame `index` has `sizes[index]` bytes and number `firstNumber + index`. */
export function genericDatagrams(
  sizes: readonly number[],
  bytesMax: number,
  ssrc: number,
  firstNumber = 0,
): Uint8Array[] {
  const packets = sizes.flatMap((size, index) => {
    const one = { units: [nal(0, size, index)], timestamp: (index * FRAME_TICKS) >>> 0, keyframe: true };
    return packetizeGeneric(one, (firstNumber + index) >>> 0, bytesMax);
  });
  return number(packets, ssrc);
}
