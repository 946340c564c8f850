/**
 * Range checks of the encoder. A DataView wraps what does not fit without a word; a value out of range is the caller's bug.
 */

/** Largest u32. */
export const U32_MAX = 0xffff_ffff;

/**
 * Gives back `value` if it is an integer in 0..`max`.
 *
 * @throws RangeError otherwise, with `what` in the message.
 */
export function uintAtMost(max: number, value: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${what} must be an integer from 0 to ${max}, not ${value}`);
  }
  return value;
}

/**
 * Gives back `value` if it is in 0..2^64-1.
 *
 * @throws RangeError otherwise, with `what` in the message.
 */
export function uint64(value: bigint, what: string): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${what} must fit into 64 bits, unlike ${value}`);
  return value;
}
