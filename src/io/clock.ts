let aheadMs = 0;

/** Monotonic time for everything that runs in real time, in ms with fractions. */
export function monotonicMs(): number {
  return performance.now() + aheadMs;
}

/** How far this thread's clock is behind the one of the whole process, in ms: each thread's begins when it does. */
export function processClockOffsetMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return 1000 * seconds + nanoseconds / 1e6 - monotonicMs();
}

/** Has this thread's clock show the same as another thread's. Before it is first read. @param offsetMs the other thread's. */
export function alignClock(offsetMs: number): void {
  aheadMs += processClockOffsetMs() - offsetMs;
}
