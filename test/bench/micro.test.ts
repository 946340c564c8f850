import { describe, expect, test } from 'vitest';
import { microGroups } from '../../bench/micro/row.ts';
import { microRows } from '../../bench/micro/rows.ts';

describe('the rows of bench micro', () => {
  for (const group of microGroups) {
    test(`of ${group} do what they time, and have their references beside them`, () => {
      const rows = microRows[group]();
      const names = rows.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const { name, reference, run } of rows) {
        expect(reference === undefined || names.includes(reference), `${name} without ${reference}`).toBe(true);
        expect(run(200), name).toBeGreaterThanOrEqual(0);
      }
    });
  }
});
