import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MessageType } from '../../src/neighbours/redpepper/core/message.ts';
import { ByeReason } from '../../src/neighbours/redpepper/core/session-host.ts';
import { sessionDefaults } from '../../src/neighbours/redpepper/core/session-options.ts';
import { rrccExamples } from '../neighbours/vectors/rrcc-examples.ts';
import { certificates } from '../support/certificates.ts';
import { skipBecause } from '../support/skip-because.ts';
import { fenced, read, root, table } from './markdown.ts';

const run = promisify(execFile);

const drawn = (machine: string): string => readFileSync(join(root, `test/machines/${machine}.mmd`), 'utf8');

describe('the pages about the neighbours', () => {
  it.each([
    ['docs/NEIGHBOURS.md', ['hello', 'heartbeat', 'reconnect']],
    ['docs/RRCC.md', ['rrcc-leader', 'rrcc-follower']],
    ['docs/REDPEPPER.md', ['redpepper-session']],
    ['docs/PROCVISION.md', ['procvision-runner']],
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

  it('RedPepper lists every message, every reason of Bye and the defaults as they are', () => {
    const text = read('docs/REDPEPPER.md');
    const messages = table(text, 'On the wire', 't', 'message').map(([t]) => Number(t));
    expect(messages).toEqual(Object.values(MessageType));
    const reasons = table(text, 'On the wire', 'Bye of this end', 'when').map(([reason]) => reason);
    expect([...reasons].sort()).toEqual(Object.values(ByeReason).sort());
    const defaults = table(text, 'The machines', 'what', 'value').map(([, value]) => value);
    const { helloMs, pingIntervalMs, pingTimeoutMs, pingRetriesMax, gapMs, nudgeMs, waitingMax, keepMs } =
      sessionDefaults;
    expect(defaults).toEqual([
      `${helloMs / 1000} s; also for TLS itself`,
      `${pingIntervalMs / 1000} s; ${pingTimeoutMs / 1000} s; ${pingRetriesMax + 1}`,
      ...defaults.slice(2, 6),
      `${keepMs / 1000} s`,
      defaults[7],
      `${gapMs} ms`,
      `${nudgeMs / 1000} s`,
      waitingMax.toLocaleString('en-US'),
      ...defaults.slice(11),
    ]);
  });

  it('RedPepper has an example that runs', async (test) => {
    skipBecause(test, typeof certificates() === 'string' ? 'openssl made no certificates' : undefined);
    const folder = mkdtempSync(join(tmpdir(), 'firstframe-keys-'));
    try {
      const example = fenced(read('docs/REDPEPPER.md')).find(({ language }) => language === 'ts')?.text ?? '';
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', example], {
        cwd: root,
        env: { ...process.env, KEYS: join(folder, 'keys') },
      });
      expect(stdout).toBe('42\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
