import { createDecipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from './bytes.ts';
import { mac1KeyOf, sealed } from './vectors/secured-layout.ts';
import { securedSessions } from './vectors/secured-sessions.ts';

/** Largest sizes of docs/PROTOCOL.md, section 7.3, for a stream name of four letters. */
const sizes = {
  'M1 psk': [256, 256, 128, 72, 57, 72, 66, 72, 48],
  'M2 keys': [256, 256, 128, 108, 57, 72, 66, 72, 48],
} as const;

test('the JSON file is what secured-sessions.ts makes of the fixed keys', async () => {
  const text = `${JSON.stringify(securedSessions, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('./vectors/secured-sessions.json');
});

/** The TLVs of a sealed datagram, by node:crypto alone. */
function opened(bytes: Uint8Array, secret: Uint8Array): string {
  const decipher = createDecipheriv('aes-256-gcm', secret, Buffer.concat([new Uint8Array(4), bytes.subarray(24, 32)]));
  decipher.setAAD(bytes.subarray(0, 32));
  decipher.setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(32, -16), undefined, 'hex') + decipher.final('hex');
}

describe.each(securedSessions)('$name', ({ name, keys, secrets, datagrams }) => {
  test('datagrams have the sizes of the protocol', () => {
    expect(datagrams.map(({ hex }) => hex.length / 2)).toEqual(sizes[name as keyof typeof sizes]);
  });

  test('a repeated START differs in attempt and MAC1 alone (S13)', () => {
    const [first, second] = datagrams.map(({ hex }) => fromHex(hex));
    if (first === undefined || second === undefined) throw new Error('no START');
    const differing = [...first.keys()].filter((at) => first[at] !== second[at]);
    expect(differing[0]).toBe(20);
    expect(Math.min(...differing.slice(1))).toBeGreaterThanOrEqual(240);
  });

  test('MAC1 has the key that its material gives', () => {
    expect(toHex(mac1KeyOf(keys['psk'] ?? keys['cameraPublic'] ?? ''))).toBe(secrets['mac1Key']);
  });

  test('sealed frames open with the secret of their direction, and seal to the same bytes', () => {
    for (const { hex, from } of datagrams.slice(4)) {
      const bytes = fromHex(hex);
      const secret = fromHex(secrets[from === 'viewer' ? 'viewerControl' : 'cameraControl'] ?? '');
      const text = opened(bytes, secret);
      expect(sealed(hex.slice(0, 48), hex.slice(48, 64), text, secret)).toBe(hex);
    }
  });

  test('nothing that is said inside can be read outside', () => {
    const all = datagrams.map(({ hex }) => hex).join('');
    expect(all).not.toContain(toHex(new TextEncoder().encode('door')));
    expect(all).not.toContain('ee'.repeat(16));
    expect(all).not.toContain('deadbeef');
  });
});
