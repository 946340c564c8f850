import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mutationGroups } from './groups.js';
import { compareSurvivors, listedIn, type Mutant, scoreOf } from './score.js';

const source = "const a = 1;\nif (a > 1) {\n  say('yes');\n}\n";

function mutant(status: string, line: number, from: number, to: number, replacement: string): Mutant {
  return { status, replacement, location: { start: { line, column: from }, end: { line, column: to } } };
}

const report = (...mutants: Mutant[]) => ({ files: { 'src/a.ts': { source, mutants } } });

describe('the score of a report', () => {
  it('counts mutants that a test or a timeout found, of all that could run', () => {
    const one = (status: string) => mutant(status, 2, 5, 10, 'true');
    const { found, all, percent } = scoreOf(
      report(...['Killed', 'Timeout', 'Survived', 'NoCoverage', 'CompileError', 'RuntimeError', 'Ignored'].map(one)),
    );
    expect({ found, all, percent }).toEqual({ found: 2, all: 4, percent: 50 });
  });

  it('names a survivor by its line and by what became what, wherever the line stands', () => {
    const name = 'src/a.ts | if (a > 1) { | a > 1 -> true';
    expect([...scoreOf(report(mutant('Survived', 2, 5, 10, 'true'))).survivors]).toEqual([[name, 1]]);
    const moved = {
      files: { 'src/a.ts': { source: `\n\n${source}`, mutants: [mutant('Survived', 4, 5, 10, 'true')] } },
    };
    expect([...scoreOf(moved).survivors]).toEqual([[name, 1]]);
  });

  it('names a block of several lines in one', () => {
    const block: Mutant = {
      status: 'Survived',
      replacement: '{}',
      location: { start: { line: 2, column: 12 }, end: { line: 4, column: 2 } },
    };
    expect([...scoreOf(report(block)).survivors.keys()]).toEqual(["src/a.ts | if (a > 1) { | { say('yes'); } -> {}"]);
  });
});

describe('survivors beside the accepted ones', () => {
  const survivors = new Map([['src/a.ts | x | a -> b', 2]]);
  const accept = (mutants: Record<string, number>) => [{ why: 'equivalent', mutants }];

  it('are accepted as often as they are listed', () => {
    expect(compareSurvivors(survivors, accept({ 'src/a.ts | x | a -> b': 2 }), () => true).unlisted).toEqual([]);
    expect(compareSurvivors(survivors, accept({ 'src/a.ts | x | a -> b': 1 }), () => true).unlisted).toHaveLength(1);
    expect(compareSurvivors(survivors, [], () => true).unlisted).toHaveLength(1);
  });

  it('show which reasons nobody needs any more, of the files that were mutated', () => {
    const stale = accept({ 'src/a.ts | y | a -> b': 1, 'src/b.ts | y | a -> b': 1 });
    expect(compareSurvivors(survivors, stale, (file) => file === 'src/a.ts').gone).toEqual(['src/a.ts | y | a -> b']);
  });
});

describe('a mutant', () => {
  it('is a listed survivor if all with its name are', () => {
    const name = 'src/a.ts | if (a > 1) { | a > 1 -> true';
    const once = listedIn([{ why: 'equivalent', mutants: { [name]: 1 } }]);
    const other = mutant('', 2, 5, 10, 'false');
    const [here, text] = [mutant('', 2, 5, 10, 'true'), `${source}  ${source}`];
    expect([once('src/a.ts', source, here), once('src/a.ts', source, other)]).toEqual([true, false]);
    expect(once('src/b.ts', source, here)).toBe(false);
    expect(once('src/a.ts', text, here)).toBe(false);
    const twice = listedIn([{ why: 'equivalent', mutants: { [name]: 2 } }]);
    expect(twice('src/a.ts', text, here)).toBe(true);
  });
});

describe('the accepted survivors', () => {
  it('have a reason each', async () => {
    const accepted = JSON.parse(await readFile('test/mutation/survivors.json', 'utf8'));
    for (const { why, mutants } of accepted) {
      expect(why.length).toBeGreaterThan(20);
      expect(Object.keys(mutants).length).toBeGreaterThan(0);
    }
  });

  it('must reach 95 % for codec and admission and 85 % for machines and engine', () => {
    expect(Object.fromEntries(mutationGroups.map(({ name, least }) => [name, least]))).toEqual({
      codec: 95,
      admission: 95,
      machines: 85,
      'engine-exchange': 85,
      'engine-media': 85,
      'engine-handshake': 85,
      'engine-sessions': 85,
      'engine-endpoints': 85,
      'engine-rest': 85,
    });
  });
});
