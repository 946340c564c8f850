/** Something that waits for time to pass: a shared part of a protocol, or one record in it. */
export interface Part {
  /** When {@link timeout} must be called, monotonic ms; Infinity for never. */
  deadlineMs(): number;
  /** Does what is due by `nowMs`; nothing if it is called early. */
  timeout(nowMs: number): void;
}

/** When the first of them is due; Infinity when none is. */
export function earliestMs(parts: Iterable<Pick<Part, 'deadlineMs'>>): number {
  let earliest = Number.POSITIVE_INFINITY;
  for (const part of parts) earliest = Math.min(earliest, part.deadlineMs());
  return earliest;
}

/** Does what is due in all of them, in their order. */
export function wakeDue(parts: Iterable<Part>, nowMs: number): void {
  for (const part of [...parts]) if (part.deadlineMs() <= nowMs) part.timeout(nowMs);
}
