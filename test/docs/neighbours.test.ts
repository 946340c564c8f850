import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fenced, read, root } from './markdown.ts';

const drawn = (machine: string): string => readFileSync(join(root, `test/machines/${machine}.mmd`), 'utf8');

describe('the pages about the neighbours', () => {
  it.each([
    ['docs/NEIGHBOURS.md', ['hello', 'heartbeat', 'reconnect']],
    ['docs/PROCVISION.md', ['procvision-runner']],
  ] as const)('%s shows the diagrams of its machines as they are', (path, machines) => {
    const shown = fenced(read(path)).filter(({ language }) => language === 'mermaid');
    expect(shown.map(({ text }) => text)).toEqual(machines.map(drawn));
  });
});
