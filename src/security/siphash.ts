import { word } from './half-siphash.ts';

/** v0 to v3, each its low word and then its high one. */
const state = new Int32Array(8);

/**
 * SipHash-2-4 with a 128-bit result (Aumasson and Bernstein, https://github.com/veorq/SipHash): a MAC cheap enough for
 * strangers. 32-bit words only, so no bigint.
 *
 * @param key 16 bytes.
 * @param length how many bytes of `data` count.
 * @param out 16 bytes for the result; may be part of `data`.
 */
export function sipHash128(key: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): void {
  const k0Low = word(key, 0);
  const k0High = word(key, 4);
  const k1Low = word(key, 8);
  const k1High = word(key, 12);
  state[0] = 0x70736575 ^ k0Low;
  state[1] = 0x736f6d65 ^ k0High;
  state[2] = 0x6e646f6d ^ k1Low ^ 0xee;
  state[3] = 0x646f7261 ^ k1High;
  state[4] = 0x6e657261 ^ k0Low;
  state[5] = 0x6c796765 ^ k0High;
  state[6] = 0x79746573 ^ k1Low;
  state[7] = 0x74656462 ^ k1High;

  const whole = length & ~7;
  for (let at = 0; at < whole; at += 8) absorb(word(data, at), word(data, at + 4));
  let tailLow = 0;
  let tailHigh = length << 24;
  for (let i = 0; i < length - whole; i++) {
    const byte = (data[whole + i] ?? 0) << (8 * (i & 3));
    if (i < 4) tailLow |= byte;
    else tailHigh |= byte;
  }
  absorb(tailLow, tailHigh);

  flip(4, 0xee);
  rounds(4);
  result(out, 0);
  flip(2, 0xdd);
  rounds(4);
  result(out, 8);
}

function absorb(low: number, high: number): void {
  flip(6, low);
  flip(7, high);
  rounds(2);
  flip(0, low);
  flip(1, high);
}

function flip(at: number, bits: number): void {
  state[at] = (state[at] ?? 0) ^ bits;
}

function result(out: Uint8Array, at: number): void {
  for (let half = 0; half < 2; half++) {
    let bits = 0;
    for (let i = half; i < 8; i += 2) bits ^= state[i] ?? 0;
    for (let i = 0; i < 4; i++) out[at + 4 * half + i] = bits >>> (8 * i);
  }
}

function rounds(count: number): void {
  let [aLow = 0, aHigh = 0, bLow = 0, bHigh = 0] = [state[0], state[1], state[2], state[3]];
  let [cLow = 0, cHigh = 0, dLow = 0, dHigh = 0] = [state[4], state[5], state[6], state[7]];
  for (let round = 0; round < count; round++) {
    let low = (aLow >>> 0) + (bLow >>> 0);
    let high = (aHigh + bHigh + carry(low)) | 0;
    let turned = (bLow << 13) | (bHigh >>> 19);
    bHigh = ((bHigh << 13) | (bLow >>> 19)) ^ high;
    bLow = turned ^ low;
    aLow = high;
    aHigh = low | 0;

    low = (cLow >>> 0) + (dLow >>> 0);
    cHigh = (cHigh + dHigh + carry(low)) | 0;
    cLow = low | 0;
    turned = (dLow << 16) | (dHigh >>> 16);
    dHigh = ((dHigh << 16) | (dLow >>> 16)) ^ cHigh;
    dLow = turned ^ cLow;

    low = (aLow >>> 0) + (dLow >>> 0);
    aHigh = (aHigh + dHigh + carry(low)) | 0;
    aLow = low | 0;
    turned = (dLow << 21) | (dHigh >>> 11);
    dHigh = ((dHigh << 21) | (dLow >>> 11)) ^ aHigh;
    dLow = turned ^ aLow;

    low = (cLow >>> 0) + (bLow >>> 0);
    high = (cHigh + bHigh + carry(low)) | 0;
    turned = (bLow << 17) | (bHigh >>> 15);
    bHigh = ((bHigh << 17) | (bLow >>> 15)) ^ high;
    bLow = turned ^ low;
    cLow = high;
    cHigh = low | 0;
  }
  state[0] = aLow;
  state[1] = aHigh;
  state[2] = bLow;
  state[3] = bHigh;
  state[4] = cLow;
  state[5] = cHigh;
  state[6] = dLow;
  state[7] = dHigh;
}

function carry(sum: number): number {
  return sum > 0xffff_ffff ? 1 : 0;
}
