/**
 * What is mutated, which tests must find the mutants, and how many of them.
 *
 * @typedef {object} MutationGroup
 * @property {string} name
 * @property {readonly string[]} mutate Files, as Stryker takes them.
 * @property {readonly string[]} tests Files of tests, as vitest takes them.
 * @property {number} least Least score in %: mutants found, of all mutants.
 */

const ADMISSION = ['admission', 'prefix', 'prefix-bucket', 'tombstones'].map((name) => `src/engine/${name}.ts`);
const DOCUMENT = 'test/docs/protocol.test.ts';
const LOAD = 'test/mutation/load.test.ts';
const ENGINE_TESTS = ['test/engine/*.test.ts', 'test/sim/*.test.ts', LOAD];

/** In the order in which they run. @type {readonly MutationGroup[]} */
export const mutationGroups = [
  { name: 'codec', mutate: ['src/codec/*.ts'], tests: ['test/codec/*.test.ts', DOCUMENT, LOAD], least: 95 },
  { name: 'admission', mutate: ADMISSION, tests: ENGINE_TESTS, least: 95 },
  {
    name: 'machines',
    mutate: ['machines/*.ts'],
    tests: ['test/machines/*.test.ts', 'test/engine/compile.test.ts', DOCUMENT, LOAD],
    least: 85,
  },
  {
    name: 'engine',
    mutate: ['src/engine/*.ts', ...ADMISSION.map((file) => `!${file}`)],
    tests: ENGINE_TESTS,
    least: 85,
  },
];

/** Tests that repeat the same thing very often. What they alone would find is worth a test of its own. */
export const longTests = [
  'test/codec/fuzz.test.ts',
  'test/engine/handshake.test.ts',
  'test/engine/model-paths.test.ts',
  'test/engine/two-engines.test.ts',
  'test/sim/liveness.test.ts',
  'test/sim/repair.test.ts',
  'test/sim/viewers.test.ts',
];

/** Tests that come after all others, as one test that fails is enough. */
export const lastTests = [
  'test/engine/responder-limits.test.ts',
  'test/engine/compile.test.ts',
  'test/sim/world.test.ts',
  'test/docs/protocol.test.ts',
  'test/machines/structure.test.ts',
  'test/machines/persistence.test.ts',
  'test/codec/round-trip.test.ts',
];
