import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EPOCHS_AHEAD_MAX, KEY_MS_MAX, OLD_KEY_MS, REKEY_MS } from '../../src/protocol/constants.ts';
import { ReceiveKeys, SendKeys } from '../../src/security/key-schedule.ts';
import { Secret } from '../../src/security/secret.ts';
import { SrtpReceiver, SrtpSender } from '../../src/security/srtp.ts';
import { deriveSrtpKey, SrtpKeys } from '../../src/security/srtp-keys.ts';
import { openRtcp, openRtp, rtcpIndex, sealRtcp, sealRtp } from '../../src/security/srtp-packet.ts';
import { toHex as hex, fromHex as unhex } from '../codec/bytes.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

const secret = new Secret(Uint8Array.from({ length: 32 }, (_, at) => at + 1));

function rtp(sequence: number, payload: string | Uint8Array = 'a picture'): Uint8Array {
  const body = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  const packet = new Uint8Array(12 + body.length);
  packet.set([0x80, 96, (sequence >> 8) & 0xff, sequence & 0xff, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe]);
  packet.set(body, 12);
  return packet;
}

function protect(sender: SrtpSender, packet: Uint8Array, nowMs = 0): Uint8Array {
  const datagram = sender.protect(packet, nowMs);
  if (datagram === undefined) throw new Error('not protected');
  return datagram;
}

describe('the vectors of RFC 7714 and RFC 3711', () => {
  const keys = new SrtpKeys({
    key: unhex('000102030405060708090a0b0c0d0e0f'),
    salt: unhex('517569642070726f2071756f'),
  });

  it('SRTP: RFC 7714, sections 16.1.1 and 16.1.2', () => {
    const packet = unhex(
      '8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573',
    );
    const datagram = new Uint8Array(packet.length + 17);
    expect(sealRtp(keys, packet, 0, 7, datagram)).toBe(true);
    expect(hex(datagram)).toBe(
      '8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce07',
    );
    expect(hex(openRtp(keys, datagram, 0) ?? new Uint8Array())).toBe(hex(packet));
  });

  it('SRTCP: RFC 7714, sections 17.1 and 17.2', () => {
    const packet = unhex(
      '81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef',
    );
    const datagram = sealRtcp(keys, packet, 0x5d4, 7);
    expect(hex(datagram)).toBe(
      '81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d407',
    );
    expect(rtcpIndex(datagram)).toBe(0x5d4);
    expect(hex(openRtcp(keys, datagram, 0x5d4) ?? new Uint8Array())).toBe(hex(packet));
  });

  it('derives session keys as RFC 3711, section B.3', () => {
    const key = unhex('e1f97a0d3e018be0d64fa32c06de4139');
    const salt = unhex('0ec675ad498afeebb6960b3aabe6');
    expect(hex(deriveSrtpKey(key, salt, 0, 16))).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(hex(deriveSrtpKey(key, salt, 2, 14))).toBe('30cbbc08863d8c85d49db34a9ae1');
  });
});

describe('a direction of media', () => {
  it('arrives as it was, in any order, also where the sequence number begins anew', () => {
    const sender = new SrtpSender(secret, 65_534, 0);
    const receiver = new SrtpReceiver(secret, 65_534, 0);
    const packets = [65_534, 65_535, 0, 1, 2].map((sequence) => rtp(sequence, `packet ${sequence}`));
    const datagrams = packets.map((packet) => protect(sender, packet));
    for (const at of [3, 0, 4, 2, 1]) {
      expect(receiver.open(datagrams[at] ?? new Uint8Array(), 0)).toEqual(packets[at]);
    }
  });

  it('is right about the index when the first packets are lost before the sequence number began anew', () => {
    const sender = new SrtpSender(secret, 65_535, 0);
    protect(sender, rtp(65_535));
    const second = protect(sender, rtp(0));
    expect(new SrtpReceiver(secret, 65_535, 0).open(second, 0)).toEqual(rtp(0));
  });

  it('leaves headers with CSRCs and extension readable, and refuses those that are longer than the packet', () => {
    const sender = new SrtpSender(secret, 5, 0);
    const packet = new Uint8Array(12 + 4 + 8 + 3);
    packet.set(rtp(5, ''));
    packet[0] = 0x91;
    packet.set([0xbe, 0xde, 0, 1, 1, 2, 3, 4, 7, 8, 9], 16);
    const datagram = protect(sender, packet);
    expect(hex(datagram.subarray(0, 24))).toBe(hex(packet.subarray(0, 24)));
    expect(hex(datagram.subarray(24, 27))).not.toBe('070809');
    expect(new SrtpReceiver(secret, 5, 0).open(datagram, 0)).toEqual(packet);
    packet[19] = 2;
    expect(sender.protect(packet, 0)).toBeUndefined();
    expect(sender.protect(packet.subarray(0, 11), 0)).toBeUndefined();
  });

  it('S11: a packet is delivered once, and one too old to tell is refused', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const receiver = new SrtpReceiver(secret, 0, 0);
    const first = protect(sender, rtp(0));
    const second = protect(sender, rtp(1));
    expect(receiver.open(second, 0)).toEqual(rtp(1));
    expect(receiver.open(second, 0)).toBe('replay');
    for (let sequence = 2; sequence <= 4095; sequence++) receiver.open(protect(sender, rtp(sequence)), 0);
    expect(receiver.open(first, 0)).toEqual(rtp(0));
    const late = protect(sender, rtp(4096));
    receiver.open(protect(sender, rtp(8192)), 0);
    expect(receiver.open(late, 0)).toBe('replay');
  });

  it('S11: what is sent again is the same datagram', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const first = protect(sender, rtp(0));
    protect(sender, rtp(1));
    expect(protect(sender, rtp(0))).toEqual(first);
  });

  it('S7: a datagram with any byte changed is refused, and changes nothing', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat({ max: 30 }), (at, change, size) => {
        const sender = new SrtpSender(secret, 0, 0);
        const receiver = new SrtpReceiver(secret, 0, 0);
        const datagram = protect(sender, rtp(0, new Uint8Array(size)));
        const forged = datagram.slice();
        const offset = at % forged.length;
        forged[offset] = (forged[offset] ?? 0) ^ change;
        expect(receiver.open(forged, 0)).toBeTypeOf('string');
        expect(receiver.open(datagram, 0)).toEqual(rtp(0, new Uint8Array(size)));
      }),
      { seed: seedFromEnv('security/srtp') | 0, numRuns: runsFromEnv(300) },
    );
  });

  it('refuses what is too short without reading past its end', () => {
    const receiver = new SrtpReceiver(secret, 0, 0);
    for (let length = 0; length < 29; length++) {
      expect(receiver.open(new Uint8Array(length).fill(0x80), 0)).toBe('short');
      expect(receiver.openRtcp(new Uint8Array(length).fill(0x80), 0)).toBe('short');
    }
  });

  it('RTCP arrives once, and one that is not encrypted never', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const receiver = new SrtpReceiver(secret, 0, 0);
    const nack = unhex('81cd0003cafebabedeadbeef00050001');
    const datagram = sender.protectRtcp(nack, 0);
    expect(datagram.length).toBe(nack.length + 21);
    expect(receiver.openRtcp(datagram, 0)).toEqual(nack);
    expect(receiver.openRtcp(datagram, 0)).toBe('replay');
    expect(receiver.openRtcp(sender.protectRtcp(nack, 0), 0)).toEqual(nack);
    const clear = sender.protectRtcp(nack, 0);
    clear[clear.length - 5] = (clear[clear.length - 5] ?? 0) & 0x7f;
    expect(receiver.openRtcp(clear, 0)).toBe('forged');
  });

  it('the two directions, and RTP and RTCP, do not open what is of the other', () => {
    const other = new Secret(new Uint8Array(32).fill(9));
    const datagram = protect(new SrtpSender(secret, 0, 0), rtp(0));
    expect(new SrtpReceiver(other, 0, 0).open(datagram, 0)).toBe('forged');
    const keys = SrtpKeys.of(secret);
    expect(new Set([keys.rtpKey, keys.rtcpKey].map(hex)).size).toBe(2);
    expect(new Set([keys.rtpSalt, keys.rtcpSalt].map(hex)).size).toBe(2);
  });
});

describe('a change of keys', () => {
  it('comes after 120 s, and the receiver follows', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const receiver = new SrtpReceiver(secret, 0, 0);
    const before = protect(sender, rtp(0), REKEY_MS - 1);
    const after = protect(sender, rtp(1), REKEY_MS);
    expect([before.at(-1), after.at(-1)]).toEqual([0, 1]);
    expect(receiver.open(before, REKEY_MS)).toEqual(rtp(0));
    expect(receiver.open(after, REKEY_MS)).toEqual(rtp(1));
  });

  it('leaves the old key 3 s for what is on its way', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const old = [0, 1].map((sequence) => protect(sender, rtp(sequence), 0));
    const changed = protect(sender, rtp(2), REKEY_MS);
    const receiver = new SrtpReceiver(secret, 0, 0);
    expect(receiver.open(changed, REKEY_MS)).toEqual(rtp(2));
    expect(receiver.open(old[0] ?? changed, REKEY_MS + OLD_KEY_MS - 1)).toEqual(rtp(0));
    expect(receiver.open(old[1] ?? changed, REKEY_MS + OLD_KEY_MS)).toBe('epoch');
  });

  it('is found when every packet of up to two epochs was lost, and no further ahead', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const at = (epoch: number) => protect(sender, rtp(epoch), epoch * REKEY_MS);
    const datagrams = Array.from({ length: EPOCHS_AHEAD_MAX + 2 }, (_, epoch) => at(epoch));
    const last = datagrams[EPOCHS_AHEAD_MAX] ?? new Uint8Array();
    expect(new SrtpReceiver(secret, 0, 0).open(datagrams[EPOCHS_AHEAD_MAX + 1] ?? last, 0)).toBe('epoch');
    const receiver = new SrtpReceiver(secret, 0, 0);
    expect(receiver.open(last, 0)).toEqual(rtp(EPOCHS_AHEAD_MAX));
    expect(receiver.open(datagrams[EPOCHS_AHEAD_MAX - 1] ?? last, 0)).toBe('epoch');
  });

  it('a forged identifier moves nothing: the present key goes on', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const receiver = new SrtpReceiver(secret, 0, 0);
    const datagram = protect(sender, rtp(0));
    for (const mki of [1, 2, 3, 4, 200, 255]) {
      const forged = datagram.slice();
      forged[forged.length - 1] = mki;
      expect(['forged', 'epoch']).toContain(receiver.open(forged, 0));
    }
    expect(receiver.open(datagram, 0)).toEqual(rtp(0));
  });

  it('KEY_LIMIT: a key in use for 180 s is refused, since its sender must have changed it', () => {
    const sender = new SrtpSender(secret, 0, 0);
    const receiver = new SrtpReceiver(secret, 0, 0);
    const [first, second] = [0, 1].map((sequence) => protect(sender, rtp(sequence)));
    expect(receiver.open(first ?? new Uint8Array(), KEY_MS_MAX - 1)).toEqual(rtp(0));
    expect(receiver.open(second ?? new Uint8Array(), KEY_MS_MAX)).toBe('keyLimit');
  });

  it('goes round the one byte that names an epoch', () => {
    const sending = new SendKeys(secret, 0);
    const receiving = new ReceiveKeys(secret, 0);
    for (let epoch = 0; epoch < 600; epoch++) {
      const nowMs = epoch * REKEY_MS;
      const sent = sending.take(nowMs);
      const named = receiving.candidate(sent.epoch & 0xff, 0xff, nowMs);
      expect(named).toEqual(sent);
      expect(hex(named?.secret.bytes ?? new Uint8Array())).toBe(hex(sent.secret.bytes));
      expect(receiving.note(epoch, nowMs)).toBe(true);
    }
  });
});

it('shows no key when it is printed as JSON', () => {
  const shown = JSON.stringify([
    new SrtpSender(secret, 0, 0),
    new SrtpReceiver(secret, 0, 0),
    SrtpKeys.of(secret),
    secret,
  ]);
  expect(shown).toBe('[{},{},{},{}]');
});
