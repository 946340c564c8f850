import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { lastTests, longTests, mutationGroups } from './test/mutation/groups.js';

const group = mutationGroups.find(({ name }) => name === process.env['FIRSTFRAME_MUTATION']);
if (group === undefined) throw new Error('FIRSTFRAME_MUTATION must name a group of test/mutation/groups.js');

const rankOf = ({ moduleId }: TestSpecification): number => lastTests.findIndex((file) => moduleId.endsWith(file));

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

export default defineConfig({
  test: {
    include: [...group.tests],
    exclude: [...longTests],
    env: { NODE_ENV: 'production', FIRSTFRAME_RUNS: '5' },
    testTimeout: 60_000,
    // A mutant is one run: its files share the modules, which are loaded anew for the next.
    isolate: false,
    sequence: { sequencer: QuickFirst },
  },
});
