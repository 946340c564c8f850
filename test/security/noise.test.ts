import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { counterNonce, openAesGcm, sealAesGcm } from '../../src/security/aes-gcm.ts';
import { NoiseHandshake, type NoisePattern, noisePatterns } from '../../src/security/noise-handshake.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { fromHex, toHex } from '../codec/bytes.ts';

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks: readonly [string];
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_psks: readonly [string];
  readonly resp_static?: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const file = new URL('vectors/noise.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] };
const keyPair = (hex: string | undefined) => (hex === undefined ? {} : { staticKey: KeyPair.of(fromHex(hex)) });
const NOTHING = new Uint8Array(0);

function patternOf(vector: Vector): NoisePattern {
  const found = Object.values(noisePatterns).find(({ name }) => vector.protocol_name.includes(`_${name}_`));
  if (found === undefined) throw new Error(`no pattern for ${vector.protocol_name}`);
  return found;
}

function sha256(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function sides(vector: Vector): [NoiseHandshake, NoiseHandshake] {
  const pattern = patternOf(vector);
  const initiator = NoiseHandshake.start({
    pattern,
    initiator: true,
    prologue: fromHex(vector.init_prologue),
    psk: fromHex(vector.init_psks[0]),
    ...keyPair(vector.init_static),
    ...(vector.init_remote_static === undefined ? {} : { remoteStatic: fromHex(vector.init_remote_static) }),
  });
  const responder = NoiseHandshake.start({
    pattern,
    initiator: false,
    prologue: fromHex(vector.resp_prologue),
    psk: fromHex(vector.resp_psks[0]),
    ...keyPair(vector.resp_static),
  });
  return [initiator, responder];
}

/** Both sides after all messages of the handshake, and the payloads and ciphertexts that were seen. */
function play(vector: Vector): { sides: readonly [NoiseHandshake, NoiseHandshake]; seen: unknown[] } {
  const both = sides(vector);
  const ephemerals = [vector.init_ephemeral, vector.resp_ephemeral];
  const seen: unknown[] = [];
  for (const [index, { payload }] of vector.messages.entries()) {
    if (both[0].finished) break;
    const [from, to] = index % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const written = both[from].write(fromHex(payload), KeyPair.of(fromHex(ephemerals[from] ?? '')));
    if (written === undefined) throw new Error('the other key has no secret');
    const read = both[to].read(written.message);
    if (read === undefined) throw new Error('does not decrypt');
    seen.push({ payload: toHex(read.payload), ciphertext: toHex(written.message) });
    both[from] = written.next;
    both[to] = read.next;
  }
  return { sides: both, seen };
}

it('there are vectors for both protocols that are used', () => {
  expect(vectors.map((vector) => vector.protocol_name)).toEqual([
    'Noise_NNpsk0_25519_AESGCM_SHA256',
    'Noise_XKpsk3_25519_AESGCM_SHA256',
  ]);
});

describe.each(vectors)('$protocol_name', (vector) => {
  it('gives the handshake messages of the official vector, byte for byte', () => {
    const { seen } = play(vector);
    expect(seen).toEqual(vector.messages.slice(0, seen.length));
    expect(seen).toHaveLength(patternOf(vector).messages.length);
  });

  it('gives the transport messages of the official vector', () => {
    const {
      sides: [initiator, responder],
      seen,
    } = play(vector);
    expect(responder.handshakeHash).toEqual(initiator.handshakeHash);
    expect(responder.split()).toEqual(initiator.split());
    const counters = [0, 0];
    for (const [index, message] of vector.messages.entries()) {
      if (index < seen.length) continue;
      const side = index % 2;
      const key = initiator.split()[side] ?? NOTHING;
      const nonce = counterNonce(counters[side] ?? 0);
      counters[side] = (counters[side] ?? 0) + 1;
      const text = fromHex(message.payload);
      expect(toHex(sealAesGcm(key, nonce, NOTHING, text))).toBe(message.ciphertext);
      expect(openAesGcm(key, nonce, NOTHING, fromHex(message.ciphertext))).toEqual(text);
    }
  });

  it('keeps nothing of a message’s memory, which is the next datagram’s', () => {
    const both = sides(vector);
    const ephemerals = [vector.init_ephemeral, vector.resp_ephemeral];
    for (const [index, { payload, ciphertext }] of vector.messages.entries()) {
      if (both[0].finished) break;
      const [from, to] = index % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      const written = both[from].write(fromHex(payload), KeyPair.of(fromHex(ephemerals[from] ?? '')));
      const message = fromHex(ciphertext);
      const read = both[to].read(message);
      message.fill(0xff);
      if (written === undefined || read === undefined) throw new Error('does not decrypt');
      both[from] = written.next;
      both[to] = read.next;
    }
    const known = (side: NoiseHandshake) => [side.handshakeHash, side.split(), side.remoteStatic];
    expect(both.map(known)).toEqual(play(vector).sides.map(known));
  });

  it('takes no message of which a bit was changed or a byte is missing, and goes on as if it had not come', () => {
    const both = sides(vector);
    const ephemerals = [vector.init_ephemeral, vector.resp_ephemeral];
    for (const [index, { payload, ciphertext }] of vector.messages.entries()) {
      if (both[0].finished) break;
      const [from, to] = index % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      const message = fromHex(ciphertext);
      for (let at = 0; at < message.length; at += 7) {
        const forged = message.slice();
        forged[at] = (forged[at] ?? 0) ^ 0x10;
        expect(both[to].read(forged), `byte ${at} of message ${index}`).toBeUndefined();
      }
      for (const size of [0, 31, 32, 47, message.length - 1]) {
        expect(both[to].read(message.subarray(0, size)), `${size} bytes`).toBeUndefined();
      }
      const read = both[to].read(message);
      expect(read?.payload).toEqual(fromHex(payload));
      const written = both[from].write(fromHex(payload), KeyPair.of(fromHex(ephemerals[from] ?? '')));
      both[to] = read?.next ?? both[to];
      both[from] = written?.next ?? both[from];
    }
    expect(both[0].handshakeHash).toEqual(play(vector).sides[0].handshakeHash);
  });

  it('does not agree with who has another PSK or another prologue', () => {
    for (const change of [
      { init_prologue: '00' },
      { init_psks: ['00'.repeat(32)] as const },
    ] satisfies Partial<Vector>[]) {
      expect(() => play({ ...vector, ...change })).toThrow('does not decrypt');
    }
  });

  it('refuses to write or to read out of turn', () => {
    const [initiator, responder] = sides(vector);
    const ephemeral = KeyPair.of(fromHex(vector.init_ephemeral));
    expect(() => responder.write(NOTHING, ephemeral)).toThrow('out of turn');
    expect(() => initiator.read(new Uint8Array(48))).toThrow('out of turn');
    const finished = play(vector).sides[0];
    expect(() => finished.write(NOTHING, ephemeral)).toThrow('out of turn');
  });

  it('takes no ephemeral key that has the same secret with everybody', () => {
    const [initiator, responder] = sides(vector);
    const first = initiator.write(NOTHING, KeyPair.of(fromHex(vector.init_ephemeral)));
    const answer = responder
      .read(first?.message ?? NOTHING)
      ?.next.write(NOTHING, KeyPair.of(fromHex(vector.resp_ephemeral)));
    const forged = answer?.message.slice() ?? NOTHING;
    forged.fill(0, 0, 32);
    expect(first?.next.read(forged)).toBeUndefined();
  });
});

describe('the handshake hash, which the vectors give as it was before the last secret went in', () => {
  const [nn, xk] = vectors;
  if (nn === undefined || xk === undefined) throw new Error('no vectors');

  it('NNpsk0: is that of the vector after the first message, and ends with what came after', () => {
    const first = sides(nn)[0].write(fromHex(nn.messages[0]?.payload ?? ''), KeyPair.of(fromHex(nn.init_ephemeral)));
    expect(toHex(first?.next.handshakeHash ?? NOTHING)).toBe(nn.handshake_hash);
    const answer = fromHex(nn.messages[1]?.ciphertext ?? '');
    const withEphemeral = sha256(fromHex(nn.handshake_hash), answer.subarray(0, 32));
    expect(toHex(play(nn).sides[0].handshakeHash)).toBe(sha256(fromHex(withEphemeral), answer.subarray(32)));
  });

  it('XKpsk3: is that of the vector once the static key of the third message was mixed in', () => {
    const first = sides(xk)[0].write(fromHex(xk.messages[0]?.payload ?? ''), KeyPair.of(fromHex(xk.init_ephemeral)));
    const second = first?.next.read(fromHex(xk.messages[1]?.ciphertext ?? ''));
    const sealedStatic = fromHex(xk.messages[2]?.ciphertext ?? '').subarray(0, 48);
    expect(sha256(second?.next.handshakeHash ?? NOTHING, sealedStatic)).toBe(xk.handshake_hash);
  });
});

it('a pattern that needs the camera’s key says so', () => {
  const options = { pattern: noisePatterns.XKpsk3, prologue: NOTHING, psk: new Uint8Array(32) };
  expect(() => NoiseHandshake.start({ ...options, initiator: true })).toThrow("responder's static key");
  expect(() => NoiseHandshake.start({ ...options, initiator: false })).toThrow("responder's static key");
});

it('a counter is a nonce of 12 bytes, up to the largest', () => {
  expect(toHex(counterNonce(0))).toBe('00'.repeat(12));
  expect(toHex(counterNonce(0x0102_0304))).toBe('000000000000000001020304');
  expect(toHex(counterNonce(Number.MAX_SAFE_INTEGER))).toBe('00000000001fffffffffffff');
});
