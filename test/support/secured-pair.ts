import { decodeStartAckPayload, encodeStartAckPayload, encodeStartPayload } from '../../src/codec/handshake-payload.ts';
import {
  cameraCredentials,
  type InitiatorCredentials,
  pskCredentials,
  type ResponderCredentials,
  viewerCredentials,
} from '../../src/security/credentials.ts';
import {
  type Acknowledged,
  type Confirmation,
  InitiatorHandshake,
  ResponderHandshake,
} from '../../src/security/secured-handshake.ts';
import { KeyPair } from '../../src/security/x25519.ts';

/** 32 bytes that count up from `first`. */
export const counting = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (first + at) & 0xff);

/** The fixed keys of tests and vectors. */
export const fixedKeys = {
  psk: counting(0x70),
  viewer: counting(0x10),
  camera: counting(0x40),
  viewerEphemeral: counting(0x90),
  cameraEphemeral: counting(0xc0),
} as const;

/** A mode's credentials, and who may look. */
export interface CredentialsPair {
  readonly viewer: InitiatorCredentials;
  readonly camera: ResponderCredentials;
}

/** Both ends' credentials in mode `psk`. */
export function pskPair(psk = fixedKeys.psk): CredentialsPair {
  return { viewer: pskCredentials(psk), camera: pskCredentials(psk) };
}

/** Both ends' credentials in mode `keys`, with a list of all viewers that may look. */
export function keysPair(allowed: readonly Uint8Array[] = [KeyPair.of(fixedKeys.viewer).publicKey]): CredentialsPair {
  const camera = KeyPair.of(fixedKeys.camera);
  const known = new Set(allowed.map((key) => key.join()));
  return {
    viewer: viewerCredentials(KeyPair.of(fixedKeys.viewer), camera.publicKey),
    camera: cameraCredentials(camera, { allows: (key) => known.has(key.join()) }),
  };
}

/** A handshake up to START_CONFIRM, without frames around its messages. */
export interface HalfHandshake {
  readonly initiator: InitiatorHandshake;
  readonly responder: ResponderHandshake;
  readonly startAck: Uint8Array;
  readonly acknowledged: Acknowledged;
  readonly confirmation: Confirmation;
}

/** Runs a handshake with the fixed ephemeral keys. */
export function handshake({ viewer, camera }: CredentialsPair, streamId = 0x0102030405060708n): HalfHandshake {
  const identity = { streamId, versions: [1] };
  const initiator = InitiatorHandshake.start(
    viewer,
    identity,
    encodeStartPayload({ streamName: 'door' }),
    fixedKeys.viewerEphemeral,
  );
  const responder = ResponderHandshake.read(camera, identity, initiator.message);
  if (responder === undefined) throw new Error('START does not decrypt');
  const payload = encodeStartAckPayload({
    sessionTag: 0xa1a2a3a4a5a6a7a8n,
    resetToken: new Uint8Array(16).fill(0xee),
    ssrc: 0xdeadbeef,
  });
  const startAck = responder.acknowledge(payload, fixedKeys.cameraEphemeral);
  const acknowledged = startAck && initiator.acknowledge(startAck);
  const confirmation = acknowledged?.confirm();
  if (startAck === undefined || acknowledged === undefined || confirmation === undefined) {
    throw new Error('START_ACK does not decrypt');
  }
  if (decodeStartAckPayload(acknowledged.payload) === undefined) throw new Error('START_ACK has another payload');
  return { initiator, responder, startAck, acknowledged, confirmation };
}
