import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { type FixedHeader, readHeader } from '../../src/codec/header.ts';
import { parseHeader } from '../../src/codec/header-reference.ts';
import type { Frame } from '../../src/protocol/frame.ts';
import { type MicroRow, row } from './row.ts';
import { sampleFrames } from './sample-frames.ts';

/** Each frame to bytes and back, and its header as binary-parser reads it. */
export function codecRows(): readonly MicroRow[] {
  const frames = Object.entries(sampleFrames).flatMap(([name, frame]: [string, Frame]) => {
    const bytes = encodeFrame(frame);
    if (!decodeFrame(bytes).ok) throw new Error(`${name} cannot be decoded`);
    return [row(`${name} encode`, () => encodeFrame(frame)), row(`${name} decode`, () => decodeFrame(bytes))];
  });
  const start = encodeFrame(sampleFrames.START);
  const reference = 'header, binary-parser';
  return [
    ...frames,
    row(reference, (): FixedHeader => parseHeader(start)),
    row('header', () => readHeader(start), { reference }),
  ];
}
