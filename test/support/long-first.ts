import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, which vitest cannot know on a new machine and would begin by their size: that is last. */
const long = [
  'sim/time-to-stream',
  'sim/swarm-safety',
  'sim/swarm-liveness',
  'sim/explore/exploration',
  'sim/drop-patterns',
  'sim/expectation',
  'sim/swarm-secured',
  'sim/explore/exchange',
  'sim/explore/promela',
  'sim/explore/engine',
  'sim/vitest-kit',
  'docs/neighbours',
];

/** Begins with the longest files, so that no core is idle at the end for want of others. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = long.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return at < 0 ? long.length : at;
}
