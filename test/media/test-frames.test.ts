import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adler32, checkTestFrame, makeTestFrame, TEST_FRAME_BYTES_MIN } from '../../src/media/test-frames.ts';
import { seedFromEnv } from '../support/seeded.ts';

const frames = fc.record({
  frameNumber: fc.integer({ min: 0, max: 0xffffffff }),
  timestampMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
  bytes: fc.integer({ min: TEST_FRAME_BYTES_MIN, max: 10_000 }),
  keyframe: fc.boolean(),
});

describe('test frames', () => {
  it('use the checksum of RFC 1950: Adler-32 of "Wikipedia" is 11E60398', () => {
    const text = new TextEncoder().encode('Wikipedia');
    expect(adler32(text, 0, text.length, 1)).toBe(0x11e60398);
    const long = new Uint8Array(100_000).fill(0xff);
    expect(adler32(long, 50_000, 100_000, adler32(long, 0, 50_000, 1))).toBe(adler32(long, 0, 100_000, 1));
  });

  it('have the size asked for, at least their header, and tell number, time and kind', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const bytes = makeTestFrame(frame);
        const { frameNumber, timestampMs, keyframe } = frame;
        expect(bytes).toHaveLength(frame.bytes);
        expect(checkTestFrame(bytes)).toEqual({ ok: true, frameNumber, timestampMs, keyframe });
      }),
      { seed: seedFromEnv('media/test-frames') },
    );
    expect(makeTestFrame({ frameNumber: 1, timestampMs: 2, bytes: 0, keyframe: true })).toHaveLength(
      TEST_FRAME_BYTES_MIN,
    );
  });

  it('are the same for the same values and differ between frames', () => {
    const frame = { frameNumber: 7, timestampMs: 1.5, bytes: 100, keyframe: false };
    expect(makeTestFrame(frame)).toEqual(makeTestFrame(frame));
    expect(makeTestFrame(frame).slice(28)).not.toEqual(makeTestFrame({ ...frame, frameNumber: 8 }).slice(28));
  });

  it('show any changed byte, and any that are missing or too many (S10)', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, position, change) => {
        const bytes = makeTestFrame(frame);
        const index = position % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ change;
        expect(checkTestFrame(bytes).ok).toBe(false);
      }),
      { seed: seedFromEnv('media/test-frames') },
    );
    const whole = makeTestFrame({ frameNumber: 1, timestampMs: 0, bytes: 100, keyframe: true });
    expect(checkTestFrame(whole.subarray(0, 99))).toEqual({ ok: false, reason: 'length' });
    expect(checkTestFrame(Uint8Array.from([...whole, 0]))).toEqual({ ok: false, reason: 'length' });
    expect(checkTestFrame(whole.subarray(0, 27))).toEqual({ ok: false, reason: 'tooShort' });
    expect(checkTestFrame(new Uint8Array(100))).toEqual({ ok: false, reason: 'magic' });
    whole[99] = (whole[99] ?? 0) ^ 1;
    expect(checkTestFrame(whole)).toEqual({ ok: false, reason: 'checksum' });
  });
});
