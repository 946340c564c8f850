import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLIP, Cleanup, figure, firstframe, type Run, runToEnd, temporaryFolder } from '../support/command.ts';
import { freeTcpPort } from '../support/free-port.ts';
import { made } from '../support/redpepper-tls.ts';

/** Keys, a port, and an agent that offers the clip. */
async function host(
  cleanup: Cleanup,
  more: readonly string[] = [],
): Promise<{ agent: Run; manager: readonly string[]; keys: string }> {
  const keys = join(temporaryFolder(cleanup), 'keys');
  expect(await runToEnd(['fleet', 'keys', keys])).toMatchObject({ code: 0, stderr: '' });
  const listen = `127.0.0.1:${await freeTcpPort()}`;
  const offered = ['--stream', `door=${CLIP}`, '--stream', 'gone=no-such.h264', '--loop', '--retry', '1s'];
  const agent = cleanup.use(
    firstframe(['agent', '--manager', listen, '--keys', keys, '--id', 'camera-1', ...offered, ...more, '--json']),
  );
  return { agent, manager: ['fleet', '--listen', listen, '--keys', keys, '--json'], keys };
}

describe.skipIf(typeof made === 'string')('a fleet', () => {
  test('lists an agent, starts its stream, watches it, tells its figures and stops it', async () => {
    await using cleanup = new Cleanup();
    const { agent, manager } = await host(cleanup);
    const ask = (...parts: string[]) => runToEnd([...manager, ...parts], { ms: 40_000 });

    const idle = { stream: 'door', running: false };
    const listed = await ask('list');
    expect(listed.code).toBe(0);
    expect(listed.events).toContainEqual({
      event: 'agent',
      agent: 'camera-1',
      address: '127.0.0.1',
      streams: [idle, { stream: 'gone', running: false }],
    });

    const file = join(temporaryFolder(cleanup), 'door.h264');
    const watched = await ask('start', 'camera-1', 'door', '--view', file, '--duration', '2s');
    expect(watched.code).toBe(0);
    const target = watched.events.find(({ event }) => event === 'started')?.['target'];
    expect(target).toMatch(/^127\.0\.0\.1:\d+\/door$/);
    const ended = watched.events.find(({ event }) => event === 'ended');
    if (ended === undefined) throw new Error('no media');
    expect(figure(ended, 'stats', 'framesDecodable')).toBeGreaterThan(20);
    // Byte for byte the beginning of the clip.
    const received = readFileSync(file);
    expect(received.length).toBeGreaterThan(10_000);
    expect(readFileSync(CLIP).subarray(0, received.length).equals(received)).toBe(true);

    const stats = await ask('stats', 'camera-1', 'door');
    const [door] = (stats.events.find(({ event }) => event === 'stats')?.['streams'] ?? []) as Record<
      string,
      unknown
    >[];
    expect(door).toMatchObject({ stream: 'door', running: true });
    expect(door?.['mediaBytesSent']).toBeGreaterThan(received.length / 2);

    // It runs without a manager: anybody may watch what was started.
    const viewer = await runToEnd(['view', String(target), '--duration', '1s', '--json']);
    expect(viewer.code).toBe(0);

    expect((await ask('stop', 'camera-1', 'door')).code).toBe(0);
    const after = await ask('list', 'camera-1');
    expect(after.events.find(({ event }) => event === 'agent')?.['streams']).toContainEqual(idle);
    agent.signal('SIGINT');
    expect(await agent.exit()).toMatchObject({ code: 130 });
    expect(agent.leftovers()).toEqual([]);
  });

  test('watches a stream in mode keys, by the public key of its camera', async () => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    const file = (name: string): string => join(folder, name);
    const cameraPublic = (await runToEnd(['keygen', file('camera.key')])).stdout.trim();
    writeFileSync(file('viewers'), (await runToEnd(['keygen', file('viewer.key')])).stdout);
    const secured = ['--security', 'keys', '--key-file'];
    const { manager } = await host(cleanup, [...secured, file('camera.key'), '--allowed-viewers', file('viewers')]);
    const start = [...manager, 'start', 'camera-1', 'door', '--view', 'null', '--duration', '1s'];
    const watched = await runToEnd([...start, ...secured, file('viewer.key'), '--peer-key', cameraPublic], {
      ms: 40_000,
    });
    expect([watched.code, watched.stderr]).toEqual([0, '']);
    const ended = watched.events.find(({ event }) => event === 'ended');
    if (ended === undefined) throw new Error('no media');
    expect(figure(ended, 'stats', 'framesDecodable')).toBeGreaterThan(5);
  });

  test('refuses what an agent does not have, and who is no agent, with a sentence', async () => {
    await using cleanup = new Cleanup();
    const { manager } = await host(cleanup);
    const yard = await runToEnd([...manager, 'start', 'camera-1', 'yard'], { ms: 40_000 });
    expect([yard.code, yard.stderr]).toEqual([1, 'firstframe: stream.start: no stream yard; there are door, gone\n']);
    const nobody = await runToEnd([...manager, 'stats', 'camera-2', '--timeout', '100ms']);
    expect([nobody.code, nobody.stderr]).toEqual([1, 'firstframe: agent camera-2 is none that may connect\n']);
  });

  test('Ctrl-C while it waits ends it with 130, without a complaint', async () => {
    await using cleanup = new Cleanup();
    const keys = join(temporaryFolder(cleanup), 'keys');
    await runToEnd(['fleet', 'keys', keys]);
    const fleet = cleanup.use(firstframe(['fleet', '--listen', '127.0.0.1:0', '--keys', keys, 'list', '--json']));
    await fleet.event('listening');
    fleet.signal('SIGINT');
    expect(await fleet.exit()).toMatchObject({ code: 130 });
    expect(fleet.stderr).toBe('');
  });

  test('keys are for their owner only, an agent can be added, and none is overwritten', async () => {
    await using cleanup = new Cleanup();
    const keys = join(temporaryFolder(cleanup), 'keys');
    for (const id of ['camera-1', 'camera-2']) expect((await runToEnd(['fleet', 'keys', keys, id])).code).toBe(0);
    const secret = readdirSync(keys).filter((name) => !name.endsWith('.crt'));
    expect(secret.sort()).toEqual([
      'ca.key',
      ...['camera-1.credentials', 'camera-1.key', 'camera-2.credentials', 'camera-2.key'],
      ...['identities.json', 'manager.key'],
    ]);
    for (const name of secret) expect([name, statSync(join(keys, name)).mode & 0o777]).toEqual([name, 0o600]);
    const stored = readFileSync(join(keys, 'identities.json'), 'utf8');
    expect(Object.keys(JSON.parse(stored) as object)).toEqual(['camera-1', 'camera-2']);
    expect(stored).not.toContain(readFileSync(join(keys, 'camera-1.credentials'), 'utf8').trim());
    const again = await runToEnd(['fleet', 'keys', keys, 'camera-1']);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('has keys in')]);
  });

  test.each([
    [['fleet', 'start'], 'agent: it is missing'],
    [['fleet', 'start', 'camera-1'], 'stream: it is missing'],
    [['fleet', 'keys', 'x', '../y'], 'cannot be the name of an agent'],
    [['fleet', 'list'], '--credentials-file: it is missing'],
    [['fleet', 'list', '--keys', 'nowhere'], 'cannot be read (ENOENT)'],
    [['agent', '--manager', ':7051', '--id', 'a', '--stream', 'test=test'], 'is no place to connect to'],
    [['agent', '--manager', 'localhost', '--id', 'a', '--stream', 'test=test'], '--key: it is missing'],
  ])('%j is a mistake of usage: %s', async (parts, complaint) => {
    const { code, stderr } = await runToEnd(parts);
    expect([code, stderr]).toEqual([2, expect.stringContaining(complaint)]);
  });
});
