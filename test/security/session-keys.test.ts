import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { expandLabel, extractKey } from '../../src/security/hkdf.ts';
import { hasMac1, mac1Key, writeMac1 } from '../../src/security/mac1.ts';
import { NoiseHandshake, noisePatterns } from '../../src/security/noise-handshake.ts';
import { nextSecret, SessionKeys } from '../../src/security/session-keys.ts';
import { hmacSha256, sha256Into } from '../../src/security/sha256.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { fromHex, toHex } from '../codec/bytes.ts';

const NOTHING = new Uint8Array(0);
const filled = (byte: number) => new Uint8Array(32).fill(byte);

/** Both ends of one M1 handshake. */
function bothEnds(psk = filled(7)): readonly [SessionKeys, SessionKeys] {
  const options = { pattern: noisePatterns.NNpsk0, prologue: NOTHING, psk };
  const initiator = NoiseHandshake.start({ ...options, initiator: true });
  const responder = NoiseHandshake.start({ ...options, initiator: false });
  const first = initiator.write(NOTHING, KeyPair.of(filled(1)));
  const second = responder.read(first?.message ?? NOTHING)?.next.write(NOTHING, KeyPair.of(filled(2)));
  const last = first?.next.read(second?.message ?? NOTHING);
  if (second === undefined || last === undefined) throw new Error('the handshake failed');
  return [SessionKeys.of(last.next), SessionKeys.of(second.next)];
}

const secrets = (keys: SessionKeys) => [
  keys.fromInitiator.control.bytes,
  keys.fromInitiator.media.bytes,
  keys.fromResponder.control.bytes,
  keys.fromResponder.media.bytes,
  keys.exportKey('recording').bytes,
];

describe('HKDF', () => {
  it('gives HMAC-SHA-256 as RFC 4231, test case 1, has it', () => {
    const mac = hmacSha256(
      new Uint8Array(20).fill(0x0b),
      new TextEncoder().encode('Hi '),
      new TextEncoder().encode('There'),
    );
    expect(toHex(mac)).toBe('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
  });

  it('gives the same for texts and keys of any length as node:crypto does', () => {
    for (const keyBytes of [0, 1, 32, 63, 64, 65, 200]) {
      for (const bytes of [0, 1, 31, 32, 55, 56, 64, 255, 256, 257, 1200]) {
        const [key, text] = [new Uint8Array(keyBytes).fill(5), new Uint8Array(bytes).fill(6)];
        const expected = new Uint8Array(createHmac('sha256', key).update(text).digest());
        expect(hmacSha256(key, text.subarray(0, 7), text.subarray(7)), `${keyBytes}, ${bytes}`).toEqual(expected);
      }
    }
  });

  it('hashes texts of any length as node:crypto does, also into one of them', () => {
    for (const bytes of [0, 1, 31, 32, 287, 288, 289, 1200]) {
      const [hash, text] = [filled(3), new Uint8Array(bytes).fill(6)];
      const expected = createHash('sha256').update(hash).update(text).digest('hex');
      sha256Into(hash, hash, text);
      expect(toHex(hash), `${bytes}`).toBe(expected);
    }
  });

  it('expands by label as RFC 5869 does', () => {
    // hkdfSync extracts first: with an empty salt the pseudorandom key is an HMAC under zeros.
    const secret = hmacSha256(new Uint8Array(32), fromHex('0102'));
    const expected = hkdfSync(
      'sha256',
      fromHex('0102'),
      NOTHING,
      new TextEncoder().encode('firstframe v1 some label'),
      20,
    );
    expect(expandLabel(secret, 'some label', 20)).toEqual(new Uint8Array(expected));
  });

  it('gives one block at most', () => {
    for (const bytes of [0, 33, 1.5]) expect(() => expandLabel(filled(1), 'x', bytes)).toThrow(RangeError);
  });

  it('extracts from secrets of any length as RFC 5869 does', () => {
    const salt = new TextEncoder().encode('firstframe v1');
    expect(extractKey(fromHex('aabbcc'))).toEqual(hmacSha256(salt, fromHex('aabbcc')));
  });
});

describe('SessionKeys', () => {
  it('are the same on both ends, and different for each use and direction (S4)', () => {
    const [initiator, responder] = bothEnds();
    expect(secrets(responder)).toEqual(secrets(initiator));
    expect(responder.channelBinding).toEqual(initiator.channelBinding);
    const all = [...secrets(initiator), initiator.channelBinding].map(toHex);
    expect(new Set(all).size).toBe(all.length);
    for (const secret of all) expect(secret).toHaveLength(64);
  });

  it('have nothing in common with those of another PSK', () => {
    const ours = secrets(bothEnds()[0]).map(toHex);
    for (const secret of secrets(bothEnds(filled(8))[0])) expect(ours).not.toContain(toHex(secret));
  });

  it('exist only after the last message', () => {
    const options = { pattern: noisePatterns.NNpsk0, initiator: true, prologue: NOTHING, psk: filled(7) };
    expect(() => SessionKeys.of(NoiseHandshake.start(options))).toThrow('not finished');
  });

  it('export a key for each label, of the length that is asked for', () => {
    const keys = bothEnds()[0];
    const exportKey = (label: string, bytes?: number) => keys.exportKey(label, bytes).bytes;
    expect(exportKey('a', 16)).toEqual(exportKey('a').subarray(0, 16));
    expect(exportKey('a')).not.toEqual(exportKey('b'));
  });

  it('lead to the secret of the next epoch, which is another one', () => {
    const { control } = bothEnds()[0].fromInitiator;
    const next = nextSecret(control);
    expect(next.bytes).toEqual(expandLabel(control.bytes, 'next'));
    expect(nextSecret(next).bytes).not.toEqual(next.bytes);
  });

  it('show none of it in JSON or in an inspection', () => {
    const keys = bothEnds()[0];
    const shown = JSON.stringify(keys) + inspect(keys, { depth: 9, showHidden: true });
    for (const secret of secrets(keys)) {
      for (const text of [toHex(secret), Buffer.from(secret).toString('base64'), secret.join(','), secret.join(', ')]) {
        expect(shown).not.toContain(text.slice(0, 20));
      }
    }
  });
});

describe('MAC1', () => {
  const key = mac1Key(filled(9));

  it('is 16 bytes of HMAC-SHA-256 over all before it, under a key of its own', () => {
    const datagram = new Uint8Array(256).fill(3);
    writeMac1(key, datagram);
    expect(key.bytes).toEqual(expandLabel(extractKey(filled(9)), 'mac1'));
    expect(datagram.subarray(240)).toEqual(hmacSha256(key.bytes, datagram.subarray(0, 240)).subarray(0, 16));
    expect(hasMac1(key, datagram)).toBe(true);
  });

  it('is not that of a datagram of which any bit was changed, nor of another key', () => {
    const datagram = new Uint8Array(60).fill(3);
    writeMac1(key, datagram);
    for (let bit = 0; bit < datagram.length * 8; bit++) {
      const forged = datagram.slice();
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(hasMac1(key, forged)).toBe(false);
    }
    expect(hasMac1(mac1Key(filled(8)), datagram)).toBe(false);
    expect(hasMac1(key, new Uint8Array(15))).toBe(false);
  });
});
