import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attackModes } from '../support/attack-world.ts';
import { read, root, table } from './markdown.ts';

/** Every attack that must be tried. */
const attacks = [
  'blind open',
  'blind BYE, ERROR, RESET, START_CONFIRM',
  'replay of each message',
  'replay of whole sessions',
  'downgrade',
  'error loops between two responders',
  'self-loop',
  'cookie from another address, port, time or StreamId',
  'token of fast mode: shown twice, from another address, of an earlier process, forged, too old',
  'amplification by a token, in the name of its owner',
  'candidate eviction',
  'superseding with another identity',
  'RESET token fetched from another port',
  'carrying a session off to another address',
  'stale RETRY and forged ERROR',
  'media of an earlier session as evidence',
  'NACK floods',
  'forged ICMP',
  'slow loris',
  'consent refreshed by anything unauthenticated',
  'log and metric explosion',
  'hash flooding',
];

const rows = table(
  read('docs/SECURITY.md'),
  'Attacks and the tests that try them',
  'attack',
  'modes',
  'what happens',
  'tried by',
);

/** Files with the titles that are named in a row. */
function tests(cell: string): readonly (readonly [file: string, title: string])[] {
  return cell.split('<br>').map((named) => {
    const [, file = '', title = ''] = /^(test\/\S+\.test\.ts): (.+)$/.exec(named) ?? [];
    return [file, title] as const;
  });
}

/** Whether a test of that title is in a source: as its first argument, not in a comment or inside another's. */
function hasTest(source: string, title: string): boolean {
  const literals = [`'${title}'`, `\`${title}\``].map((literal) => literal.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return new RegExp(`\\(\\s*(?:${literals.join('|')}),`).test(source);
}

describe('SECURITY', () => {
  it('has a row for each attack, in every mode or in those that it names', () => {
    expect(rows.map(([attack]) => attack)).toEqual(attacks);
    for (const [attack, modes = ''] of rows) {
      expect([attack, modes.split(', ').filter((mode) => !attackModes.some((known) => known === mode))]).toEqual([
        attack,
        [],
      ]);
    }
  });

  it.each(
    rows.flatMap(([attack = '', , , cell = '']) => tests(cell).map(([file, title]) => ({ attack, file, title }))),
  )('names a test that exists for $attack: $title', ({ file, title }) => {
    expect(existsSync(resolve(root, file)) && file !== '').toBe(true);
    expect(hasTest(readFileSync(resolve(root, file), 'utf8'), title)).toBe(true);
  });

  it('would find out that a title is not there', () => {
    expect(hasTest("it('opens a door', () => {", 'opens a door')).toBe(true);
    expect(hasTest("// it opens a door\nit('opens a door (S1)', () => {", 'opens a door')).toBe(false);
  });
});
