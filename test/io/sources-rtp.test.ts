import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, describe, expect, it } from 'vitest';
import { type RtpSourceOptions, rtpSource, SSRC_SILENCE_MS } from '../../src/io/sources/rtp-source.ts';
import { SourceError } from '../../src/io/sources/source-error.ts';
import { AnnexBSplitter } from '../../src/media/annex-b-splitter.ts';
import { packetizeH264 } from '../../src/media/packetizer.ts';
import { rewriteRtp, rtpTimestamp, writeRtpHeader } from '../../src/media/rtp.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { firstSlice, hex, naiveDepacketize } from '../media/h264-samples.ts';
import { encoderArguments, h264Clip, itWithFfmpeg } from '../support/ffmpeg.ts';
import { Collector, ManualTiming, PPS, SPS, tinyUnits, turn } from './sources-support.ts';

const sender = createSocket('udp4');
afterAll(() => new Promise<void>((resolve) => void sender.close(resolve)));

const IDR = firstSlice(0x65, 200);
const SLICE = firstSlice(0x41, 200);
const DELIMITER = hex('09 f0');

function send(socket: Socket, port: number, packet: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
  });
}

let sequence = 0;

/** An RTP packet with this payload. */
function packet(payload: Uint8Array, timestamp = 0, ssrc = 7, payloadType = 96): Uint8Array {
  const bytes = new Uint8Array(12 + payload.length);
  writeRtpHeader(bytes, { marker: true, payloadType, sequence: sequence++ & 0xffff, timestamp, ssrc });
  bytes.set(payload, 12);
  return bytes;
}

/** The packets of one access unit. */
function packets(units: readonly Uint8Array[], timestamp: number, size = 1200): Uint8Array[] {
  const cut = packetizeH264({ units, timestamp, keyframe: false }, size);
  for (const bytes of cut) rewriteRtp(bytes, sequence++ & 0xffff, 7);
  return cut;
}

/** A source on a free port, what comes of it, and a way to send to it and wait until that came out. */
async function listening(options: Partial<RtpSourceOptions> = {}) {
  const timing = new ManualTiming();
  const source = rtpSource({ port: 0, timing, ...options });
  const collector = new Collector();
  await source.start(collector);
  const { port } = source.local ?? { port: 0 };
  let passed = 0;
  const give = async (bytes: Uint8Array): Promise<void> => send(sender, port, bytes);
  const pass = async (...all: Uint8Array[]): Promise<void> => {
    for (const bytes of all) await give(bytes);
    passed += all.length;
    await collector.reached(passed);
  };
  const groups = (): boolean[] => collector.frames.map(({ keyframe }) => keyframe);
  return { source, collector, timing, port, give, pass, groups };
}

describe('an RTP port as a source', () => {
  it('passes packets on as they are, each by itself', async () => {
    const { source, collector, pass } = await listening();
    const sent = [packet(SPS, 1000), packet(IDR, 1000), packet(SLICE, 4600)];
    await pass(...sent);
    expect(collector.frames.map(({ units }) => units)).toEqual(sent.map((bytes) => [bytes]));
    expect(collector.frames.map(({ timestamp }) => timestamp)).toEqual([1000, 1000, 4600]);
    expect(source.runs).toBe('always');
    expect(source.counters).toEqual({ packets: 3, rtcp: 0, malformed: 0, foreign: 0, switched: 0 });
    await source.stop();
  });

  it('finds where a group begins in single units, aggregates and fragments', async () => {
    const { source, pass, groups } = await listening();
    await pass(packet(SLICE, 1), packet(SPS, 2), packet(PPS, 2), packet(IDR, 2), packet(SLICE, 3));
    await pass(...packets([SPS, PPS, firstSlice(0x65, 500)], 4, 300), ...packets([firstSlice(0x41, 500)], 5, 300));
    await pass(...packets([firstSlice(0x65, 500)], 6, 300));
    expect(groups()).toEqual([
      ...[false, true, false, false, false],
      ...[true, false, false, false, false],
      ...[true, false],
    ]);
    await source.stop();
  });

  it('begins a group with the parameter sets when they have a timestamp of their own', async () => {
    const { source, pass, groups } = await listening();
    await pass(packet(SPS, 1), packet(PPS, 1), packet(IDR, 2), packet(SLICE, 3), packet(IDR, 4));
    expect(groups()).toEqual([true, false, false, false, true]);
    await source.stop();
  });

  it('begins one group a picture however many slices it has, and none at a PPS or a delimiter', async () => {
    const { source, pass, groups } = await listening();
    await pass(packet(IDR, 1), packet(IDR, 1), packet(IDR, 1), packet(DELIMITER, 2), packet(PPS, 2), packet(SLICE, 2));
    expect(groups()).toEqual([true, false, false, false, false, false]);
    await source.stop();
  });

  it('gives a feed what it needs to keep a group', async () => {
    const { source, collector, pass } = await listening();
    for (const [frame, units] of tinyUnits(7).entries()) await pass(...packets(units, frame * 3600));
    const feed = new StreamFeed({ format: 'passthrough' });
    for (const [index, unit] of collector.frames.entries()) feed.push(unit, index, collector.intervalsMs[index] ?? 0);
    const lane = feed.retain(1200);
    expect(lane.group).toBeGreaterThan(0);
    expect(rtpTimestamp(lane.at(lane.group) ?? new Uint8Array(12))).toBe(5 * 3600);
    expect(feed.counters.droppedFrames).toBe(0);
    await source.stop();
  });

  it('tells the frame interval by the timestamps, across their wrap and steps back', async () => {
    const { source, collector, pass } = await listening();
    const start = 2 ** 32 - 3000;
    await pass(packet(IDR, start), packet(SLICE, 0), packet(SLICE, 9000), packet(SLICE, 6000), packet(SLICE, 6000));
    expect(collector.intervalsMs).toEqual([40, 3000 / 90, 100, 100, 100]);
    await source.stop();
  });

  it('counts RTCP and what is neither, and passes none of it on', async () => {
    const { source, collector, give, pass } = await listening();
    await give(hex('80 c8 0006 00000007 0000000000000000 00000000 00000000 00000000'));
    await give(hex('0c 01 01 00 00 00 00 00 00 00 00 00 00'));
    await give(hex('8f 60 0000 00000000 00000007'));
    await give(hex('80'));
    await pass(packet(IDR));
    expect(collector.frames.length).toBe(1);
    expect(source.counters).toMatchObject({ rtcp: 1, malformed: 3, packets: 1 });
    await source.stop();
  });

  it('keeps to the first SSRC until that is silent for two seconds', async () => {
    const { source, collector, timing, give, pass } = await listening();
    await pass(packet(IDR, 1, 7));
    await give(packet(IDR, 1, 8));
    await pass(packet(SLICE, 2, 7));
    await timing.advance(SSRC_SILENCE_MS - 1);
    await give(packet(IDR, 3, 8));
    await pass(packet(SLICE, 3, 7));
    await timing.advance(SSRC_SILENCE_MS);
    await pass(packet(IDR, 4, 8));
    await give(packet(SLICE, 5, 7));
    await pass(packet(SLICE, 5, 8));
    expect(collector.frames.map(({ keyframe }) => keyframe)).toEqual([true, false, false, true, false]);
    expect(source.counters).toMatchObject({ packets: 5, foreign: 3, switched: 1 });
    await source.stop();
  });

  it('learns payload type and parameter sets', async () => {
    const { source, pass, give } = await listening();
    expect(source.describe()).toEqual({ format: 'h264', packets: true, payloadType: 96 });
    await pass(packet(SPS, 1, 7, 104), packet(PPS, 1, 7, 104));
    await give(packet(IDR, 1, 7, 105));
    await pass(packet(IDR, 1, 7, 104));
    expect(source.describe()).toEqual({
      format: 'h264',
      packets: true,
      payloadType: 104,
      spropParameterSets: [SPS, PPS],
    });
    expect(source.counters.foreign).toBe(1);
    await source.stop();
  });

  it('takes only the payload type that it was told', async () => {
    const { source, give, pass } = await listening({ payloadType: 100 });
    expect(source.describe().payloadType).toBe(100);
    await give(packet(IDR, 1, 9, 96));
    await pass(packet(IDR, 1, 7, 100));
    expect(source.counters).toMatchObject({ packets: 1, foreign: 1 });
    await source.stop();
  });

  it('begins a group with every timestamp where nothing is known of the packets', async () => {
    for (const { payloadType, options } of [
      { payloadType: 26, options: {} },
      { payloadType: 96, options: { encoding: 'unknown' as const } },
    ]) {
      const { source, pass, groups } = await listening(options);
      const payload = hex('00 01 02');
      await pass(
        packet(payload, 1, 7, payloadType),
        packet(payload, 1, 7, payloadType),
        packet(payload, 2, 7, payloadType),
      );
      expect(groups()).toEqual([true, false, true]);
      expect(source.describe()).toEqual({ format: 'passthrough', packets: true, payloadType });
      await source.stop();
    }
  });

  it('says so, and what to do, when the port is in use or the address is none', async () => {
    const { source, port } = await listening();
    const second = rtpSource({ port });
    await expect(second.start(new Collector())).rejects.toThrow(/it is in use; end the program that holds it/);
    await source.stop();
    await second.start(new Collector());
    await second.stop();
    await expect(rtpSource({ port: 0, host: '192.0.2.1' }).start(new Collector())).rejects.toThrow(/no such address/);
    expect(() => rtpSource({ port: 70_000 })).toThrow(SourceError);
    expect(() => rtpSource({ port: 5004, host: 'camera.example' })).toThrow(/not a numeric address/);
    expect(() => rtpSource({ port: 5004, payloadType: 128 })).toThrow(SourceError);
  });

  it('gives its port back when it is stopped, also while it starts, and can start again', async () => {
    const source = rtpSource({ port: 0 });
    const started = source.start(new Collector());
    await source.stop();
    await started;
    expect(source.local).toBeUndefined();
    const collector = new Collector();
    await source.start(collector);
    await send(sender, source.local?.port ?? 0, packet(IDR));
    await collector.reached(1);
    await source.stop();
    expect(collector.endings).toBe(0);
  });

  itWithFfmpeg('passes on what an encoder sends, from which the same stream can be made', async () => {
    const { source, collector, port } = await listening();
    const options = { frames: 30, extra: ['-tune', 'zerolatency'] };
    const url = `rtp://127.0.0.1:${port}?pkt_size=1200`;
    const encoder = spawn(
      'ffmpeg',
      ['-v', 'error', '-nostdin', '-re', ...encoderArguments(options), '-f', 'rtp', url],
      {
        stdio: 'ignore',
      },
    );
    const [code] = await once(encoder, 'exit');
    expect(code).toBe(0);
    await send(sender, port, packet(SLICE, 0, 1));
    while (source.counters.foreign === 0) await turn();
    const datagrams = collector.frames.map(({ units }) => units[0] ?? new Uint8Array());
    expect(Math.max(...datagrams.map(({ length }) => length))).toBeLessThanOrEqual(1200);
    const splitter = new AnnexBSplitter();
    const clip = h264Clip(options);
    expect(naiveDepacketize(datagrams)).toEqual([...splitter.push(clip), ...splitter.end()]);
    expect(collector.frames.filter(({ keyframe }) => keyframe).length).toBe(3);
    expect(source.describe().spropParameterSets?.length).toBe(2);
    await source.stop();
  });
});
