import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { InitiatorOutput } from '../../src/engine/io-types.ts';
import { rtpSequence } from '../../src/media/rtp.ts';
import { buildSdp } from '../../src/media/sdp.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { FrameFlag, FrameType } from '../../src/protocol/frame.ts';
import { rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, kinds, ResponderBench } from '../support/responder-bench.ts';
import { TappedWorld } from '../support/tapped-world.ts';

type OutputOf<Kind extends InitiatorOutput['kind']> = InitiatorOutput & { readonly kind: Kind };

function outputsOf<Kind extends InitiatorOutput['kind']>(
  outputs: readonly { readonly output: InitiatorOutput }[],
  kind: Kind,
): OutputOf<Kind>[] {
  return outputs.flatMap(({ output }) => (output.kind === kind ? [output as OutputOf<Kind>] : []));
}

const sequences = (bench: InitiatorBench): number[] =>
  outputsOf(bench.outputs, 'rtp').map(({ bytes }) => rtpSequence(bytes));

/** A viewer that is given RTP in order. Media of the SSRC 7 begins with the sequence number 7. */
const viewer = (fast = false) => new InitiatorBench({ fast, media: { datagrams: true } });

describe('a viewer of a stream', () => {
  it('is given the description, then every frame once and in order, the first with its time', () => {
    const world = new TappedWorld({ seed: 1, link: { oneWayMs: 10 } });
    const { outputs, endpoint } = world.join();
    world.play({ count: 20, bytes: 3000 });
    world.run(2000);
    expect(outputsOf(outputs, 'sdp')).toEqual([{ kind: 'sdp', sdp: 'v=0\r\n' }]);
    expect(outputsOf(outputs, 'frame').map(({ frame }) => frame.decodable)).toEqual(new Array(20).fill(true));
    // START, START_ACK, START_CONFIRM and the first datagrams: two round trips.
    expect(outputsOf(outputs, 'firstMedia')).toEqual([{ kind: 'firstMedia', timeToStreamMs: 40 }]);
    const [first, ...further] = outputsOf(outputs, 'firstFrame');
    expect(first?.timeToFirstFrameMs).toBeGreaterThanOrEqual(40);
    expect(first?.timeToFirstFrameMs).toBeLessThan(100);
    expect(further).toEqual([]);
    const { timeToFirstFrameMs } = endpoint.counters.snapshot();
    expect(timeToFirstFrameMs).toMatchObject({ count: 1, sumMs: first?.timeToFirstFrameMs });
    expect(endpoint.stats()?.received).toBeGreaterThan(40);
  });

  it('has its first frame counted from its own start, whenever that was', () => {
    const world = new TappedWorld({ seed: 1, link: { oneWayMs: 10 } });
    world.run(5000);
    const { outputs } = world.join();
    world.play({ count: 3 });
    world.run(1000);
    expect(outputsOf(outputs, 'firstMedia')).toEqual([{ kind: 'firstMedia', timeToStreamMs: 40 }]);
    expect(outputsOf(outputs, 'firstFrame')[0]?.timeToFirstFrameMs).toBeLessThan(100);
  });

  it('asks for what is missing at once and again after half a round trip, and then does without', () => {
    const bench = viewer();
    bench.start();
    bench.nowMs = 100;
    bench.startAck(5n);
    bench.nowMs = 200;
    bench.frame('READY');
    bench.receive(rtpBytes(7, 7));
    expect(kinds(bench.receive(rtpBytes(7, 9)))).toEqual(['RTCP']);
    const again = bench.run(1900).filter(({ plane }) => plane === 'feedback');
    expect(again.length).toBeGreaterThan(5);
    expect(again[0]?.atMs).toBe(250);
    expect(new Set(again.map(({ to }) => `${to.address} ${to.port}`))).toEqual(new Set(['192.0.2.9 4444']));
    expect(sequences(bench)).toEqual([7]);
    bench.run(200);
    expect(sequences(bench)).toEqual([7, 9]);
  });

  it('waits 2 s for the first group, counted from Streaming and not from the first media', () => {
    const bench = viewer();
    bench.stream();
    bench.run(1900);
    bench.receive(rtpBytes(7, 7));
    bench.receive(rtpBytes(7, 9));
    bench.run(190);
    expect(sequences(bench)).toEqual([7]);
    bench.run(20);
    expect(sequences(bench)).toEqual([7, 9]);
  });

  it('asks for nothing when repair is off', () => {
    const bench = new InitiatorBench({ media: { repair: false } });
    bench.stream();
    bench.receive(rtpBytes(7, 7));
    bench.receive(rtpBytes(7, 9));
    expect(kinds(bench.run(1000))).not.toContain('RTCP');
  });

  it('has receive statistics from START_ACK on', () => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.endpoint.stats()).toBeUndefined();
    bench.startAck(5n);
    expect(bench.endpoint.stats()).toMatchObject({ received: 0 });
  });

  it('is told nothing where nothing happens', () => {
    const { endpoint } = new InitiatorBench();
    expect(endpoint.step({ kind: 'timeout' }, 0)).toEqual([]);
    expect(endpoint.step({ kind: 'timeout' }, 1)).toEqual([]);
  });

  it('is given no datagrams unless it asks for them', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.receive(rtpBytes(7, 7));
    expect(sequences(bench)).toEqual([]);
  });

  it('learns the payload type from the description in READY', () => {
    const feed = new StreamFeed({ format: 'generic', payloadType: 101 });
    const camera = new ResponderBench({}, 'never');
    camera.receive(startBytes(1n));
    const [ack] = framesOf(camera.step({ kind: 'reserved', session: 1, feed }), 'START_ACK');
    if (ack === undefined || !('ssrc' in ack)) throw new Error('no START_ACK');
    camera.receive(sessionFrame('START_CONFIRM', ack));
    feed.push({ units: [new Uint8Array(100)], timestamp: 0, keyframe: true }, camera.nowMs, 0);
    const [media] = camera.step({ kind: 'media', feed });
    for (const payloadType of [101, 102]) {
      const bench = new InitiatorBench();
      bench.start();
      bench.startAck(5n, { ssrc: ack.ssrc });
      const sdp = buildSdp({ streamName: 'door', format: 'generic', payloadType });
      bench.receive(encodeFrame({ type: FrameType.READY, flags: 0, ...bench.ids, attempt: 0, sdp }));
      bench.receive(media?.bytes ?? new Uint8Array(0));
      expect([payloadType, bench.count('frame')]).toEqual([payloadType, payloadType === 101 ? 1 : 0]);
    }
  });

  it('is given what still waits for a gap when its session ends (S9: nothing after that)', () => {
    for (const end of ['BYE', 'close'] as const) {
      const bench = viewer();
      bench.stream();
      bench.receive(rtpBytes(7, 7));
      bench.receive(rtpBytes(7, 9));
      if (end === 'BYE') bench.frame('BYE');
      else bench.step({ kind: 'close', code: 0 });
      expect(sequences(bench)).toEqual([7, 9]);
      bench.receive(rtpBytes(7, 10));
      bench.run(5000);
      expect(sequences(bench)).toEqual([7, 9]);
    }
  });

  it('is given media that is itself the evidence', () => {
    const bench = viewer();
    bench.start();
    bench.startAck(5n);
    bench.receive(rtpBytes(7, 7));
    expect(bench.endpoint.state).toBe('Streaming');
    expect(sequences(bench)).toEqual([7]);
  });

  it('takes RTP without a payload for media, and nothing shorter', () => {
    const bench = viewer();
    bench.stream();
    bench.receive(rtpBytes(7, 7, 12));
    bench.receive(rtpBytes(7, 8, 12).subarray(0, 11));
    expect(bench.metrics.counters.mediaDatagramsReceived).toBe(1);
    expect(bench.metrics.drops.mediaForeign).toBe(1);
  });
});

describe('a viewer that asked for fast mode', () => {
  const granted = (bench: InitiatorBench, flags: number) =>
    bench.receive(
      encodeFrame({
        type: FrameType.START_ACK,
        flags,
        streamId: bench.endpoint.streamId,
        sessionTag: 5n,
        attempt: 1,
        resetToken: new Uint8Array(16),
        ssrc: 7,
      }),
    );

  it('keeps 64 datagrams that overtake START_ACK, and is given those of its session as soon as it names the SSRC', () => {
    const bench = viewer(true);
    bench.start();
    bench.receive(rtpBytes(8, 1));
    for (let sequence = 7; sequence <= 80; sequence++) bench.receive(rtpBytes(7, sequence));
    expect(sequences(bench)).toEqual([]);
    granted(bench, FrameFlag.FAST);
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
    expect(sequences(bench)).toEqual(Array.from({ length: 63 }, (_, index) => 7 + index));
    expect(bench.metrics.counters.mediaDatagramsReceived).toBe(63);
    expect([bench.metrics.drops.mediaEarly, bench.metrics.drops.mediaForeign]).toEqual([11, 1]);
  });

  it('drops what came before a START_ACK that does not grant it: the camera cannot have sent it', () => {
    const bench = viewer(true);
    bench.start();
    bench.receive(rtpBytes(7, 7));
    granted(bench, FrameFlag.ACK_REQUIRED);
    bench.frame('READY');
    expect([sequences(bench), bench.metrics.drops.mediaEarly]).toEqual([[], 1]);
  });

  it('tells each token once, in Streaming', () => {
    const bench = viewer(true);
    bench.start();
    granted(bench, FrameFlag.FAST);
    const token = (byte: number): void => {
      const { streamId, sessionTag } = bench.ids;
      const frame = { type: FrameType.TOKEN, flags: 0, streamId, sessionTag, attempt: 0 } as const;
      bench.receive(encodeFrame({ ...frame, token: new Uint8Array(35).fill(byte) }));
    };
    token(1);
    expect([bench.count('token'), bench.metrics.drops.noRow]).toEqual([0, 1]);
    bench.frame('READY');
    for (const byte of [1, 1, 2]) token(byte);
    expect(bench.count('token')).toBe(2);
    expect(bench.metrics.counters.tokensReceived).toBe(2);
  });

  it('shows its token with the first StreamId only: a camera that was restarted does not know it', () => {
    const bench = new InitiatorBench({ fast: true, token: Uint8Array.of(1, 2, 3) });
    const tokens = () => bench.sentFrames('START').map((start) => ('token' in start ? start.token : undefined));
    bench.start();
    bench.startAck(5n);
    bench.reset(0xaa);
    expect(tokens()).toEqual([Uint8Array.of(1, 2, 3), undefined]);
  });

  it('shows no token that it was given without fast mode', () => {
    const bench = new InitiatorBench({ token: Uint8Array.of(1, 2, 3) });
    bench.start();
    expect(bench.sentFrames('START').map((start) => 'token' in start)).toEqual([false]);
  });

  it('is given media before the confirm arrived, which is no evidence that it did (S3)', () => {
    const bench = viewer(true);
    bench.start();
    granted(bench, FrameFlag.FAST);
    bench.receive(rtpBytes(7, 1));
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
    expect(bench.count('firstMedia')).toBe(1);
  });

  it('asks for nothing that is missing any more once it has closed, though nothing was confirmed yet', () => {
    const bench = viewer(true);
    bench.start();
    granted(bench, FrameFlag.FAST);
    bench.receive(rtpBytes(7, 7));
    expect(kinds(bench.receive(rtpBytes(7, 10)))).toEqual(['RTCP']);
    expect(kinds(bench.run(100))).toContain('RTCP');
    bench.step({ kind: 'close', code: 0 });
    expect(bench.endpoint.state).toBe('Closing');
    expect(kinds(bench.run(1000))).toEqual(['BYE', 'BYE']);
    expect(sequences(bench)).toEqual([7]);
  });

  it('takes media for evidence where it was not granted', () => {
    const bench = viewer(true);
    bench.start();
    granted(bench, FrameFlag.ACK_REQUIRED);
    bench.receive(rtpBytes(7, 1));
    expect(bench.endpoint.state).toBe('Streaming');
  });

  it('forgets early media of an attempt that a restart of the camera ended', () => {
    const bench = viewer(true);
    bench.start();
    bench.receive(rtpBytes(7, 1));
    granted(bench, FrameFlag.ACK_REQUIRED);
    bench.reset(0);
    granted(bench, FrameFlag.ACK_REQUIRED);
    bench.frame('READY');
    expect(sequences(bench)).toEqual([]);
  });

  it('says so in every START', () => {
    const bench = viewer(true);
    bench.start();
    bench.run(30);
    const flags = new Set(bench.sentFrames('START').map((start) => start.flags));
    expect(flags).toEqual(new Set([FrameFlag.ACK_REQUIRED | FrameFlag.FAST]));
  });
});
