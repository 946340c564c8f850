import { describe, expect, it } from 'vitest';
import { decodeSecured } from '../../src/codec/decode-secured.ts';
import { encodeParts } from '../../src/codec/encode.ts';
import { decodeStartPayload, encodeStartAckPayload } from '../../src/codec/handshake-payload.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { cameraCredentials, pskCredentials, viewerCredentials } from '../../src/security/credentials.ts';
import { hasMac1 } from '../../src/security/mac1.ts';
import { firstInitiatorCounter, ResponderHandshake } from '../../src/security/secured-handshake.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { toHex } from '../codec/bytes.ts';
import { type CredentialsPair, counting, fixedKeys, handshake, keysPair, pskPair } from '../support/secured-pair.ts';

const NOTHING = new Uint8Array(0);
const STREAM_ID = 0x0102030405060708n;
const TAG = 0xa1a2a3a4a5a6a7a8n;
const live = { flags: 0, streamId: STREAM_ID, sessionTag: TAG, attempt: 0 };

const modes: readonly (readonly [string, () => CredentialsPair])[] = [
  ['psk', pskPair],
  ['keys', keysPair],
];

/** START_CONFIRM as the viewer sends it, and its HANDSHAKE as it arrives. */
function confirmFrame(pair: CredentialsPair, half: ReturnType<typeof handshake>) {
  const { message, trailer } = half.confirmation;
  const datagram = encodeParts(live, { type: FrameType.START_CONFIRM, handshake: message }, trailer);
  const decoded = decodeSecured(datagram, (bytes) => hasMac1(pair.camera.mac1, bytes));
  if (!decoded.ok || decoded.sealed || decoded.frame.type !== FrameType.START_CONFIRM) throw new Error('no confirm');
  if (!('handshake' in decoded.frame)) throw new Error('a clear confirm');
  return { datagram, message: decoded.frame.handshake };
}

describe.each(modes)('mode %s', (mode, pair) => {
  it('three messages lead to the same keys on both sides (S4)', () => {
    const credentials = pair();
    const half = handshake(credentials);
    const { datagram, message } = confirmFrame(credentials, half);
    const confirmed = half.responder.confirm(message, datagram);
    expect(confirmed?.keys.channelBinding).toEqual(half.confirmation.keys.channelBinding);
    for (const direction of ['fromInitiator', 'fromResponder'] as const) {
      for (const plane of ['control', 'media'] as const) {
        const secret = half.confirmation.keys[direction][plane].bytes;
        expect(confirmed?.keys[direction][plane].bytes).toEqual(secret);
      }
    }
    const viewerKey = mode === 'keys' ? KeyPair.of(fixedKeys.viewer).publicKey : undefined;
    expect(confirmed?.viewerKey).toEqual(viewerKey);
    expect(decodeStartPayload(half.responder.payload)).toEqual({ streamName: 'door' });
  });

  it('frames have the sizes of the protocol', () => {
    const credentials = pair();
    const half = handshake(credentials);
    expect(half.startAck).toHaveLength(84);
    expect(confirmFrame(credentials, half).datagram).toHaveLength(mode === 'psk' ? 72 : 108);
  });

  it('a START_CONFIRM of which any byte was changed confirms nothing, and the true one still does', () => {
    const credentials = pair();
    const half = handshake(credentials);
    const { datagram, message } = confirmFrame(credentials, half);
    for (let at = 0; at < message.length; at++) {
      const forged = message.slice();
      forged[at] = (forged[at] ?? 0) ^ 1;
      expect(half.responder.confirm(forged, datagram), `byte ${at}`).toBeUndefined();
    }
    expect(half.responder.confirm(NOTHING, datagram)).toBeUndefined();
    expect(half.responder.confirm(message, datagram)).toBeDefined();
  });

  it('a START_ACK that does not decrypt changes nothing, and one of another session is judged against the state after START', () => {
    const credentials = pair();
    const half = handshake(credentials);
    const forged = half.startAck.slice();
    forged[40] = (forged[40] ?? 0) ^ 1;
    expect(half.initiator.acknowledge(forged)).toBeUndefined();
    const restarted = ResponderHandshake.read(
      credentials.camera,
      { streamId: STREAM_ID, versions: [1] },
      half.initiator.message,
    );
    const payload = encodeStartAckPayload({ sessionTag: 5n, resetToken: new Uint8Array(16), ssrc: 6 });
    const other = restarted?.acknowledge(payload, counting(3)) ?? NOTHING;
    expect(half.initiator.acknowledge(other)?.payload).toEqual(payload);
    expect(half.initiator.acknowledge(half.startAck)?.payload).toEqual(half.acknowledged.payload);
  });

  it('another StreamId, other VERSIONS or another mode on the way are found out', () => {
    const credentials = pair();
    const { initiator } = handshake(credentials);
    for (const identity of [
      { streamId: STREAM_ID + 1n, versions: [1] },
      { streamId: STREAM_ID, versions: [2] },
      { streamId: STREAM_ID, versions: [1, 2] },
    ]) {
      expect(ResponderHandshake.read(credentials.camera, identity, initiator.message)).toBeUndefined();
    }
    const otherMode = mode === 'psk' ? keysPair() : pskPair();
    const identity = { streamId: STREAM_ID, versions: [1] };
    expect(ResponderHandshake.read(otherMode.camera, identity, initiator.message)).toBeUndefined();
  });

  it('who has another PSK gets no answer', () => {
    const other = counting(1);
    const viewerKeys = KeyPair.of(fixedKeys.viewer);
    const cameraKeys = KeyPair.of(fixedKeys.camera);
    const viewer = mode === 'psk' ? pskCredentials(other) : viewerCredentials(viewerKeys, cameraKeys.publicKey, other);
    const camera =
      mode === 'psk' ? pskPair().camera : cameraCredentials(cameraKeys, { allows: () => true }, fixedKeys.psk);
    const attempt = () => {
      const half = handshake({ viewer, camera });
      const { datagram, message } = confirmFrame({ viewer, camera }, half);
      if (half.responder.confirm(message, datagram) === undefined) throw new Error('not confirmed');
    };
    // In mode keys the PSK is mixed in last: START_CONFIRM is what shows it.
    expect(attempt).toThrow(mode === 'psk' ? 'START does not decrypt' : 'not confirmed');
  });

  it('the channel binding is of one StreamId, even with the same ephemeral keys', () => {
    const bindings = [STREAM_ID, STREAM_ID + 1n].map((id) =>
      toHex(handshake(pair(), id).confirmation.keys.channelBinding),
    );
    expect(bindings[1]).not.toBe(bindings[0]);
  });
});

it('in mode psk START_CONFIRM uses counter 0, in mode keys no sealed counter', () => {
  expect(firstInitiatorCounter(pskPair().viewer)).toBe(1);
  expect(firstInitiatorCounter(keysPair().viewer)).toBe(0);
});

it('in mode keys a viewer without the camera’s key gets no answer, and one with a wrong list of its own neither', () => {
  const { camera } = keysPair();
  const viewer = viewerCredentials(KeyPair.of(fixedKeys.viewer), KeyPair.of(counting(2)).publicKey);
  expect(() => handshake({ viewer, camera })).toThrow('START does not decrypt');
});

it('a camera’s public key that has a secret with nobody is refused before anything is sent', () => {
  expect(() => viewerCredentials(KeyPair.of(fixedKeys.viewer), new Uint8Array(32))).toThrow('no public key');
});

it('credentials take keys of the right lengths and no others', () => {
  expect(() => pskCredentials(new Uint8Array(31))).toThrow('32 to 1024 bytes');
  expect(() => pskCredentials(new Uint8Array(1025))).toThrow('32 to 1024 bytes');
  expect(() => viewerCredentials(KeyPair.of(counting(1)), new Uint8Array(33))).toThrow('32 bytes');
  expect(() => cameraCredentials(KeyPair.of(counting(1)), { allows: () => true }, new Uint8Array(8))).toThrow('32 to');
});
