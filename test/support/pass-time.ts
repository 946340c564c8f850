import type { Part } from '../../src/neighbours/core/part.ts';

/** Lets time pass: wakes the part exactly when it wants to be woken. */
export function pass(part: Part, untilMs: number): void {
  for (let atMs = part.deadlineMs(); atMs <= untilMs; atMs = part.deadlineMs()) part.timeout(atMs);
}
