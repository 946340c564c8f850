/**
 * Whole secured handshakes and a few sealed frames after them, with all keys, for second implementations. What src makes of
 * the fixed keys is frozen as JSON; trailers and sealing are checked by secured-layout.ts beside.
 */
import { encodeFrame, encodeParts } from '../../../src/codec/encode.ts';
import { type FrameBody, FrameType } from '../../../src/protocol/frame.ts';
import { mac1Trailer } from '../../../src/security/mac1.ts';
import { ControlSealer } from '../../../src/security/sealed-control.ts';
import { firstInitiatorCounter } from '../../../src/security/secured-handshake.ts';
import type { DirectionSecrets } from '../../../src/security/session-keys.ts';
import { KeyPair } from '../../../src/security/x25519.ts';
import { type CredentialsPair, fixedKeys, handshake, keysPair, pskPair } from '../../support/secured-pair.ts';
import { toHex } from '../bytes.ts';

const streamId = 0x0102030405060708n;
const sessionTag = 0xa1a2a3a4a5a6a7a8n;
const live = { flags: 0, streamId, sessionTag, attempt: 0 };

/** One session. */
export interface SecuredSession {
  readonly name: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly datagrams: readonly { readonly name: string; readonly from: 'viewer' | 'camera'; readonly hex: string }[];
}

function session(name: string, pair: CredentialsPair, keys: SecuredSession['keys']): SecuredSession {
  const half = handshake(pair, streamId);
  const mac1 = mac1Trailer(pair.viewer.mac1);
  const { keys: derived, message, trailer } = half.confirmation;
  const viewer = new ControlSealer(derived.fromInitiator.control, firstInitiatorCounter(pair.viewer), 0);
  const camera = new ControlSealer(derived.fromResponder.control, 0, 0);
  const sealed = (sealer: ControlSealer, body: FrameBody): string =>
    toHex(
      encodeParts(live, body, {
        flags: 4,
        counterBytes: 8,
        bytes: 16,
        complete: (datagram) => sealer.seal(datagram, 0),
      }),
    );
  const start = (attempt: number) =>
    encodeFrame(
      {
        type: FrameType.START,
        flags: 1,
        streamId,
        sessionTag: 0n,
        attempt,
        versions: [1],
        handshake: half.initiator.message,
      },
      mac1,
    );
  const startAck = encodeFrame(
    { type: FrameType.START_ACK, flags: 1, streamId, sessionTag, attempt: 1, handshake: half.startAck },
    mac1,
  );
  const confirm = encodeFrame({ ...live, type: FrameType.START_CONFIRM, handshake: message }, trailer);
  const shown = (direction: DirectionSecrets) =>
    [toHex(direction.control.bytes), toHex(direction.media.bytes)] as const;
  const [viewerControl, viewerMedia] = shown(derived.fromInitiator);
  const [cameraControl, cameraMedia] = shown(derived.fromResponder);
  return {
    name,
    keys: {
      ...keys,
      viewerEphemeral: toHex(fixedKeys.viewerEphemeral),
      cameraEphemeral: toHex(fixedKeys.cameraEphemeral),
    },
    secrets: {
      mac1Key: toHex(pair.viewer.mac1.bytes),
      noisePsk: toHex(pair.viewer.psk.bytes),
      viewerControl,
      viewerMedia,
      cameraControl,
      cameraMedia,
      channelBinding: toHex(derived.channelBinding),
      exportedRecording: toHex(derived.exportKey('recording').bytes),
    },
    datagrams: [
      { name: 'START, for the stream "door"', from: 'viewer', hex: toHex(start(1)) },
      { name: 'START, second attempt', from: 'viewer', hex: toHex(start(2)) },
      { name: 'START_ACK', from: 'camera', hex: toHex(startAck) },
      { name: 'START_CONFIRM', from: 'viewer', hex: toHex(confirm) },
      { name: 'READY', from: 'camera', hex: sealed(camera, { type: FrameType.READY, sdp: 'v=0\r\n' }) },
      { name: 'PING', from: 'camera', hex: sealed(camera, { type: FrameType.PING, nonce: 0x1122334455667788n }) },
      {
        name: 'PONG',
        from: 'viewer',
        hex: sealed(viewer, { type: FrameType.PONG, nonce: 0x1122334455667788n, datagramBytesMax: 1200 }),
      },
      { name: 'BYE', from: 'viewer', hex: sealed(viewer, { type: FrameType.BYE, errorCode: 0 }) },
      { name: 'BYE_ACK', from: 'camera', hex: sealed(camera, { type: FrameType.BYE_ACK }) },
    ],
  };
}

/** Mode `psk`, then mode `keys`. */
export const securedSessions: readonly [SecuredSession, SecuredSession] = [
  session('M1 psk', pskPair(), { psk: toHex(fixedKeys.psk) }),
  session('M2 keys', keysPair(), {
    viewerPrivate: toHex(fixedKeys.viewer),
    viewerPublic: toHex(KeyPair.of(fixedKeys.viewer).publicKey),
    cameraPrivate: toHex(fixedKeys.camera),
    cameraPublic: toHex(KeyPair.of(fixedKeys.camera).publicKey),
  }),
];
