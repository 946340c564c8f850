import type { TestContext } from 'vitest';

/** Skips the running test and prints why; goes on where there is no reason. */
export function skipBecause(test: TestContext, reason: string | undefined): void {
  if (reason === undefined) return;
  process.stderr.write(`skipped: "${test.task.name}": ${reason}\n`);
  test.skip(reason);
}
