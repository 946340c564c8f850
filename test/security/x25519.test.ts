import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { KeyPair } from '../../src/security/x25519.ts';
import { fromHex, toHex } from '../codec/bytes.ts';

/** RFC 7748, section 6.1. */
const rfc = {
  alice: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
  alicePublic: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  bob: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
  bobPublic: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
  shared: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
};

describe('KeyPair', () => {
  it('has the public keys and the shared secret of RFC 7748', () => {
    const alice = KeyPair.of(fromHex(rfc.alice));
    const bob = KeyPair.of(fromHex(rfc.bob));
    expect(toHex(alice.publicKey)).toBe(rfc.alicePublic);
    expect(toHex(bob.publicKey)).toBe(rfc.bobPublic);
    expect(toHex(alice.agree(bob.publicKey) ?? new Uint8Array(0))).toBe(rfc.shared);
    expect(bob.agree(alice.publicKey)).toEqual(alice.agree(bob.publicKey));
  });

  it('agrees on nothing with the public keys that give everybody the same secret', () => {
    const alice = KeyPair.of(fromHex(rfc.alice));
    expect(alice.agree(new Uint8Array(32))).toBeUndefined();
    expect(alice.agree(Uint8Array.of(1, ...new Uint8Array(31)))).toBeUndefined();
  });

  it('takes 32 bytes and no others', () => {
    for (const bytes of [0, 31, 33]) expect(() => KeyPair.of(new Uint8Array(bytes))).toThrow(RangeError);
  });

  it('shows its private key neither in JSON nor in an inspection', () => {
    const alice = KeyPair.of(fromHex(rfc.alice));
    const shown = JSON.stringify(alice) + inspect(alice, { depth: 9, showHidden: true });
    expect(shown).not.toContain(rfc.alice);
    expect(shown).not.toContain(fromHex(rfc.alice).join(','));
    expect(shown).not.toContain(Buffer.from(rfc.alice, 'hex').toString('base64url'));
  });
});
