/** Monotonic time for everything that runs in real time, in ms with fractions. */
export function monotonicMs(): number {
  return performance.now();
}
