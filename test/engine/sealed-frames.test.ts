import { describe, expect, it } from 'vitest';
import { encodeFrame, encodeOnce } from '../../src/codec/encode.ts';
import { headerOffset } from '../../src/codec/header.ts';
import { SealedChannel } from '../../src/engine/sealed-channel.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { type FrameBody, FrameType } from '../../src/protocol/frame.ts';
import type { FrameTrailer } from '../../src/protocol/frame-trailer.ts';
import { mac1Trailer } from '../../src/security/mac1.ts';
import type { Viewer } from '../../src/sim/viewer.ts';
import { keysPair, pskPair } from '../support/secured-pair.ts';
import { SecuredWorld, streamingWorld } from '../support/secured-world.ts';
import { endOf } from '../support/tapped-world.ts';

/** Above all counters that an endpoint of these tests comes to. */
const HIGH_COUNTER = 1000;

const viewerDrops = (viewer: Viewer) => viewer.endpoint.counters.snapshot().drops;
const camera = ({ world }: SecuredWorld) => world.camera.counters.snapshot();

/** How a frame ends that has a viewer's keys. */
function trailerOf(viewer: Viewer): FrameTrailer {
  const { keys } = viewer.endpoint;
  if (keys === undefined) throw new Error('the viewer has no keys yet');
  return new SealedChannel(keys, 'initiator', HIGH_COUNTER, { nowMs: 0 }).trailer;
}

/** A datagram with both ids of a viewer's session. */
function frameFrom({ endpoint }: Viewer, body: FrameBody, trailer: FrameTrailer): Uint8Array {
  const { streamId, sessionTag } = endpoint;
  return encodeOnce({ flags: 0, streamId, sessionTag, attempt: 0 }, body, trailer);
}

/** A copy with one bit changed. */
function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe('a sealed frame', () => {
  it('with another StreamId or SessionTag is counted as that at a viewer, and is not opened', () => {
    const { secured, viewer } = streamingWorld(pskPair());
    const bytes = secured.ofKind('PING')[0]?.bytes ?? new Uint8Array();
    secured.world.injectToViewer(viewer, changed(bytes, headerOffset.sessionTag));
    expect(viewerDrops(viewer)).toMatchObject({ wrongTag: 1, wrongStreamId: 0, notAuthentic: 0, replayed: 0 });
    secured.world.injectToViewer(viewer, changed(bytes, headerOffset.streamIdZero));
    expect(viewerDrops(viewer)).toMatchObject({ wrongTag: 1, wrongStreamId: 1, notAuthentic: 0, replayed: 0 });
  });

  it('before the confirm is counted, and is nothing to a candidate', () => {
    const secured = new SecuredWorld(pskPair());
    const viewer = secured.join();
    secured.world.run(21);
    expect([viewer.endpoint.state, secured.world.camera.pendingCount]).toEqual(['AwaitingStartConfirm', 1]);
    secured.world.inject(viewer.peer, frameFrom(viewer, { type: FrameType.PING, nonce: 1n }, trailerOf(viewer)));
    expect(camera(secured).drops.sealedEarly).toBe(1);
    expect(secured.ofKind('PONG')).toEqual([]);
    secured.world.run(20);
    expect(viewer.endpoint.state).toBe('Streaming');
  });

  it('that is authentic, but no frame, is counted as any other that is none', () => {
    const { secured, viewer } = streamingWorld(pskPair());
    const { complete, ...rest } = trailerOf(viewer);
    const trailer: FrameTrailer = {
      ...rest,
      complete: (datagram) => {
        datagram[headerOffset.type] = FrameType.BYE_ACK;
        complete(datagram);
      },
    };
    secured.world.inject(viewer.peer, frameFrom(viewer, { type: FrameType.PATH_RESPONSE, nonce: 1n }, trailer));
    expect(camera(secured).drops).toMatchObject({ tlvNotAllowed: 1, notAuthentic: 0 });
  });

  it('is not told of unless traces are wanted', () => {
    const { secured, viewer } = streamingWorld(pskPair());
    const told = [...viewer.outputs, ...secured.world.cameraOutputs].map(({ output }) => output.kind);
    expect(told.filter((kind) => kind.startsWith('trace'))).toEqual([]);
  });

  it('of a camera that does not change its secret within three minutes ends the session with KEY_LIMIT', () => {
    const secured = new SecuredWorld(pskPair(), { cameraClock: { rate: 1 / 3 } });
    const viewer = secured.join();
    secured.world.run(179_000);
    expect(viewer.endpoint.state).toBe('Streaming');
    secured.world.run(60_000);
    expect(viewerDrops(viewer).keyLimit).toBeGreaterThan(0);
    expect(secured.told('closed').map(({ code }) => code)).toEqual([ErrorCode.KEY_LIMIT]);
    expect(endOf(viewer)?.code).toBe(ErrorCode.KEY_LIMIT);
  });
});

describe('a frame with a good MAC1, whose key in mode keys everybody has,', () => {
  const trailer = mac1Trailer(keysPair().viewer.mac1);

  it('that only a viewer may send is nothing to a viewer', () => {
    const { secured, viewer } = streamingWorld(keysPair());
    const { streamId } = viewer.endpoint;
    const header = { flags: 1, streamId, sessionTag: 0n, attempt: 1 };
    const start = { ...header, type: FrameType.START, versions: [1], handshake: new Uint8Array(80) } as const;
    secured.world.injectToViewer(viewer, encodeFrame(start, trailer));
    expect(viewerDrops(viewer)).toMatchObject({ unexpectedType: 1, wrongTag: 0 });
  });

  it('and a made-up handshake takes no viewer to another session, whenever it comes (S8)', () => {
    const secured = new SecuredWorld(keysPair());
    const viewer = secured.join();
    const forge = (): void => {
      const { streamId, sessionTag } = viewer.endpoint;
      const ack = { flags: 1, streamId, sessionTag: sessionTag ^ 9n, attempt: 1, type: FrameType.START_ACK } as const;
      secured.world.injectToViewer(viewer, encodeFrame({ ...ack, handshake: new Uint8Array(84) }, trailer));
    };
    const seen = () => {
      const { state, streamId, sessionTag } = viewer.endpoint;
      return { state, streamId, sessionTag };
    };
    let refused = 0;
    for (const [state, forMs] of [
      ['AwaitingStartAck', 5],
      ['AwaitingStartConfirm', 20],
    ] as const) {
      secured.world.run(forMs);
      const before = seen();
      forge();
      expect(seen()).toEqual({ ...before, state });
      expect(viewerDrops(viewer)).toMatchObject({ notAuthentic: ++refused, noRow: 0 });
    }
    secured.world.run(30);
    const [streaming, { noRow }] = [seen(), viewerDrops(viewer)];
    forge();
    expect(seen()).toEqual({ ...streaming, state: 'Streaming' });
    // There it is not even read, which would cost an agreement of keys.
    expect(viewerDrops(viewer)).toMatchObject({ notAuthentic: refused, noRow: noRow + 1 });
  });
});

describe('the path of a secured session', () => {
  it('is not doubted for a frame that was overtaken by a newer one (S14)', () => {
    const { secured, viewer } = streamingWorld(pskPair());
    viewer.toCamera.partitioned = true;
    for (const method of ['first', 'second']) {
      const input = { kind: 'notify', method, body: new Uint8Array() } as const;
      secured.world.toViewer(viewer, { kind: 'exchange', input });
    }
    const [older, newer] = secured.ofKind('NOTIFY').map(({ bytes }) => bytes);
    if (older === undefined || newer === undefined) throw new Error('no NOTIFY');
    const elsewhere = { ...viewer.peer, port: 7 };
    secured.world.inject(viewer.peer, newer);
    secured.world.inject(elsewhere, older);
    expect(secured.told('notified').map(({ method }) => method)).toEqual(['second', 'first']);
    expect(camera(secured).counters).toMatchObject({ pathsTried: 0, pathsRefused: 0 });
  });

  it('is nobody’s concern any more once the viewer has left, from wherever it says so', () => {
    const { secured, viewer } = streamingWorld(pskPair());
    secured.world.rebind(viewer);
    secured.world.toViewer(viewer, { kind: 'close', code: ErrorCode.NO_ERROR });
    secured.world.run(100);
    expect(secured.told('peerBye')).toHaveLength(1);
    expect(camera(secured).counters.pathsTried).toBe(0);
    expect(secured.ofKind('PATH_CHALLENGE')).toEqual([]);
  });
});
