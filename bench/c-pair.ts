import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { buildProgram } from './c-program.ts';
import { type Measure, measure } from './result.ts';

const run = promisify(execFile);

/** Names of its measures among a result's references. */
export const cPairNames = { stream: 'C pair, time to first media', handshake: 'C pair, since its START' } as const;

/** What the pair in C took, or why it was not measured. */
export interface CPair {
  readonly references: Readonly<Record<string, Measure>>;
  readonly skipped: readonly string[];
}

/**
 * Handshakes of two processes in C over loopback, one after the other.
 *
 * @param gapMs between them: as far apart as those that are compared, because a processor that slept takes longer.
 * @param media datagrams of the key frame.
 */
export async function measureCPair(count: number, gapMs: number, media: number, signal: AbortSignal): Promise<CPair> {
  const program = await buildProgram('handshake-pair');
  if (!program.ok) return { references: {}, skipped: [program.reason] };
  try {
    const args = [count, Math.round(1000 * gapMs), media].map(String);
    const { stdout } = await run(program.path, args, { signal });
    const lines = stdout.trim().split('\n');
    const column = (index: number): Measure =>
      measure(
        lines.map((line) => Number(line.split(' ')[index]) / 1000),
        { unit: 'ms' },
      );
    return { references: { [cPairNames.stream]: column(0), [cPairNames.handshake]: column(1) }, skipped: [] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { references: {}, skipped: [`the reference in C, because it failed: ${why}`] };
  } finally {
    await program.dispose();
  }
}
