import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { mac1Trailer } from '../../src/security/mac1.ts';
import { sessionFrame } from '../support/frames.ts';
import { keysPair } from '../support/secured-pair.ts';
import { SecuredWorld, streamingWorld } from '../support/secured-world.ts';

describe('an attacker who knows the camera’s public key, and so the key of MAC1', () => {
  const trailer = mac1Trailer(keysPair().viewer.mac1);

  it('confirms nothing in another’s name, whatever ids it has read (S1)', () => {
    const secured = new SecuredWorld(keysPair());
    const viewer = secured.join();
    secured.world.run(29);
    const ids = viewer.endpoint;
    const header = { flags: 0, streamId: ids.streamId, sessionTag: ids.sessionTag, attempt: 0 };
    const forged = encodeFrame({ ...header, type: FrameType.START_CONFIRM, handshake: new Uint8Array(64) }, trailer);
    secured.world.inject(viewer.peer, forged);
    expect(secured.cameraDrops()['notAuthentic']).toBe(1);
    secured.world.run(50);
    expect(viewer.endpoint.state).toBe('Streaming');
    secured.world.inject(viewer.peer, forged);
    expect(secured.cameraDrops()['notAuthentic'], 'a duplicate is the same bytes').toBe(2);
  });

  it('does not end a session by an ERROR with both ids, nor move it by a START_ACK (S7, S8)', () => {
    const { secured, viewer } = streamingWorld(keysPair());
    const { streamId, sessionTag } = viewer.endpoint;
    const header = { streamId, sessionTag, attempt: 1 };
    const error = encodeFrame({ ...header, flags: 0, type: FrameType.ERROR, errorCode: ErrorCode.POLICY }, trailer);
    const ack = { ...header, flags: 1, sessionTag: sessionTag ^ 1n, type: FrameType.START_ACK } as const;
    for (const forged of [error, encodeFrame({ ...ack, handshake: new Uint8Array(84) }, trailer)]) {
      secured.world.injectToViewer(viewer, forged);
    }
    secured.world.run(100);
    expect([viewer.endpoint.state, viewer.endpoint.sessionTag]).toEqual(['Streaming', sessionTag]);
  });

  it('gets no state at the camera for a START that it cannot have made (S5)', () => {
    const secured = new SecuredWorld(keysPair());
    const header = { flags: 1, streamId: 9n, sessionTag: 0n, attempt: 1 };
    const start = { ...header, type: FrameType.START, versions: [1], handshake: new Uint8Array(80).fill(5) } as const;
    secured.world.inject({ address: '10.8.8.8', port: 1 }, encodeFrame(start, trailer));
    expect(secured.cameraDrops()['notAuthentic']).toBe(1);
    expect([secured.world.camera.sessionCount, secured.world.camera.pendingCount]).toEqual([0, 0]);
    expect(secured.sent).toEqual([]);
  });

  it('cannot reset a session: the token came encrypted (S8)', () => {
    const { secured, viewer } = streamingWorld(keysPair());
    const { streamId, sessionTag } = viewer.endpoint;
    secured.world.injectToViewer(viewer, sessionFrame('RESET', { streamId, sessionTag }));
    expect(viewer.endpoint.state).toBe('Streaming');
    secured.world.restart('camera');
    secured.world.run(20_000);
    expect(viewer.endpoint.state).toBe('Closed');
  });
});
