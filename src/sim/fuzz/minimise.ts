import { type FuzzCase, type FuzzStep, fromHex, toHex } from './target.ts';

/** Replays that minimising may take, and steps in all of them. */
const REPLAYS_MAX = 4000;
const STEPS_MAX = 2_000_000;

/**
 * The fewest steps, and the shortest and plainest bytes of each, that still fail. A case that does not fail is returned as it is.
 *
 * @param fails whether a case still does what is looked for.
 */
export function minimised(found: FuzzCase, fails: (candidate: FuzzCase) => boolean): FuzzCase {
  let replays = 0;
  let replayed = 0;
  const still = (steps: readonly FuzzStep[]): boolean => {
    replayed += steps.length;
    return replays++ < REPLAYS_MAX && replayed < STEPS_MAX && fails({ ...found, steps });
  };
  // Often the last ones are enough.
  let last = 1;
  while (last < found.steps.length && !still(found.steps.slice(-last))) last *= 2;
  let steps: readonly FuzzStep[] = found.steps.slice(-last);
  if (last >= found.steps.length && !still(steps)) return found;
  steps = fewer(steps, still);
  for (let place = 0; place < steps.length; place++) {
    const { hex, ...rest } = steps[place] ?? {};
    if (typeof hex !== 'string') continue;
    const smaller = shorter(fromHex(hex), (bytes) => still(steps.with(place, { ...rest, hex: toHex(bytes) })));
    steps = steps.with(place, { ...rest, hex: toHex(smaller) });
  }
  return { ...found, steps };
}

/** Takes away halves, quarters, … single steps as long as the rest still fails. */
function fewer(all: readonly FuzzStep[], still: (steps: readonly FuzzStep[]) => boolean): readonly FuzzStep[] {
  let steps = all;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let place = 0; place < steps.length; ) {
      const without = steps.toSpliced(place, size);
      if (without.length < steps.length && still(without)) steps = without;
      else place += size;
    }
  }
  return steps;
}

/** The same with bytes; then what can be 0 becomes 0. */
function shorter(all: Uint8Array, still: (bytes: Uint8Array) => boolean): Uint8Array {
  let bytes = all;
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= bytes.length; ) {
      const without = new Uint8Array(bytes.length - size);
      without.set(bytes.subarray(0, at));
      without.set(bytes.subarray(at + size), at);
      if (still(without)) bytes = without;
      else at += size;
    }
  }
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === 0) continue;
    const plainer = bytes.slice();
    plainer[at] = 0;
    if (still(plainer)) bytes = plainer;
  }
  return bytes;
}
