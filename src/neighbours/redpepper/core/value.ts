import { Decoder, Encoder, EXT_TIMESTAMP, ExtData, ExtensionCodec } from '@msgpack/msgpack';
import { checkPack, NESTING_MAX, type PackFault } from './message-pack-check.ts';

export { ExtData };

/**
 * Anything that a message can carry. Integers within 2^53 are numbers, larger ones bigints up to 64 bits. A time stamp is an
 * ExtData of type -1.
 */
export type RedPepperValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | ExtData
  | readonly RedPepperValue[]
  | { readonly [key: string]: RedPepperValue };

/** A map with text keys. */
export type RedPepperMap = { readonly [key: string]: RedPepperValue };

/** Time stamps stay what came: no type of the language holds all of them exactly. */
const extensions = new ExtensionCodec();
extensions.register({
  type: EXT_TIMESTAMP,
  encode: () => null,
  decode: (data) => new ExtData(EXT_TIMESTAMP, data.slice()),
});

const encoder = new Encoder({ extensionCodec: extensions, useBigInt64: true, maxDepth: NESTING_MAX + 2 });
const decoder = new Decoder({ extensionCodec: extensions, useBigInt64: true });

/**
 * A value in its shortest form, floats as float 64. Throws RangeError for what MessagePack cannot carry: integers beyond 64 bits,
 * `undefined` outside of a map, nesting beyond {@link NESTING_MAX}.
 */
export function packValue(value: RedPepperValue): Uint8Array {
  return encoder.encode(shortest(value, 1));
}

/** Bytes as one value, or what is wrong with them. */
export function unpackValue(
  bytes: Uint8Array,
): { readonly ok: true; readonly value: RedPepperValue } | { readonly ok: false; readonly fault: PackFault } {
  const fault = checkPack(bytes);
  if (fault !== undefined) return { ok: false, fault };
  try {
    return { ok: true, value: exact(decoder.decode(bytes) as RedPepperValue) };
  } catch {
    // What is left: the key __proto__, which the library does not take.
    return { ok: false, fault: 'reserved' };
  }
}

/** Whether it is a map. */
export function isMap(value: unknown): value is RedPepperMap {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Integers in the type for which the library has the shortest form; texts without lone surrogates, which no UTF-8 can carry. */
function shortest(value: RedPepperValue, depth: number): unknown {
  if (depth > NESTING_MAX + 1) throw new RangeError(`values are nested ${NESTING_MAX} deep at most`);
  if (typeof value === 'bigint') return ofBigint(value);
  if (typeof value === 'number') {
    const needs64 = Number.isSafeInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000);
    return needs64 ? BigInt(value) : value;
  }
  if (typeof value === 'string') return wellFormed(value);
  if (Array.isArray(value)) return value.map((element: RedPepperValue) => shortest(element, depth + 1));
  if (!isMap(value)) return checked(value);
  const entries = Object.entries(value).filter(([, element]) => element !== undefined);
  return Object.fromEntries(entries.map(([key, element]) => [wellFormed(key), shortest(element, depth + 1)]));
}

function checked(value: RedPepperValue): unknown {
  const known = value === null || typeof value === 'boolean' || value instanceof Uint8Array;
  if (known || value instanceof ExtData) return value;
  throw new RangeError(`MessagePack cannot carry a ${typeof value}`);
}

function ofBigint(value: bigint): number | bigint {
  if (value > 0xffff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n) {
    throw new RangeError('MessagePack cannot carry integers beyond 64 bits');
  }
  return value <= 0xffff_ffffn && value >= -0x8000_0000n ? Number(value) : value;
}

function wellFormed(value: string): string {
  return value.replaceAll(/\p{Cs}/gu, '\ufffd');
}

/** 64-bit integers that a number holds exactly become numbers. */
function exact(value: RedPepperValue): RedPepperValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map((element: RedPepperValue) => exact(element));
  if (!isMap(value)) return value instanceof Uint8Array ? value.slice() : value;
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, exact(element)]));
}
