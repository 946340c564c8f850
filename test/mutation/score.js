/**
 * What a report of Stryker says: which mutants no test found, by names that stay the same when lines move.
 *
 * @typedef {object} Mutant
 * @property {string} status
 * @property {string} [replacement]
 * @property {{ start: Place, end: Place }} location
 *
 * @typedef {{ line: number, column: number }} Place Both count from 1.
 *
 * @typedef {{ files: Record<string, { source: string, mutants: readonly Mutant[] }> }} Report
 *
 * @typedef {{ why: string, mutants: Record<string, number> }} Accepted Survivors by name, and how many of each.
 */

/** Longest text of a mutant's name. */
const TEXT_MAX = 120;

/** @param {string} text */
const oneLine = (text) => text.replace(/\s+/g, ' ').trim().slice(0, TEXT_MAX);

/**
 * @param {string} source
 * @param {Mutant} mutant
 */
function originalOf(source, { location: { start, end } }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const last = lines.length - 1;
  const cut = lines.map((line, at) =>
    line.slice(at === 0 ? start.column - 1 : 0, at === last ? end.column - 1 : undefined),
  );
  return oneLine(cut.join('\n'));
}

/**
 * A mutant in words: file, the line that it begins on, what became what.
 *
 * @param {string} file
 * @param {string} source
 * @param {Mutant} mutant
 */
export function mutantName(file, source, mutant) {
  const line = oneLine(source.split('\n')[mutant.location.start.line - 1] ?? '');
  return `${file} | ${line} | ${originalOf(source, mutant)} -> ${oneLine(mutant.replacement ?? '')}`;
}

/**
 * Tells whether a mutant is a listed survivor, and every one with its name is: of lines that read the same, some may be found.
 *
 * @param {readonly Accepted[]} accepted
 * @returns {(file: string, source: string, mutant: Mutant) => boolean}
 */
export function listedIn(accepted) {
  const listed = countsOf(accepted);
  return (file, source, mutant) => {
    const count = listed.get(mutantName(file, source, mutant)) ?? 0;
    const lines = source.split('\n');
    const line = lines[mutant.location.start.line - 1];
    return count > 0 && count >= lines.filter((other) => other.trim() === line?.trim()).length;
  };
}

/** @param {readonly Accepted[]} accepted */
function countsOf(accepted) {
  /** @type {Map<string, number>} */
  const listed = new Map();
  for (const { mutants } of accepted) {
    for (const [name, count] of Object.entries(mutants)) listed.set(name, (listed.get(name) ?? 0) + count);
  }
  return listed;
}

/**
 * Score in % of all mutants that could run, and the names of those that survived.
 *
 * @param {Report} report
 */
export function scoreOf(report) {
  /** @type {Map<string, number>} */
  const survivors = new Map();
  let found = 0;
  let survived = 0;
  for (const [file, { source, mutants }] of Object.entries(report.files)) {
    for (const mutant of mutants) {
      if (mutant.status === 'Killed' || mutant.status === 'Timeout') found++;
      else if (mutant.status === 'Survived' || mutant.status === 'NoCoverage') {
        survived++;
        const name = mutantName(file, source, mutant);
        survivors.set(name, (survivors.get(name) ?? 0) + 1);
      }
    }
  }
  const all = found + survived;
  return { found, all, percent: all === 0 ? 0 : (100 * found) / all, survivors };
}

/**
 * Survivors that nobody has given a reason for, and reasons that nobody needs any more.
 *
 * @param {ReadonlyMap<string, number>} survivors
 * @param {readonly Accepted[]} accepted
 * @param {(file: string) => boolean} concerns Whether a file was mutated at all.
 */
export function compareSurvivors(survivors, accepted, concerns) {
  const listed = countsOf(accepted);
  const unlisted = [...survivors].filter(([name, count]) => count > (listed.get(name) ?? 0)).map(([name]) => name);
  const fileOf = (/** @type {string} */ name) => name.slice(0, name.indexOf(' | '));
  const gone = [...listed.keys()].filter((name) => concerns(fileOf(name)) && !survivors.has(name));
  return { unlisted, gone };
}
