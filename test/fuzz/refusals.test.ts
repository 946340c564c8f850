import { getHeapStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { encodeStartPayload } from '../../src/codec/handshake-payload.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { type InitiatorCredentials, viewerCredentials } from '../../src/security/credentials.ts';
import { mac1Trailer } from '../../src/security/mac1.ts';
import { InitiatorHandshake } from '../../src/security/secured-handshake.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { REJECT_BYTES_MAX, steadyBytes } from '../../src/sim/fuzz/fuzz-run.ts';
import { Prng } from '../../src/sim/prng.ts';
import { type CredentialsPair, counting, fixedKeys, keysPair, pskPair } from '../support/secured-pair.ts';

const identity = { streamId: 9n, versions: [1] };
/** IPv4 and IPv6: a stranger's prefix is part of what it takes to refuse it. */
const strangers = ['10.8.8.8', '2001:db8::1'].map((address) => ({ address, port: 1 }));
const cookie = new Uint8Array(20).fill(7);
/** After so long the prefix has a token again. */
const TOKEN_MS = 50;

/** As bench/fuzz.ts reads it. */
function heapBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/** The Noise message of a START made with these credentials. */
function noiseMessage(credentials: InitiatorCredentials): Uint8Array {
  const payload = encodeStartPayload({ streamName: 'door' });
  return InitiatorHandshake.start(credentials, identity, payload, fixedKeys.viewerEphemeral).message;
}

/** The message with other bytes from `at` on. */
function garbled(message: Uint8Array, at: number): Uint8Array {
  const bytes = message.slice();
  for (let i = at; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (0x55 + i);
  return bytes;
}

/** A START around that message, with a MAC1 that this camera takes for right, and a cookie, which is one more thing to refuse. */
function startOf({ camera }: CredentialsPair, handshake: Uint8Array): Uint8Array {
  const header = { flags: 1, streamId: identity.streamId, sessionTag: 0n, attempt: 1 };
  return encodeFrame(
    { ...header, type: FrameType.START, versions: identity.versions, cookie, handshake },
    mac1Trailer(camera.mac1),
  );
}

const [psk, keys] = [pskPair(), keysPair()];
const pskMessage = noiseMessage(psk.viewer);
const keysMessage = noiseMessage(keys.viewer);
const strangersCamera = KeyPair.of(counting(0x21)).publicKey;
const lowOrder = garbled(keysMessage, 32);
lowOrder.fill(0, 0, 32);

const refusals: readonly (readonly [string, CredentialsPair, Uint8Array])[] = [
  ['psk, another PSK', psk, noiseMessage(pskPair(counting(0x33)).viewer)],
  ['psk, another text', psk, garbled(pskMessage, 32)],
  ['psk, garbage from the ephemeral key on', psk, garbled(pskMessage, 0)],
  ['psk, shorter than a key', psk, pskMessage.subarray(0, 31)],
  ['keys, another camera’s key', keys, noiseMessage(viewerCredentials(KeyPair.of(fixedKeys.viewer), strangersCamera))],
  ['keys, another text', keys, garbled(keysMessage, 32)],
  ['keys, garbage from the ephemeral key on', keys, garbled(keysMessage, 0)],
  ['keys, an ephemeral key that has a secret with nobody', keys, lowOrder],
  ['keys, shorter than a key', keys, keysMessage.subarray(0, 31)],
];

describe('a START whose MAC1 is right and whose Noise message is false', () => {
  it.each(refusals)('is refused with at most 4 KiB of memory: %s', (_name, pair, message) => {
    const camera = new ResponderEndpoint({ profile: profiles.default, entropy: new Prng(1), security: pair.camera });
    const bytes = startOf(pair, message);
    let nowMs = 0;
    let given = 0;
    for (const from of strangers) {
      const allocated = steadyBytes(() => {
        nowMs += TOKEN_MS;
        given++;
        camera.step({ kind: 'datagram', bytes, from }, nowMs);
      }, heapBytes);
      expect(allocated, from.address).toBeLessThanOrEqual(REJECT_BYTES_MAX);
    }
    // Each was refused for what its Noise message is, none by the bucket of its prefix.
    expect(camera.counters.snapshot().drops.notAuthentic).toBe(given);
  });
});
