import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fenced, read, root } from './markdown.ts';

describe('the guide to the simulator', () => {
  it('shows the example as it runs', () => {
    const shown = fenced(read('docs/SIMULATION.md')).find(({ language }) => language === 'ts')?.text;
    expect(shown).toBe(readFileSync(join(root, 'test/examples/player.test.ts'), 'utf8'));
  });
});
