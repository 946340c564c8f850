import type { Wanted } from '../result.ts';

/** What rows are about. */
export const microGroups = ['codec', 'machines', 'crypto', 'handshake', 'timers', 'admission'] as const;

/** One of {@link microGroups}. */
export type MicroGroup = (typeof microGroups)[number];

/** An operation that is timed over and over. */
export interface MicroRow {
  readonly name: string;
  /** Another row of the group, that this one is told as a multiple of. */
  readonly reference?: string;
  readonly wanted?: Wanted;
  /** Does it so many times. @returns what that took, in ns. */
  run(times: number): number;
}

/** Where results go, so that no compiler finds that they are not needed. */
const kept: unknown[] = [undefined];

/**
 * Something that needs nothing before and after. CPU time of the process is read around all of it, collections by other threads included, rather
 * than the clock, which goes on while others have the core.
 */
export function row(name: string, operation: () => unknown, more: Partial<MicroRow> = {}): MicroRow {
  return {
    name,
    run(times) {
      const before = process.cpuUsage();
      for (let i = 0; i < times; i++) kept[0] = operation();
      const { user, system } = process.cpuUsage(before);
      return 1000 * (user + system);
    },
    ...more,
  };
}
