import { describe, expect, it } from 'vitest';
import { encodeParts } from '../../src/codec/encode.ts';
import { KEY_MS_MAX, KEY_PACKETS_MAX, OLD_KEY_MS, REKEY_MS, REKEY_PACKETS } from '../../src/protocol/constants.ts';
import { type FrameBody, FrameFlag, FrameType } from '../../src/protocol/frame.ts';
import { ReceiveKeys, SendKeys } from '../../src/security/key-schedule.ts';
import { ControlOpener, ControlSealer } from '../../src/security/sealed-control.ts';
import { Secret } from '../../src/security/secret.ts';
import { nextSecret } from '../../src/security/session-keys.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { sealed as sealReference } from '../codec/vectors/secured-layout.ts';
import { counting } from '../support/secured-pair.ts';

const secret = new Secret(counting(0x20));
const live = { flags: 0, streamId: 1n, sessionTag: 2n, attempt: 0 };
const ping = (nonce: bigint): FrameBody => ({ type: FrameType.PING, nonce });

function sealing(sealer: ControlSealer, body: FrameBody, nowMs = 0): Uint8Array {
  return encodeParts(live, body, {
    flags: FrameFlag.SECURED,
    counterBytes: 8,
    bytes: 16,
    complete: (datagram) => sealer.seal(datagram, nowMs),
  });
}

const phaseOf = (datagram: Uint8Array) => (datagram[3] ?? 0) & FrameFlag.KEY_PHASE;
const counterOf = (datagram: Uint8Array) => Number(`0x${toHex(datagram.subarray(24, 32))}`);

describe('sealed control frames', () => {
  it('are what node:crypto makes of them by itself', () => {
    const sealer = new ControlSealer(secret, 5, 0);
    const datagram = sealing(sealer, { type: FrameType.BYE_ACK });
    expect(datagram).toHaveLength(48);
    const header = toHex(datagram.subarray(0, 24));
    expect(toHex(datagram)).toBe(sealReference(header, '0000000000000005', '', secret.bytes));
  });

  it('show nothing of their TLVs', () => {
    const datagram = sealing(new ControlSealer(secret, 0, 0), { type: FrameType.READY, sdp: 'v=0 a secret camera' });
    expect(Buffer.from(datagram).toString('latin1')).not.toContain('secret');
  });

  it('open once each, in any order within the window of 64, and never again (S11)', () => {
    const sealer = new ControlSealer(secret, 0, 0);
    const opener = new ControlOpener(secret, 0, 0);
    const datagrams = Array.from({ length: 70 }, (_, index) => sealing(sealer, ping(BigInt(index))));
    const [first, , third] = datagrams;
    const last = datagrams.at(-1);
    if (first === undefined || third === undefined || last === undefined) throw new Error('nothing sealed');
    expect(opener.open(third, 0)).toBeInstanceOf(Uint8Array);
    expect(opener.open(first, 0)).toBeInstanceOf(Uint8Array);
    expect(opener.open(third, 0)).toBe('replayed');
    expect(opener.open(last, 0)).toBeInstanceOf(Uint8Array);
    // Counter 1 never came, but is too old to tell.
    expect(opener.open(datagrams[1] ?? last, 0)).toBe('replayed');
  });

  it('a changed bit anywhere is found out and changes nothing', () => {
    const opener = new ControlOpener(secret, 0, 0);
    const datagram = sealing(new ControlSealer(secret, 0, 0), ping(7n));
    for (let bit = 0; bit < datagram.length * 8; bit++) {
      const forged = datagram.slice();
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(opener.open(forged, 0), `bit ${bit}`).toBe('notAuthentic');
    }
    expect(opener.open(datagram, 0)).toBeInstanceOf(Uint8Array);
  });

  it('a counter that START_CONFIRM used is not taken', () => {
    expect(new ControlOpener(secret, 1, 0).open(sealing(new ControlSealer(secret, 0, 0), ping(1n)), 0)).toBe(
      'replayed',
    );
  });

  it('a counter that no sender reaches is not taken', () => {
    const header = `0c010a04${'01'.repeat(8)}${'02'.repeat(8)}00000008`;
    const datagram = fromHex(sealReference(header, '0020000000000000', '', secret.bytes));
    expect(new ControlOpener(secret, 0, 0).open(datagram, 0)).toBe('notAuthentic');
  });

  it('the secret changes after 120 s, with KEY_PHASE, and the counter goes on (S11)', () => {
    const sealer = new ControlSealer(secret, 0, 0);
    const opener = new ControlOpener(secret, 0, 0);
    const before = sealing(sealer, ping(1n), REKEY_MS - 1);
    const after = sealing(sealer, ping(2n), REKEY_MS);
    expect([phaseOf(before), phaseOf(after)]).toEqual([0, FrameFlag.KEY_PHASE]);
    expect([counterOf(before), counterOf(after)]).toEqual([0, 1]);
    expect(opener.open(after, REKEY_MS)).toBeInstanceOf(Uint8Array);
    expect(opener.open(before, REKEY_MS + OLD_KEY_MS - 1), 'overtaken').toBeInstanceOf(Uint8Array);
    expect(phaseOf(sealing(sealer, ping(3n), 2 * REKEY_MS))).toBe(0);
  });

  it('the secret before is forgotten after 3 s', () => {
    const sealer = new ControlSealer(secret, 0, 0);
    const opener = new ControlOpener(secret, 0, 0);
    const before = sealing(sealer, ping(1n), 0);
    expect(opener.open(sealing(sealer, ping(2n), REKEY_MS), REKEY_MS)).toBeInstanceOf(Uint8Array);
    expect(opener.open(before, REKEY_MS + OLD_KEY_MS)).toBe('notAuthentic');
  });

  it('a forged KEY_PHASE does not move the receiver on', () => {
    const sealer = new ControlSealer(secret, 0, 0);
    const opener = new ControlOpener(secret, 0, 0);
    const forged = sealing(sealer, ping(1n));
    forged[3] = (forged[3] ?? 0) ^ FrameFlag.KEY_PHASE;
    expect(opener.open(forged, 0)).toBe('notAuthentic');
    expect(opener.open(sealing(sealer, ping(2n)), 0)).toBeInstanceOf(Uint8Array);
  });

  it('a sender that does not change its secret for 180 s is refused with KEY_LIMIT', () => {
    const opener = new ControlOpener(secret, 0, 0);
    const stubborn = (counter: number) => sealing(new ControlSealer(secret, counter, 0), ping(1n));
    expect(opener.open(stubborn(0), KEY_MS_MAX - 1)).toBeInstanceOf(Uint8Array);
    expect(opener.open(stubborn(1), KEY_MS_MAX)).toBe('keyLimit');
  });

  it('follows a sender over many epochs', () => {
    const sealer = new ControlSealer(secret, 0, 0);
    const opener = new ControlOpener(secret, 0, 0);
    for (let epoch = 0; epoch < 20; epoch++) {
      for (const nowMs of [epoch * REKEY_MS, epoch * REKEY_MS + 60_000]) {
        expect(opener.open(sealing(sealer, ping(1n), nowMs), nowMs), `epoch ${epoch}`).toBeInstanceOf(Uint8Array);
      }
    }
  });
});

describe('the schedule of secrets', () => {
  it('a sender takes the next secret after 2^22 packets', () => {
    const keys = new SendKeys(secret, 0);
    for (let packet = 0; packet < REKEY_PACKETS; packet++) if (keys.take(0).epoch !== 0) throw new Error(`${packet}`);
    const next = keys.take(0);
    expect(next.epoch).toBe(1);
    expect(next.secret.bytes).toEqual(nextSecret(secret).bytes);
  });

  it('a receiver takes 2^23 packets under one secret and no more', () => {
    const keys = new ReceiveKeys(secret, 0);
    for (let packet = 0; packet < KEY_PACKETS_MAX; packet++) if (!keys.note(0, 0)) throw new Error(`${packet}`);
    expect(keys.note(0, 0)).toBe(false);
    expect(keys.note(1, 0), 'the next secret').toBe(true);
  });

  it('an MKI tells the epochs before, now and up to three ahead apart, and no others', () => {
    const keys = new ReceiveKeys(secret, 0);
    const epoch = (mki: number, nowMs = 0) => keys.candidate(mki, 0xff, nowMs)?.epoch;
    expect([epoch(0), epoch(1), epoch(3), epoch(4), epoch(255)]).toEqual([0, 1, 3, undefined, undefined]);
    keys.note(1, 1000);
    expect([epoch(0, 1000), epoch(1), epoch(4), epoch(5)]).toEqual([0, 1, 4, undefined]);
    expect(epoch(0, 1000 + OLD_KEY_MS)).toBeUndefined();
    for (let next = 2; next <= 256; next++) keys.note(next, 1000);
    expect([epoch(255, 1000), epoch(0), epoch(1)]).toEqual([255, 256, 257]);
  });

  it('a candidate is a guess: nothing moves before it is noted', () => {
    const keys = new ReceiveKeys(secret, 0);
    for (let guess = 0; guess < 3; guess++) expect(keys.candidate(1, 1, 0)?.epoch).toBe(1);
    expect(keys.candidate(0, 1, 0)?.epoch).toBe(0);
  });
});
