/**
 * What is mutated, which tests must find the mutants, and how many of them.
 *
 * @typedef {object} MutationGroup
 * @property {string} name
 * @property {readonly string[]} mutate Files, as Stryker takes them.
 * @property {readonly string[]} tests Files of tests, and folders whose tests all count.
 * @property {number} least Least score in %: mutants found, of all mutants.
 */

const ADMISSION = ['admission', 'prefix', 'prefix-bucket', 'tombstones'].map((name) => `src/engine/${name}.ts`);
/** The engine is mutated in parts, each of which takes some minutes and has the score that is asked of all. @type {Readonly<Record<string, readonly string[]>>} */
const engineParts = {
  exchange: ['exchange-answerer', 'exchange-asker', 'exchange-book', 'exchange-host', 'exchange-message', 'exchanges'],
  media: ['media-gate', 'media-inlet', 'media-outlet', 'media-protection', 'srtp-media'],
  handshake: [
    'application-input',
    'cookies',
    'front-door',
    'handshake-sends',
    'initiator-security',
    'load-meter',
    'responder-answers',
    'responder-security',
    'start-sends',
    'stranger-answers',
  ],
  sessions: [
    'initiator-session',
    'responder-session',
    'responder-timers',
    'initiator-timers',
    'session-core',
    'session-host',
  ],
  endpoints: ['initiator-endpoint', 'responder-endpoint', 'responder-host', 'session-table', 'rtt', 'rtt-memory'],
};
/** @param {string} part */
const enginePart = (part) => (engineParts[part] ?? []).map((name) => `src/engine/${name}.ts`);
const elsewhere = () => [...ADMISSION, ...Object.keys(engineParts).flatMap(enginePart)];

const DOCUMENT = 'test/docs/protocol.test.ts';

/** In the order in which they run. @type {readonly MutationGroup[]} */
export const mutationGroups = [
  { name: 'codec', mutate: ['src/codec/*.ts'], tests: ['test/codec', DOCUMENT], least: 95 },
  { name: 'admission', mutate: ADMISSION, tests: ['test/engine'], least: 95 },
  {
    name: 'machines',
    mutate: ['machines/*.ts'],
    tests: ['test/machines', 'test/engine/compile.test.ts', DOCUMENT],
    least: 85,
  },
  ...[...Object.keys(engineParts), 'rest'].map((part) => ({
    name: `engine-${part}`,
    mutate: part === 'rest' ? ['src/engine/*.ts', ...elsewhere().map((file) => `!${file}`)] : enginePart(part),
    tests: ['test/engine', 'test/sim'],
    least: 85,
  })),
];

/** Tests that repeat the same thing very often, or start threads, processes or the compiler. What they alone would find is worth a test of its own. */
const longTests = [
  'test/codec/fuzz.test.ts',
  'test/engine/handshake.test.ts',
  'test/engine/media-gate-types.test.ts',
  'test/engine/model-paths.test.ts',
  'test/engine/two-engines.test.ts',
  'test/sim/draw-plan.test.ts',
  'test/sim/drop-patterns.test.ts',
  'test/sim/expectation.test.ts',
  'test/sim/handshakes.test.ts',
  'test/sim/idle-hour.test.ts',
  'test/sim/link.test.ts',
  'test/sim/liveness.test.ts',
  'test/sim/repair.test.ts',
  'test/sim/shrink.test.ts',
  'test/sim/simulate.test.ts',
  'test/sim/swarm-liveness.test.ts',
  'test/sim/swarm-safety.test.ts',
  'test/sim/swarm-secured.test.ts',
  'test/sim/time-to-stream.test.ts',
  'test/sim/viewers.test.ts',
  'test/sim/vitest-kit.test.ts',
];

/** Tests that take their time: they come after all others, as one test that fails is enough. */
const lastTests = [
  'test/engine/exchange-limits.test.ts',
  'test/engine/responder-limits.test.ts',
  'test/engine/secured-session.test.ts',
  'test/sim/hosts.test.ts',
  'test/sim/world.test.ts',
  'test/engine/exchange.test.ts',
  'test/sim/trace-hash.test.ts',
  'test/engine/compile.test.ts',
  'test/docs/protocol.test.ts',
  'test/machines/structure.test.ts',
  'test/machines/persistence.test.ts',
  'test/codec/round-trip.test.ts',
];

/**
 * Files of a group's tests, quick ones first.
 *
 * @param {MutationGroup} group
 * @param {(folder: string) => readonly string[]} list Names of the files in a folder.
 */
export function testFiles(group, list) {
  return group.tests
    .flatMap((path) => (path.endsWith('.ts') ? [path] : list(path).map((name) => `${path}/${name}`)))
    .filter((file) => file.endsWith('.test.ts') && !longTests.includes(file))
    .toSorted((a, b) => lastTests.indexOf(a) - lastTests.indexOf(b));
}
