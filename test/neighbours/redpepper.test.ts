import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { AllowedAddresses } from '../../src/neighbours/redpepper/allowed-addresses.ts';
import { CredentialCheck } from '../../src/neighbours/redpepper/credentials.ts';
import {
  hashCredentials,
  type RedPepperAgent,
  RedPepperError,
  RedPepperRefusal,
  type RedPepperValue,
  unsaltedSha256,
} from '../../src/neighbours/redpepper/index.ts';
import { keys, made, rawAgent, startAgent, startManager } from '../support/redpepper-tls.ts';
import { redPepperVectors } from '../support/redpepper-vectors.ts';

const soon = { reconnect: { backoffInitialMs: 20, backoffMaxMs: 100 } };
const connected = async (agent: RedPepperAgent): Promise<void> => {
  if (!agent.isConnected) await once(agent, 'connected');
};

describe.skipIf(typeof made === 'string')('a manager and an agent over TLS', () => {
  it('ask each other, and every value arrives as it was', async () => {
    await using manager = await startManager({ methods: { whoami: ({ agent }) => agent ?? '' } });
    await using agent = startAgent(manager.port, { methods: { echo: ({ args, kwargs }) => [args, kwargs] } });
    await connected(agent);
    expect(manager.agents).toEqual(['webserver1']);
    expect(manager.addressOf('webserver1')).toBe('127.0.0.1');
    const kwargs = {
      big: 2n ** 63n,
      small: -1,
      half: 0.5,
      none: null,
      raw: new Uint8Array([255, 0]),
      list: [true, 'ü'],
    };
    expect(await manager.request('webserver1', 'echo', ['a', 'b'], kwargs)).toEqual([['a', 'b'], kwargs]);
    expect(await agent.request('whoami')).toBe('webserver1');
    const notified = once(manager, 'notification') as Promise<unknown[]>;
    expect(agent.notify('motion', { at: 'door' })).toBe(true);
    expect(await notified).toEqual([{ agent: 'webserver1', type: 'motion', data: { at: 'door' } }]);
  });

  it('run commands: the answer first, then the progress in order, then the result', async () => {
    await using manager = await startManager();
    await using agent = startAgent(manager.port, {
      commands: {
        count: ({ progress }) => {
          for (const current of [1, 2]) progress({ current, total: 3, message: `${current}` });
          return { success: true, changed: true, output: 'counted' };
        },
        fails: () => {
          throw new Error('at /home/secret/file.ts:3');
        },
        refuses: () => {
          throw new RedPepperRefusal('not today');
        },
      },
    });
    await connected(agent);
    const told: string[] = [];
    const result = await manager.command(
      'webserver1',
      'count',
      [],
      {},
      {
        onProgress: ({ current, total, message }) => told.push(`${current}/${total} ${message}`),
      },
    );
    expect(result).toEqual({ success: true, changed: true, output: 'counted' });
    expect(told).toEqual(['0/1 Running count...', '1/3 1', '2/3 2', '1/1 Finished count']);
    const output = async (type: string) => (await manager.command('webserver1', type)).output;
    expect(await output('fails')).toBe('command failed');
    expect(await output('refuses')).toBe('not today');
    expect(await output('unheard-of')).toBe('unknown command unheard-of');
  });

  it('do not tell each other what went wrong inside, but tell their own application', async () => {
    const secret = new Error('password of the database: hunter2');
    await using manager = await startManager({
      workMs: 200,
      methods: {
        breaks: () => Promise.reject(secret),
        refuses: () => {
          throw new RedPepperRefusal('there is no such door');
        },
        odd: () => (() => 1) as unknown as RedPepperValue,
        hangs: () => new Promise(() => {}),
      },
    });
    await using agent = startAgent(manager.port);
    await connected(agent);
    const failures: unknown[] = [];
    manager.on('handlerFailed', ({ error }) => failures.push(error));
    const answer = (method: string) => agent.request(method).catch((error: unknown) => (error as Error).message);
    expect(await answer('breaks')).toBe('breaks: RPC call failed');
    expect(await answer('refuses')).toBe('refuses: there is no such door');
    expect(await answer('toString')).toBe('toString: Method toString not found');
    expect(await answer('hangs')).toBe('hangs: time limit reached');
    expect(await answer('odd')).toBe('odd: RPC call failed');
    expect(failures[0]).toBe(secret);
    expect(failures).toHaveLength(2);
  });

  it('a request ends by its time limit, by its signal, or with the connection', async () => {
    await using manager = await startManager();
    await using agent = startAgent(manager.port, { methods: { hangs: () => new Promise(() => {}) }, ...soon });
    await connected(agent);
    const code = (asked: Promise<unknown>) =>
      asked.then(
        () => 'answered',
        (error: unknown) => (error instanceof RedPepperError ? error.code : error),
      );
    expect(await code(manager.request('webserver1', 'hangs', [], {}, { limitMs: 50 }))).toBe('timedOut');
    const controller = new AbortController();
    const cancelled = code(manager.request('webserver1', 'hangs', [], {}, { signal: controller.signal }));
    controller.abort();
    expect(await cancelled).toBe('cancelled');
    const waits = code(manager.request('webserver1', 'hangs'));
    const command = code(manager.command('webserver1', 'noop.Noop', [], {}));
    await agent.close();
    expect(await waits).toBe('disconnected');
    expect(['answered', 'disconnected']).toContain(await command);
    expect(await code(manager.request('webserver1', 'hangs'))).toBe('disconnected');
    expect(await code(agent.request('custom'))).toBe('disconnected');
    const long = code(manager.request('webserver1', 'x', ['y'.repeat(2 ** 20)]));
    expect(await long).toBe('disconnected');
  });

  it('a request that comes twice is worked on once', async () => {
    let executions = 0;
    await using manager = await startManager({ methods: { count: () => ++executions } });
    await using driver = await rawAgent(manager.port);
    const request = { t: 20, id: 'd', method: 'count', args: [], kwargs: {} };
    driver.play([
      {
        at_ms: 0,
        from: 'agent',
        send: [{ msg: { t: 10, id: 'webserver1', version: '0.3.4', credentials: 'notasecret' } }],
      },
      { at_ms: 10, from: 'agent', send: [{ msg: request }, { msg: request }] },
      { at_ms: 300, from: 'agent', send: [{ msg: request }] },
    ]);
    // The copy that comes during the work is answered by its result, the one after it by the same again.
    await expect.poll(() => driver.said.length, { timeout: 5000 }).toBe(3);
    expect(driver.said.slice(1)).toEqual([
      { t: 21, id: 'd', success: true, data: 1 },
      { t: 21, id: 'd', success: true, data: 1 },
    ]);
    expect(executions).toBe(1);
  });

  it('one identity, one session: the newer ends the older, which hears why', async () => {
    await using manager = await startManager();
    await using first = startAgent(manager.port);
    await connected(first);
    const ended = once(first, 'disconnected');
    await using second = startAgent(manager.port);
    await connected(second);
    expect(await ended).toEqual([{ reason: 'superseded by another connection' }]);
    expect(manager.agents).toEqual(['webserver1']);
    expect(await manager.command('webserver1', 'noop.Noop')).toMatchObject({ success: true });
  });

  it('an agent comes again when its manager was away, and nothing of the old session is left', async () => {
    const first = await startManager();
    const { port } = first;
    await using agent = startAgent(port, soon);
    await connected(agent);
    const ended = once(agent, 'disconnected');
    const [again] = [once(agent, 'connected')];
    await first.close('maintenance');
    expect(await ended).toEqual([{ reason: 'maintenance' }]);
    await using second = await startManager({ port });
    await again;
    expect(await second.waitFor('webserver1', 5000)).toBe(true);
    expect(await second.command('webserver1', 'noop.Noop')).toMatchObject({ success: true });
  });
});

describe.skipIf(typeof made === 'string')('who is not let in', () => {
  it.each([
    ['from an address that the manager does not allow', { allow: ['10.0.0.0/8'] }],
    [
      'from an address that is not allowed for this agent',
      { identities: { webserver1: { secret: unsaltedSha256('notasecret'), allow: ['192.0.2.1'] } } },
    ],
    ['with other credentials', { identities: { webserver1: { secret: unsaltedSha256('other') } } }],
    ['that nobody knows', { identities: {} }],
  ])('an agent %s hears the same as every other, and no event has its credentials', async (_, options) => {
    await using manager = await startManager(options);
    const events: unknown[] = [];
    for (const name of ['turnedAway', 'joined', 'left', 'handlerFailed'] as const) {
      manager.on(name, (event: unknown) => events.push([name, event]));
    }
    await using agent = startAgent(manager.port);
    expect(await once(agent, 'disconnected')).toEqual([{ reason: 'authentication failed' }]);
    await expect
      .poll(() => events)
      .toEqual([['turnedAway', { address: '127.0.0.1', reason: 'authentication failed' }]]);
    expect(JSON.stringify([events, manager.counters])).not.toMatch(/notasecret|[0-9a-f]{64}/);
  });

  it('who is not through its hello when the manager closes hears Bye, and is not told of as turned away', async () => {
    const manager = await startManager();
    const events: unknown[] = [];
    manager.on('turnedAway', (event) => events.push(event));
    await using driver = await rawAgent(manager.port);
    await expect.poll(() => manager.counters.connections).toBe(1);
    await manager.close();
    await expect.poll(() => driver.said).toEqual([{ t: 14, reason: 'shutting down' }]);
    expect(events).toEqual([]);
  });

  it('an agent with salted credentials is', async () => {
    await using manager = await startManager({
      identities: { webserver1: { secret: await hashCredentials('notasecret') } },
    });
    await using agent = startAgent(manager.port);
    await connected(agent);
    expect(manager.agents).toEqual(['webserver1']);
  });

  it('who speaks TLS 1.2 only, or begins no TLS at all, is cut off', async () => {
    await using manager = await startManager({ helloMs: 200 });
    const { ca, client } = keys();
    const old = connect({ port: manager.port, host: '127.0.0.1', ca, ...client, maxVersion: 'TLSv1.2' });
    await expect(once(old, 'secureConnect')).rejects.toThrow();
    const mute = connectTcp({ port: manager.port, host: '127.0.0.1' });
    mute.resume();
    mute.on('error', () => {});
    await once(mute, 'close');
    expect(manager.counters.connections).toBe(0);
  });

  it.each([
    ['is of another authority', () => ({ ca: keys().client.cert })],
    ['has another name', () => ({ ca: keys().ca, servername: 'other.example' })],
  ])('a manager whose certificate %s hears nothing from the agent', async (_, tls) => {
    await using manager = await startManager();
    await using agent = startAgent(manager.port, { tls: { ...keys().client, ...tls() } });
    const [{ error }] = (await once(agent, 'unreachable')) as [{ readonly error: unknown }];
    expect(error).toBeInstanceOf(Error);
    expect(manager.counters.received).toBe(0);
  });

  it('an agent takes a manager by the name in its certificate, whatever its address', async () => {
    await using manager = await startManager();
    await using agent = startAgent(manager.port, { tls: { ...keys().client, ca: keys().ca, servername: 'localhost' } });
    await connected(agent);
    expect(manager.agents).toEqual(['webserver1']);
  });
});

describe('credentials', () => {
  it('are stored with a salt of their own, and the form without one has its name before it', async () => {
    const [one, two] = [await hashCredentials('notasecret'), await hashCredentials('notasecret')];
    expect(one).not.toBe(two);
    const sha256 = redPepperVectors.vectors.find(({ name }) => name === 'secret-hash')?.output['sha256'] as string;
    expect(unsaltedSha256('notasecret')).toBe(`unsalted-sha256:${sha256}`);
    const check = new CredentialCheck({ a: { secret: one }, b: { secret: unsaltedSha256('notasecret') } });
    const judged = (id: string, text: string) => check.check(id, text);
    expect(await Promise.all([judged('a', 'notasecret'), judged('b', 'notasecret')])).toEqual([true, true]);
    expect(await Promise.all([judged('a', 'x'), judged('b', 'x'), judged('c', 'notasecret')])).toEqual([
      false,
      false,
      false,
    ]);
    // The bare hash, as 0.3.4 stores it, is not taken for anything.
    expect(() => new CredentialCheck({ a: { secret: sha256 } })).toThrow(TypeError);
  });

  it.each(['', 'scrypt:16384:8:1:00:00', `scrypt:3:8:1:${'0'.repeat(32)}:${'0'.repeat(64)}`, 'plain:notasecret'])(
    'that cannot be read (%j) are refused by the name of the agent only',
    (secret) => {
      expect(() => new CredentialCheck({ 'camera-1': { secret } })).toThrow(
        new TypeError('the secret of "camera-1" is no hash that is known'),
      );
    },
  );
});

describe('allowed addresses', () => {
  it('are addresses and ranges of both families, IPv4 in IPv6 as well', () => {
    const allowed = new AllowedAddresses(['127.0.0.0/8', '2001:db8::/32', '10.1.2.3']);
    const inside = ['127.0.0.1', '127.9.9.9', '2001:db8:1::7', '10.1.2.3', '::ffff:127.0.0.1'];
    expect(inside.filter((address) => !allowed.has(address))).toEqual([]);
    const outside = ['128.0.0.1', '2001:db9::1', '10.1.2.4', '::1', '', 'localhost', undefined];
    expect(outside.filter((address) => allowed.has(address))).toEqual([]);
  });

  it.each(['', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', 'localhost', '10.0.0.0/x'])('%j is neither', (range) => {
    expect(() => new AllowedAddresses([range])).toThrow(TypeError);
  });
});
