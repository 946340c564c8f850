import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rtpSink } from '../../src/io/sinks/rtp-sink.ts';
import { SinkError } from '../../src/io/sinks/sink-error.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { packetizeH264 } from '../../src/media/packetizer.ts';
import { rewriteRtp } from '../../src/media/rtp.ts';
import { buildSdp, parseSdp } from '../../src/media/sdp.ts';
import { countFrames, h264Clip, itWithFfmpeg } from '../support/ffmpeg.ts';
import { PPS, SPS, temporaryFolder } from './sources-support.ts';

const folder = temporaryFolder();

const sdp = buildSdp({
  streamName: 'door',
  format: 'h264',
  payloadType: 98,
  spropParameterSets: [SPS, PPS],
  framerate: 25,
  port: 4444,
});

async function bound(port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

describe('an RTP address as a sink', () => {
  it('gets all datagrams as they are, also those from before the socket was open', async () => {
    const player = await bound();
    const sink = rtpSink({ host: '127.0.0.1', port: player.address().port, sdpPath: folder.path('all.sdp') });
    expect(sink.wants).toBe('datagrams');
    const sent = Array.from({ length: 100 }, (_, index) => new Uint8Array(100 + index).fill(index));
    const got: Uint8Array[] = [];
    const all = new Promise<void>((resolve) => {
      player.on('message', (bytes) => {
        got.push(new Uint8Array(bytes));
        if (got.length === sent.length) resolve();
      });
    });
    for (const bytes of sent.slice(0, 50)) sink.datagram(bytes);
    sink.describe(sdp);
    await sink.described;
    for (const bytes of sent.slice(50)) sink.datagram(bytes);
    await all;
    expect(got).toEqual(sent);
    expect(await sink.close()).toEqual({
      target: `rtp://127.0.0.1:${player.address().port}`,
      written: 100,
      bytes: sent.reduce((sum, { length }) => sum + length, 0),
      dropped: 0,
      sdpPath: folder.path('all.sdp'),
    });
    sink.datagram(new Uint8Array(10));
    player.close();
  });

  it('describes the stream for the address that it sends to, and leaves no half-written file', async () => {
    const sink = rtpSink({ host: '127.0.0.1', port: 5006, sdpPath: folder.path('door.sdp') });
    sink.describe(sdp);
    await sink.close();
    const text = readFileSync(folder.path('door.sdp'), 'utf8');
    expect(text).toContain('c=IN IP4 127.0.0.1\r\n');
    expect(text).toContain('m=video 5006 RTP/AVP 98\r\n');
    expect(parseSdp(text)).toEqual({ ...parseSdp(sdp), port: 5006 });
    expect(readdirSync(folder.path('.')).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  it('describes packets that were passed through as H.264 unless their payload type says otherwise', async () => {
    for (const [payloadType, format] of [
      [96, 'h264'],
      [26, 'passthrough'],
    ] as const) {
      const sdpPath = folder.path(`passed-${payloadType}.sdp`);
      const sink = rtpSink({ host: '::1', port: 5006, sdpPath });
      sink.describe(buildSdp({ streamName: 'door', format: 'passthrough', payloadType }));
      expect((await sink.close()).target).toBe('rtp://[::1]:5006');
      expect(parseSdp(readFileSync(sdpPath, 'utf8'))).toMatchObject({ format, payloadType });
      expect(readFileSync(sdpPath, 'utf8')).toContain('c=IN IP6 ::1');
    }
  });

  it('writes no description of a stream whose own cannot be read', async () => {
    const sink = rtpSink({ host: '127.0.0.1', port: 5006, sdpPath: folder.path('none.sdp') });
    sink.describe('what?');
    expect(await sink.close()).toEqual({ target: 'rtp://127.0.0.1:5006', written: 0, bytes: 0, dropped: 0 });
  });

  it('is refused at once when the address is none, or the description cannot be written', () => {
    const good = { host: '127.0.0.1', port: 5006, sdpPath: folder.path('x.sdp') };
    expect(() => rtpSink({ ...good, host: 'player.example' })).toThrow(/not a numeric address/);
    expect(() => rtpSink({ ...good, port: 0 })).toThrow(/not a UDP port/);
    expect(() => rtpSink({ ...good, sdpPath: folder.path('no/such/x.sdp') })).toThrow(SinkError);
  });

  it('reports a description that cannot be written later', async () => {
    const sink = rtpSink({ host: '127.0.0.1', port: 5006, sdpPath: folder.path('.') });
    const failure = new Promise<Error>((resolve) => {
      sink.onFailure = resolve;
    });
    sink.describe(sdp);
    expect((await failure).message).toMatch(/cannot be written/);
    expect((await sink.close()).sdpPath).toBeUndefined();
  });

  itWithFfmpeg('plays in ffmpeg by the description that was written', async () => {
    const probe = await bound();
    // ffmpeg takes the port above it too, for RTCP.
    const port = probe.address().port & ~1;
    await new Promise<void>((resolve) => void probe.close(resolve));
    const sdpPath = folder.path('play.sdp');
    const sink = rtpSink({ host: '127.0.0.1', port, sdpPath });
    const source = h264File(folder.write('play.h264', h264Clip({ extra: ['-bf', '0'] })), {
      loop: true,
      framesPerSecond: 100,
    });
    let sequence = 0;
    await source.start({
      frame: (unit) => {
        for (const bytes of packetizeH264(unit, 1200)) {
          rewriteRtp(bytes, sequence++ & 0xffff, 1);
          sink.datagram(bytes);
        }
      },
      end: () => {},
      fail: () => {},
    });
    sink.describe(buildSdp({ streamName: 'door', ...source.describe() }));
    await sink.described;
    const output = folder.path('played.mkv');
    const player = spawn(
      'ffmpeg',
      [
        '-v',
        'error',
        '-nostdin',
        '-y',
        '-protocol_whitelist',
        'file,udp,rtp',
        '-i',
        sdpPath,
        '-frames:v',
        '60',
        output,
      ],
      { stdio: 'ignore' },
    );
    const [code] = await once(player, 'exit');
    await source.stop();
    const report = await sink.close();
    expect(code).toBe(0);
    expect(countFrames(output)).toBe(60);
    expect(report.dropped).toBe(0);
  });
});
