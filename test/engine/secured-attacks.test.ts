import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { encodeStartAckPayload, encodeStartPayload } from '../../src/codec/handshake-payload.ts';
import { InitiatorSecurity } from '../../src/engine/initiator-security.ts';
import { Random } from '../../src/engine/random.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import type { ResponderCredentials } from '../../src/security/credentials.ts';
import { mac1Trailer } from '../../src/security/mac1.ts';
import { NoiseHandshake } from '../../src/security/noise-handshake.ts';
import { InitiatorHandshake, ResponderHandshake } from '../../src/security/secured-handshake.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { Prng } from '../../src/sim/prng.ts';
import { sessionFrame } from '../support/frames.ts';
import { fixedKeys, keysPair, pskPair } from '../support/secured-pair.ts';
import { SecuredWorld, streamingWorld } from '../support/secured-world.ts';

const identity = { streamId: 9n, versions: [1] };
const stranger = { address: '10.8.8.8', port: 1 };

/** A START around a Noise message. */
function startOf(camera: ResponderCredentials, handshake: Uint8Array): Uint8Array {
  const start = { type: FrameType.START, flags: 1, sessionTag: 0n, attempt: 1, ...identity, handshake } as const;
  return encodeFrame(start, mac1Trailer(camera.mac1));
}

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
    secured.world.inject(stranger, startOf(keysPair().camera, new Uint8Array(80).fill(5)));
    expect(secured.cameraDrops()['notAuthentic']).toBe(1);
    expect([secured.world.camera.sessionCount, secured.world.camera.pendingCount]).toEqual([0, 0]);
    expect(secured.sent).toEqual([]);
  });

  it('answers no START in the camera’s name (S3)', () => {
    const secured = new SecuredWorld(keysPair());
    const viewer = secured.join();
    secured.world.run(5);
    const header = { flags: 1, streamId: viewer.endpoint.streamId, sessionTag: 5n, attempt: 1 };
    const forged = encodeFrame({ ...header, type: FrameType.START_ACK, handshake: new Uint8Array(84) }, trailer);
    secured.world.injectToViewer(viewer, forged);
    expect(viewer.endpoint.counters.snapshot().drops.notAuthentic).toBe(1);
    secured.world.run(50);
    expect(viewer.endpoint.state).toBe('Streaming');
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

describe('a camera, of who has the keys and breaks the rules', () => {
  it('drops a START whose payload is none and keeps nothing of it (S5)', () => {
    const { viewer, camera } = pskPair();
    const secured = new SecuredWorld({ viewer, camera });
    const { message } = InitiatorHandshake.start(viewer, identity, Uint8Array.of(1), fixedKeys.viewerEphemeral);
    secured.world.inject(stranger, startOf(camera, message));
    expect(secured.cameraDrops()['handshakePayload']).toBe(1);
    expect([secured.world.camera.sessionCount, secured.sent]).toEqual([0, []]);
  });

  it('does not answer a START whose key has a secret with nobody, and forgets it after a while', () => {
    const { viewer, camera } = pskPair();
    const secured = new SecuredWorld({ viewer, camera });
    // As written in docs/PROTOCOL.md, section 7.3: name, version, mode, StreamId, VERSIONS.
    const prologue = Uint8Array.of(...new TextEncoder().encode('firstframe'), 1, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1);
    const { pattern, psk } = viewer;
    const noise = NoiseHandshake.start({ pattern, initiator: true, prologue, psk: psk.bytes });
    const ephemeral = KeyPair.of(fixedKeys.viewerEphemeral);
    ephemeral.publicKey.fill(0);
    const { message } = noise.write(encodeStartPayload({}), ephemeral) ?? {};
    secured.world.inject(stranger, startOf(camera, message ?? new Uint8Array(0)));
    secured.world.run(5000);
    expect([secured.told('reserve').length, secured.world.camera.pendingCount, secured.sent]).toEqual([1, 1, []]);
    secured.world.run(6000);
    expect(secured.told('closed').map(({ code }) => code)).toEqual([ErrorCode.CONFIRM_TIMEOUT]);
    expect(secured.sent).toEqual([]);
  });
});

describe('a viewer’s handshake', () => {
  const { viewer, camera } = pskPair();
  const payload = { sessionTag: 5n, resetToken: new Uint8Array(16), ssrc: 7 };

  /** What a viewer whose START was answered with this in the Noise message makes of it. */
  function answered(inside: Uint8Array, sessionTag = 5n) {
    const security = new InitiatorSecurity(viewer, new Random(new Prng(1)));
    const responder = ResponderHandshake.read(camera, identity, security.start(identity.streamId, {}));
    const handshake = responder?.acknowledge(inside, fixedKeys.cameraEphemeral) ?? new Uint8Array(0);
    const { streamId } = identity;
    const ack = { type: FrameType.START_ACK, flags: 1, streamId, sessionTag, attempt: 1, handshake } as const;
    return { security, ack, read: security.read(ack) };
  }

  it('takes a START_ACK whose inner SessionTag is that of its header, and no other', () => {
    expect(answered(encodeStartAckPayload(payload)).read).toMatchObject({ ...payload, attempt: 1 });
    expect(answered(encodeStartAckPayload(payload), 6n).read).toBe('handshakePayload');
    expect(answered(Uint8Array.of(1)).read).toBe('handshakePayload');
  });

  it('knows no START_ACK before START', () => {
    const { ack } = answered(encodeStartAckPayload(payload));
    expect(new InitiatorSecurity(viewer, new Random(new Prng(1))).read(ack)).toBe('notAuthentic');
  });

  it('makes no START_CONFIRM without a START_ACK that it took for this StreamId (S3)', () => {
    const broken = /^S3 is broken: .*\(a START_CONFIRM without a START_ACK\)$/;
    const { security } = answered(encodeStartAckPayload(payload), 6n);
    expect(() => security.confirm()).toThrow(broken);
    const { security: restarted } = answered(encodeStartAckPayload(payload));
    expect(restarted.confirm().message).toHaveLength(16);
    restarted.start(10n, {});
    expect(() => restarted.confirm()).toThrow(broken);
  });
});
