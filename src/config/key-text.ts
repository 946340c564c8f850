/**
 * Keys as people write them into files: one line of base64 (either alphabet) or hexadecimal digits; lines that begin with `#`
 * are for people. What is wrong with a key is told without the key.
 */
import { PSK_BYTES_MAX, PSK_BYTES_MIN } from '../security/credentials.ts';
import { X25519_BYTES } from '../security/x25519.ts';
import { accepted, type Parsed, refused } from './parsed.ts';

/** Viewers that a list may have. */
export const VIEWERS_MAX = 10_000;

/** Bytes as base64, without padding: 43 characters for a public key. */
export function keyText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** A PSK of 32 to 1,024 bytes. */
export function parsePsk(text: string): Parsed<Uint8Array> {
  const bytes = onlyKey(text);
  if (bytes === undefined || bytes.length < PSK_BYTES_MIN || bytes.length > PSK_BYTES_MAX) {
    return refused(`is no PSK of ${PSK_BYTES_MIN} to ${PSK_BYTES_MAX} bytes`, 'make one: firstframe keygen --psk FILE');
  }
  return accepted(bytes);
}

/** A private key of 32 bytes. */
export function parsePrivateKey(text: string): Parsed<Uint8Array> {
  const bytes = onlyKey(text);
  if (bytes?.length !== X25519_BYTES) return refused('is no private key', 'make one: firstframe keygen FILE');
  return accepted(bytes);
}

/** A public key of 32 bytes. */
export function parsePublicKey(text: string): Parsed<Uint8Array> {
  const bytes = bytesOf(text.trim());
  if (bytes?.length !== X25519_BYTES) {
    return refused('is no public key', 'use what firstframe keygen printed, 43 characters');
  }
  return accepted(bytes);
}

/** A list of public keys, one a line; what follows a key is for people. */
export function parseViewers(text: string): Parsed<readonly Uint8Array[]> {
  const keys: Uint8Array[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const [key = ''] = line.trim().split(/\s+/);
    if (key === '' || key.startsWith('#')) continue;
    const parsed = parsePublicKey(key);
    if (!parsed.ok) return refused(`has no public key in line ${index + 1}`, parsed.tryInstead);
    if (keys.push(parsed.value) > VIEWERS_MAX) return refused(`has more than ${VIEWERS_MAX} viewers`, 'use a PSK');
  }
  return accepted(keys);
}

/** The key in a file that has just one. */
function onlyKey(text: string): Uint8Array | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const [key = '', ...others] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return others.length === 0 ? bytesOf(key) : undefined;
}

function bytesOf(text: string): Uint8Array | undefined {
  if (/^([0-9a-f]{2}){32,}$/i.test(text)) return new Uint8Array(Buffer.from(text, 'hex'));
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, 'base64'));
}
