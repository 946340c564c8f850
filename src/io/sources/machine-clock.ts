/**
 * Monotonic ms that every process of one machine counts from the same zero, unlike `performance.now()`: so a receiver can tell how
 * long a frame was on its way.
 */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
