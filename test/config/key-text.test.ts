import { describe, expect, test } from 'vitest';
import {
  keyText,
  parsePrivateKey,
  parsePsk,
  parsePublicKey,
  parseViewers,
  VIEWERS_MAX,
} from '../../src/config/key-text.ts';

const key = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);
const base64 = Buffer.from(key).toString('base64');

describe('keys as text', () => {
  test.each([
    ['base64', base64],
    ['base64 without padding', keyText(key)],
    ['the other alphabet', Buffer.from(key).toString('base64url')],
    ['hexadecimal digits', Buffer.from(key).toString('hex')],
    ['capital digits', Buffer.from(key).toString('hex').toUpperCase()],
    ['with comments and blank lines', `# mine\n\n  ${base64}  \n# end\n`],
  ])('a private key is read from %s', (_, text) => {
    expect(parsePrivateKey(text)).toEqual({ ok: true, value: key });
  });

  test.each([
    ['nothing', ''],
    ['a comment', '# key'],
    ['two keys', `${base64}\n${base64}`],
    ['31 bytes', Buffer.from(key.subarray(1)).toString('base64')],
    ['a word', 'open sesame'],
    ['PEM', '-----BEGIN PRIVATE KEY-----'],
  ])('%s is no private key, and the refusal does not repeat it', (_, text) => {
    const refused = parsePrivateKey(text);
    expect(refused).toEqual({
      ok: false,
      problem: 'is no private key',
      tryInstead: 'make one: firstframe keygen FILE',
    });
  });

  test('a PSK has 32 to 1,024 bytes', () => {
    for (const [bytes, ok] of [
      [31, false],
      [32, true],
      [1024, true],
      [1025, false],
    ] as const) {
      expect(parsePsk(Buffer.alloc(bytes, 7).toString('base64')).ok, `${bytes} bytes`).toBe(ok);
    }
  });

  test('a public key is written as 43 characters and read again', () => {
    expect(keyText(key)).toHaveLength(43);
    expect(parsePublicKey(keyText(key))).toEqual({ ok: true, value: key });
    expect(parsePublicKey('x')).toMatchObject({ ok: false, problem: 'is no public key' });
  });

  test('a list has a key a line, with words behind it', () => {
    const other = key.map((byte) => byte ^ 1);
    const text = `# viewers\n${keyText(key)} the hall\n\n  ${keyText(other)}\tthe yard\r\n`;
    expect(parseViewers(text)).toEqual({ ok: true, value: [key, other] });
    expect(parseViewers('')).toEqual({ ok: true, value: [] });
  });

  test('a list with a wrong line is refused whole, and the line is named', () => {
    expect(parseViewers(`${keyText(key)}\nhello`)).toMatchObject({ ok: false, problem: 'has no public key in line 2' });
    const many = `${keyText(key)}\n`.repeat(VIEWERS_MAX + 1);
    expect(parseViewers(many)).toMatchObject({ ok: false, problem: `has more than ${VIEWERS_MAX} viewers` });
  });
});
