import type { Frame } from '../../src/protocol/frame.ts';

/** Bytes of hexadecimal digits; blanks are free. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replace(/\s/g, '');
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hexadecimal: ${hex}`);
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Lower-case hexadecimal digits without blanks. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** CRC-32 one bit at a time, straight from its polynomial: the reference for the fast one. */
export function bitwiseCrc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}

/** Appends the CRC-32 of all bytes. */
export function withCrc(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + 4);
  whole.set(bytes);
  new DataView(whole.buffer).setUint32(bytes.length, bitwiseCrc32(bytes));
  return whole;
}

/** A frame as JSON can hold it: 64-bit numbers as `0x` and 16 digits, bytes as hexadecimal digits. */
export function toJson(frame: Frame): unknown {
  return JSON.parse(
    JSON.stringify(frame, (_, value: unknown) => {
      if (typeof value === 'bigint') return `0x${value.toString(16).padStart(16, '0')}`;
      return value instanceof Uint8Array ? toHex(value) : value;
    }),
  );
}
