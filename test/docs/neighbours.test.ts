import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { rrccExamples } from '../neighbours/vectors/rrcc-examples.ts';
import { fenced, read, root, table } from './markdown.ts';

const run = promisify(execFile);

const drawn = (machine: string): string => readFileSync(join(root, `test/machines/${machine}.mmd`), 'utf8');

describe('the pages about the neighbours', () => {
  it.each([
    ['docs/NEIGHBOURS.md', ['hello', 'heartbeat', 'reconnect']],
    ['docs/RRCC.md', ['rrcc-leader', 'rrcc-follower']],
  ] as const)('%s shows the diagrams of its machines as they are', (path, machines) => {
    const shown = fenced(read(path)).filter(({ language }) => language === 'mermaid');
    expect(shown.map(({ text }) => text)).toEqual(machines.map(drawn));
  });

  it('RRCC shows the schema that is in the package, and the examples that the tests replay', () => {
    const text = read('docs/RRCC.md');
    const schema = readFileSync(join(root, 'src/neighbours/rrcc/rrcc.proto'), 'utf8');
    const shown = fenced(text).find(({ language }) => language === 'proto')?.text ?? '';
    expect(shown).toBe(schema.slice(schema.indexOf('syntax')));
    const examples = table(text, 'On the wire', 'message', 'hex, with its length').map(([, hex]) => hex);
    expect(examples).toEqual(Object.values(rrccExamples));
  });

  it('RRCC has an example that runs', async () => {
    const example = fenced(read('docs/RRCC.md')).find(({ language }) => language === 'ts')?.text ?? '';
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', example], { cwd: root });
    expect(stdout).toBe('20\n');
  });
});
