import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { agentCommand } from '../../src/cli/agent.ts';
import { benchCommand } from '../../src/cli/bench.ts';
import { callCommand } from '../../src/cli/call.ts';
import { demoCommand } from '../../src/cli/demo.ts';
import { fleetCommand } from '../../src/cli/fleet.ts';
import { relayCommand } from '../../src/cli/relay.ts';
import { sendCommand } from '../../src/cli/send.ts';
import { simulateOptions } from '../../src/cli/simulate-options.ts';
import { viewCommand } from '../../src/cli/view.ts';
import { documents, fenced, read, root } from './markdown.ts';
import { commandsOf } from './shell.ts';

const run = promisify(execFile);
const readme = read('README.md');

function commandNamed(name: string | undefined): Command | undefined {
  const commands = [
    sendCommand(() => {}),
    viewCommand(() => {}),
    callCommand(() => {}),
    relayCommand(() => {}),
    demoCommand(() => {}),
    simulateOptions(),
    agentCommand(() => {}),
    fleetCommand(() => {}),
    ...benchCommand(() => {}).commands,
  ];
  return commands.find((command) => command.name() === name);
}

/** Every use of the command in the documents, in fenced shell and in a line of text. */
const uses = documents.flatMap((path) => {
  const text = read(path);
  const blocks = fenced(text).filter(({ language }) => language === 'shell');
  const inline = [
    ...text.matchAll(/`(firstframe (?:send|view|call|relay|demo|simulate|agent|fleet|bench) [^`]+)`/g),
  ].map(([, line = '']) => line);
  return [...blocks.flatMap((block) => block.text.split('\n')), ...inline]
    .flatMap(commandsOf)
    .filter((words) => words[0] === 'firstframe')
    .map((words) => ({ path, words, line: words.join(' ') }));
});

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

describe('README', () => {
  it.each(['initiator', 'responder'])('shows the diagram of the %s as it is', (machine) => {
    const diagrams = fenced(readme).filter(({ language }) => language === 'mermaid');
    const snapshot = readFileSync(join(root, `test/machines/${machine}.mmd`), 'utf8');
    expect(diagrams.map(({ text }) => text)).toContain(snapshot);
  });

  it('names the two commands', () => {
    const shell = fenced(readme).filter(({ language }) => language === 'shell');
    expect(shell.map(({ text }) => text)).toEqual(
      expect.arrayContaining(['npm ci && npm start\n', 'npm ci && npm test\n']),
    );
  });

  it('asks for the Node that package.json asks for', () => {
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
    expect(engines.node).toBe('>=20.19');
    expect(readme).toContain('Node 20.19 or newer');
  });

  it('has a library example that runs, on another port', async () => {
    const example = fenced(readme).find(({ language }) => language === 'js')?.text ?? '';
    expect(example.trim().split('\n')).toHaveLength(5);
    const port = await freePort();
    const ours = example.replaceAll('4444', String(port));
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', ours], {
      cwd: root,
      timeout: 18_000,
    });
    expect(stdout).toMatch(/^\d+ \d+ true\n$/);
  });
});

describe('commands in the documents', () => {
  it('are there', () => {
    expect(uses.length).toBeGreaterThan(10);
  });

  it.each(uses)('$path: $line', ({ words }) => {
    // `firstframe bench` has commands of its own.
    const [name, ...args] = words.slice(words[1] === 'bench' ? 2 : 1);
    if (name === '--help') return;
    const command = commandNamed(name);
    if (command === undefined) throw new Error(`there is no command ${name}`);
    if (args.includes('--help')) return;
    const { operands, unknown } = command.exitOverride().parseOptions(args);
    expect(unknown).toEqual([]);
    const { registeredArguments: known } = command;
    expect(operands.length).toBeGreaterThanOrEqual(known.filter(({ required }) => required).length);
    expect(operands.length).toBeLessThanOrEqual(known.length);
    for (const { mandatory, long } of command.options) if (mandatory && long != null) expect(args).toContain(long);
  });
});
