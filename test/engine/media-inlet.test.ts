import { describe, expect, it } from 'vitest';
import { Counters } from '../../src/engine/counters.ts';
import type { InitiatorOutput } from '../../src/engine/io-types.ts';
import { MediaInlet } from '../../src/engine/media-inlet.ts';
import { Random } from '../../src/engine/random.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../src/media/rtp.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';

const ssrc = 0x0102_0300;

function inlet() {
  const outputs: InitiatorOutput[] = [];
  const counters = new Counters();
  const host = {
    profile: profiles.default,
    random: new Random(new Prng(1)),
    counters,
    trace: false,
    handshakeTrailer: { bytes: 4 } as never,
    emit: (output: InitiatorOutput) => void outputs.push(output),
  };
  const peer = { address: '192.0.2.1', port: 4444 };
  const options = { latencyMs: 100, firstGroupMs: 100, repair: true, datagrams: true };
  const made = new MediaInlet(host, peer, ssrc, options, { startedAtMs: 0, media: false, frame: false });
  return { made, outputs, counters };
}

function packet(sequence: number): Uint8Array {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + 20);
  writeRtpHeader(bytes, { marker: true, payloadType: 96, sequence, timestamp: 0, ssrc });
  return bytes;
}

describe('the inlet of a session', () => {
  it('takes no packet that is too short for its SSRC, whatever its bytes are', () => {
    const { made } = inlet();
    expect(made.take(packet(0), 0)).toEqual(packet(0));
    expect(made.take(packet(0).subarray(0, RTP_HEADER_BYTES - 1), 0)).toBe('mediaForeign');
    expect(made.take(packet(0).subarray(0, RTP_HEADER_BYTES), 0)).toHaveLength(RTP_HEADER_BYTES);
  });

  it('of a secured session that nothing can protect takes no media, and asks for none again', () => {
    const { made, outputs, counters } = inlet();
    made.protect(() => undefined);
    expect(made.take(packet(0), 0)).toBe('mediaForged');
    made.start(0);
    made.receive(packet(0x0300), 0);
    made.receive(packet(0x0302), 1);
    for (let nowMs = 2; nowMs < 200; nowMs++) made.timeout(nowMs);
    expect(outputs.filter(({ kind }) => kind === 'send')).toEqual([]);
    expect(counters.snapshot().counters.datagramsSent).toBe(0);
  });

  it('asks for what is missing where the session is not secured', () => {
    const { made, outputs } = inlet();
    made.start(0);
    made.receive(packet(0x0300), 0);
    made.receive(packet(0x0302), 1);
    for (let nowMs = 2; nowMs < 200; nowMs++) made.timeout(nowMs);
    expect(outputs.filter(({ kind }) => kind === 'send').length).toBeGreaterThan(0);
  });
});
