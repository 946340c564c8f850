import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSdp, parseSdp, type SdpInput } from '../../src/media/sdp.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { hex } from './h264-samples.ts';

const SPS = hex('67 42 c0 1e d9 00 a0 3d b0');
const PPS = hex('68 cb 83 cb 20');
const door: SdpInput = {
  streamName: 'door',
  format: 'h264',
  payloadType: 96,
  spropParameterSets: [SPS, PPS],
  framerate: 25,
};
const utf8 = (text: string): number => new TextEncoder().encode(text).length;

describe('session description', () => {
  it('describes H.264 as RFC 6184, 8.2.1 does', () => {
    expect(buildSdp({ ...door, address: '192.0.2.7', port: 5004 }).split('\r\n')).toEqual([
      'v=0',
      'o=- 0 0 IN IP4 192.0.2.7',
      's=door',
      'c=IN IP4 192.0.2.7',
      't=0 0',
      'm=video 5004 RTP/AVP 96',
      'a=rtpmap:96 H264/90000',
      'a=fmtp:96 packetization-mode=1;profile-level-id=42c01e;sprop-parameter-sets=Z0LAHtkAoD2w,aMuDyyA=',
      'a=framerate:25',
      '',
    ]);
  });

  it('describes generic frames by their own encoding name, and pass-through by the payload type alone', () => {
    const generic = buildSdp({ streamName: 'x', format: 'generic', payloadType: 97, address: '2001:db8::1' });
    expect(generic).toContain('m=application 9 RTP/AVP 97\r\na=rtpmap:97 x-firstframe-generic/90000\r\n');
    expect(generic).toContain('c=IN IP6 2001:db8::1\r\n');
    const through = buildSdp({ streamName: '', format: 'passthrough', payloadType: 33 });
    expect(through).toContain('s=-\r\n');
    expect(through).toMatch(/m=video 9 RTP\/AVP 33\r\n$/);
  });

  it('reads back what it wrote', () => {
    expect(parseSdp(buildSdp(door))).toEqual({
      format: 'h264',
      payloadType: 96,
      clockHz: 90_000,
      port: 9,
      streamName: 'door',
      packetizationMode: 1,
      profileLevelId: '42c01e',
      spropParameterSets: [SPS, PPS],
      framerate: 25,
    });
    for (const format of ['generic', 'passthrough'] as const) {
      expect(parseSdp(buildSdp({ streamName: 'x', format, payloadType: 99 }))).toMatchObject({
        format,
        payloadType: 99,
      });
    }
  });

  it('reads the example of RFC 6184, 8.2.1 with other line ends and blanks after the semicolons', () => {
    const text = `v=0\nm=video 49170 RTP/AVP 98\na=rtpmap:98 H264/90000
a=fmtp:98 profile-level-id=42A01E; packetization-mode=1; sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==`;
    expect(parseSdp(text)).toMatchObject({
      format: 'h264',
      payloadType: 98,
      port: 49_170,
      profileLevelId: '42a01e',
      packetizationMode: 1,
      spropParameterSets: [hex('67 42 00 0a 96 53 05 89 88'), hex('68 c9 63 88')],
    });
  });

  it('reads the first media section only', () => {
    const text = 'v=0\r\nm=video 5000 RTP/AVP 96\r\nm=audio 5002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n';
    expect(parseSdp(text)).toMatchObject({ format: 'passthrough', port: 5000 });
  });

  it('stays within 700 bytes by leaving out the parameter sets first (S5)', () => {
    const sdp = buildSdp({ ...door, spropParameterSets: [SPS, new Uint8Array(500).fill(7)] });
    expect(utf8(sdp)).toBeLessThanOrEqual(700);
    expect(sdp).not.toContain('sprop');
    expect(sdp).toContain('packetization-mode=1;profile-level-id=42c01e\r\n');
  });

  it('keeps a stream’s name from becoming lines of the description', () => {
    const sdp = buildSdp({ ...door, streamName: 'a\r\na=evil:1', address: '1.2.3.4\r\na=evil:2' });
    expect(sdp).toContain('s=a  a=evil:1\r\n');
    expect(sdp).toContain('c=IN IP4 0.0.0.0\r\n');
    expect(sdp.split('\r\n').filter((line) => line.startsWith('a=evil'))).toEqual([]);
  });

  it('cuts a long name to 64 bytes without splitting a character', () => {
    const sdp = buildSdp({ ...door, streamName: '\u{1f6aa}'.repeat(100) });
    expect(sdp).toContain(`s=${'\u{1f6aa}'.repeat(16)}\r\n`);
    expect(buildSdp({ ...door, streamName: 'x'.repeat(65) })).toContain(`s=${'x'.repeat(64)}\r\n`);
  });

  it('is never over 700 bytes and always reads back, whatever it is made of', () => {
    const input = fc.record({
      streamName: fc.string({ unit: 'binary', maxLength: 200, size: 'max' }),
      format: fc.constantFrom('h264' as const, 'generic' as const, 'passthrough' as const),
      payloadType: fc.integer({ min: 0, max: 127 }),
      spropParameterSets: fc.array(fc.uint8Array({ minLength: 1, maxLength: 300, size: 'max' }), {
        maxLength: 8,
        size: 'max',
      }),
      framerate: fc.double({ min: 0.01, max: 1000, noNaN: true }),
      address: fc.string({ maxLength: 60, size: 'max' }),
      port: fc.integer({ min: 0, max: 65_535 }),
    });
    fc.assert(
      fc.property(input, (values) => {
        const sdp = buildSdp(values);
        expect(utf8(sdp)).toBeLessThanOrEqual(700);
        const { format, payloadType, port } = values;
        expect(parseSdp(sdp)).toMatchObject({ format, payloadType, port });
      }),
      { seed: seedFromEnv('media/sdp') },
    );
  });

  it('refuses what has no usable media line or a number out of range', () => {
    for (const text of [
      '',
      'v=0\r\n',
      'm=video 70000 RTP/AVP 96',
      'm=video 5000 RTP/AVP 128',
      'm=video 5000 UDP/TLS 96',
      'm=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/0',
      `m=video 5000 RTP/AVP 96\r\n${'x'.repeat(700)}`,
      `m=video 5000 RTP/AVP 96\r\n${'€'.repeat(300)}`,
    ]) {
      expect(parseSdp(text)).toBeUndefined();
    }
  });

  it('reads on when a parameter is nonsense', () => {
    const read = (fmtp: string): unknown =>
      parseSdp(`m=video 1 RTP/AVP 96\na=rtpmap:96 h264/90000/1\na=fmtp:96 ${fmtp}\na=framerate:many`);
    const plain = {
      format: 'h264',
      payloadType: 96,
      clockHz: 90_000,
      port: 1,
      packetizationMode: 0,
      spropParameterSets: [],
    };
    for (const fmtp of [
      '',
      ';;=;',
      'packetization-mode=x',
      'profile-level-id=zz',
      'sprop-parameter-sets=Z0I,***',
      'sprop-parameter-sets=,',
    ]) {
      expect(read(fmtp)).toEqual(plain);
    }
    const nineSets = Array.from({ length: 9 }, () => 'Z0IA').join(',');
    expect(read(`sprop-parameter-sets=${nineSets}`)).toEqual(plain);
  });

  it('never throws on arbitrary text (S10)', () => {
    const pieces = fc.constantFrom(
      'm=video ',
      '5000',
      ' RTP/AVP ',
      '96',
      '\r\n',
      'a=rtpmap:96 ',
      'a=fmtp:96 ',
      'H264/90000',
      '=',
      ';',
      'sprop-parameter-sets=',
      'AAA=',
      '\u0000',
      'é',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 40, size: 'max' }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (value) => {
        parseSdp(value);
      }),
      { seed: seedFromEnv('media/sdp'), numRuns: 2000 },
    );
  });
});
