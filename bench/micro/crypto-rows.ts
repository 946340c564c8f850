import { createCipheriv } from 'node:crypto';
import { crc32 } from '../../src/codec/crc.ts';
import { cryptoEntropy } from '../../src/io/entropy.ts';
import { openAesGcm, sealAesGcm } from '../../src/security/aes-gcm.ts';
import { halfSipHash } from '../../src/security/half-siphash.ts';
import { hasMac1, mac1Key, writeMac1 } from '../../src/security/mac1.ts';
import { resetToken } from '../../src/security/reset-token.ts';
import { ControlSealer } from '../../src/security/sealed-control.ts';
import { Secret } from '../../src/security/secret.ts';
import { hmacSha256 } from '../../src/security/sha256.ts';
import { sipHash128 } from '../../src/security/siphash.ts';
import { SrtpReceiver, SrtpSender } from '../../src/security/srtp.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { type MicroRow, row } from './row.ts';

/** An RTP packet of the largest size, and the payload in it, which SRTP encrypts. */
const PACKET_BYTES = 1200;
const MEDIA_BYTES = PACKET_BYTES - 12;
/** 150,000 packets a second where the bare cipher does 208,000. */
const PROTECT_WANTED = { quantile: 'p50', of: 'reference', bound: 208 / 150 } as const;
const BARE_CIPHER = `AES-128-GCM alone, ${MEDIA_BYTES} bytes`;
const START_BYTES = 256;
const PING_BYTES = 96;
const KEYS_PER_RECEIVER = 4096;

/** What secured sessions, tokens and checks are made of. */
export function cryptoRows(): readonly MicroRow[] {
  const drawn = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    cryptoEntropy.fill(bytes);
    return bytes;
  };
  const [key, nonce, header, media] = [drawn(16), drawn(12), drawn(12), drawn(MEDIA_BYTES)];
  const sealed = sealAesGcm(key, nonce, header, media);
  const start = drawn(START_BYTES);
  const mac1 = mac1Key(drawn(32));
  writeMac1(mac1, start);
  const [own, other] = [KeyPair.of(drawn(32)), KeyPair.of(drawn(32))];
  const seed = drawn(32);
  const packet = drawn(PACKET_BYTES);
  // RTP version 2, and the first sequence number: a random one may lie before it.
  packet.set([0x80, 96, 0, 0]);
  const sender = new SrtpSender(new Secret(drawn(32)), 0, 0);
  const sealer = new ControlSealer(new Secret(drawn(32)), 0, 0);
  const ping = drawn(PING_BYTES);
  const [id, out] = [drawn(8), new Uint8Array(16)];
  return [
    row(`CRC-32 of ${START_BYTES - 4} bytes`, () => crc32(start, START_BYTES - 4)),
    row('CRC-32 of 68 bytes', () => crc32(start, 68)),
    row('8 random bytes', () => cryptoEntropy.fill(id)),
    row('HalfSipHash of an address', () => halfSipHash(key, header.subarray(0, 4))),
    row('SipHash-2-4 of 32 bytes', () => sipHash128(key, start, 32, out)),
    row('HMAC-SHA-256 of 16 bytes', () => hmacSha256(seed, key)),
    row('reset token', () => resetToken(seed, 1n, 2n)),
    row('MAC1 of a START', () => writeMac1(mac1, start)),
    row('MAC1 verified', () => hasMac1(mac1, start)),
    row('X25519 key pair', () => KeyPair.of(seed)),
    row('X25519 agreement', () => own.agree(other.publicKey)),
    row(BARE_CIPHER, () => {
      const cipher = createCipheriv('aes-128-gcm', key, nonce);
      cipher.setAAD(header);
      const text = cipher.update(media);
      cipher.final();
      return [text, cipher.getAuthTag()];
    }),
    row(`AES-128-GCM seals ${MEDIA_BYTES} bytes`, () => sealAesGcm(key, nonce, header, media)),
    row(`AES-128-GCM opens ${MEDIA_BYTES} bytes`, () => openAesGcm(key, nonce, header, sealed)),
    row(`SRTP protects ${PACKET_BYTES} bytes`, () => sender.protect(packet, 0), {
      reference: BARE_CIPHER,
      wanted: PROTECT_WANTED,
    }),
    srtpOpens(packet),
    row('a PING is sealed', () => sealer.seal(ping, 0)),
  ];
}

/** Each packet can be opened once: they are made beforehand, with a receiver for every few thousand. */
function srtpOpens(packet: Uint8Array): MicroRow {
  const secret = new Secret(new Uint8Array(32).fill(7));
  const sender = new SrtpSender(secret, 0, 0);
  const packets = Array.from({ length: KEYS_PER_RECEIVER }, (_, sequence) => {
    const next = packet.slice();
    next[2] = sequence >> 8;
    next[3] = sequence & 0xff;
    return sender.protect(next, 0) ?? next;
  });
  return {
    name: `SRTP opens ${PACKET_BYTES} bytes`,
    reference: `AES-128-GCM opens ${MEDIA_BYTES} bytes`,
    run(times) {
      let us = 0;
      for (let done = 0; done < times; done += packets.length) {
        const receiver = new SrtpReceiver(secret, 0, 0);
        const count = Math.min(packets.length, times - done);
        const before = process.cpuUsage();
        for (let at = 0; at < count; at++) {
          if (typeof receiver.open(packets[at] as Uint8Array, 0) === 'string') throw new Error('not opened');
        }
        const { user, system } = process.cpuUsage(before);
        us += user + system;
      }
      return 1000 * us;
    },
  };
}
