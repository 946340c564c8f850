/**
 * Mutation testing: changes the code in every way that Stryker knows, one at a time, and counts the changes that no test finds.
 *
 *     npm run mutation                     all groups of groups.js, one after the other
 *     npm run mutation -- codec machines   some of them
 *     npm run mutation -- --check          only what the last reports say
 *     npm run mutation -- --fresh          nothing is taken over from the last run
 *     npm run mutation -- --all            listed survivors are run as well, to see which of them a test finds by now
 *
 * Prints the score of each group. Ends with 1 if a score is too low, or if a mutant survives that survivors.json does not list.
 */
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Stryker } from '@stryker-mutator/core';
import { mutationGroups } from './groups.js';
import { compareSurvivors, scoreOf } from './score.js';

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const checkOnly = process.argv.includes('--check');
const fresh = process.argv.includes('--fresh');
const options = ['--check', '--fresh', '--all'];
const groupNames = mutationGroups.map(({ name }) => name);
const unknown = process.argv.slice(2).filter((argument) => ![...groupNames, ...options].includes(argument));
if (unknown.length > 0) {
  process.stderr.write(
    `not known: ${unknown.join(' ')}\ngroups: ${groupNames.join(', ')}; options: ${options.join(', ')}\n`,
  );
  process.exit(2);
}
const groups = mutationGroups.filter(({ name }) => names.length === 0 || names.includes(name));

/** @param {string} name */
const reportOf = (name) => `.mutation/${name}.json`;
/** @param {string} text */
const say = (text) => process.stdout.write(`${text}\n`);

/** @param {import('./groups.js').MutationGroup} group */
async function mutate({ name, mutate }) {
  const incrementalFile = `.mutation/${name}.incremental.json`;
  if (fresh) await rm(incrementalFile, { force: true });
  // Read by the runner, in a process that Stryker starts.
  process.env['FIRSTFRAME_MUTATION'] = name;
  if (process.argv.includes('--all')) process.env['FIRSTFRAME_MUTATION_ALL'] = '1';
  const beganAtMs = performance.now();
  await new Stryker({
    testRunner: 'in-process',
    plugins: ['./test/mutation/in-process-runner.js'],
    coverageAnalysis: 'perTest',
    mutate: [...mutate],
    ignorePatterns: [
      'dist',
      'bench/**/*.ts',
      'biome-plugins',
      '.ci',
      '.mutation',
      ...['cli', 'io', 'socket', 'lint'].map((of) => `test/${of}`),
    ],
    concurrency: Math.min(2, availableParallelism()),
    incremental: true,
    incrementalFile,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: reportOf(name) },
    tempDirName: '.stryker-tmp',
    cleanTempDir: 'always',
    // For all tests together: test-thread.js watches each.
    timeoutMS: 60_000,
    timeoutFactor: 4,
  }).runMutationTest();
  say(`${name}: ${Math.round((performance.now() - beganAtMs) / 1000)} s`);
}

if (!checkOnly) for (const group of groups) await mutate(group);

/** @type {readonly import('./score.js').Accepted[]} */
const accepted = JSON.parse(await readFile('test/mutation/survivors.json', 'utf8'));
let failed = false;
for (const { name, least } of groups) {
  /** @type {import('./score.js').Report} */
  const report = JSON.parse(await readFile(reportOf(name), 'utf8'));
  const { found, all, percent, survivors } = scoreOf(report);
  const { unlisted, gone } = compareSurvivors(survivors, accepted, (file) => file in report.files);
  const enough = percent >= least;
  failed ||= !enough || unlisted.length > 0;
  say(
    `${name}: ${percent.toFixed(2)} % (${found} of ${all} mutants found), ${enough ? 'at least' : 'LESS THAN'} ${least} %`,
  );
  for (const mutant of unlisted) say(`  survives, not in survivors.json: ${mutant}`);
  for (const mutant of gone) say(`  found by now, still in survivors.json: ${mutant}`);
}
process.exitCode = failed ? 1 : 0;
