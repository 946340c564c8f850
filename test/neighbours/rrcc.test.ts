import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Transport } from '../../src/neighbours/core/transport.ts';
import {
  connectTcp,
  memoryPair,
  RrccError,
  type RrccFollowerOptions,
  type RrccLeaderOptions,
  rrccFollower,
  rrccLeader,
  spawnTransport,
  threadWorker,
  virtualTiming,
  WorkerDied,
} from '../../src/neighbours/rrcc/index.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { bytesOf } from '../support/heard.ts';
import { skipBecause } from '../support/skip-because.ts';

const BUILT = fileURLToPath(new URL('../../dist/src/neighbours/rrcc/index.js', import.meta.url));
const unbuilt = existsSync(BUILT) ? undefined : 'there is no dist: npm run build';
const support = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

/** Lets promises run until none of them has anything to do, without letting time pass. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Both ends in a simulated world; time passes only in `run`. */
function worldOf(methods: RrccFollowerOptions['methods'], options: RrccLeaderOptions = {}) {
  const queue = new EventQueue();
  const timing = virtualTiming(queue);
  const { left, right } = memoryPair({ queue, seed: 1, kind: 'datagram' });
  const leader = rrccLeader(left, { timing, ...options });
  const follower = rrccFollower(right, { timing, methods });
  const run = async (untilMs: number): Promise<void> => {
    for (let atMs = queue.nowMs; atMs <= untilMs; atMs += 50) {
      queue.runUntil(atMs);
      await settle();
      queue.runUntil(atMs);
      await settle();
    }
  };
  return { queue, leader, follower, left, run };
}

describe('a call', () => {
  it('rejects with the status and the short text of a follower that failed', async () => {
    const { leader, run } = worldOf({
      fails: () => {
        throw new Error(`${'long '.repeat(100)}\n    at a stack that is nobody's business`);
      },
    });
    const call = leader.call('fails', bytesOf('x')).catch((error: unknown) => error);
    await run(100);
    const error = await call;
    expect(error).toBeInstanceOf(RrccError);
    expect(error).toMatchObject({ code: 'FAILED' });
    expect(String(error)).toMatch(/^RrccError: fails: FAILED, long .*…$/);
    expect(String(error)).not.toContain('stack');
    expect(leader.exchanges).toBe(0);
  });

  it('outlives methods that throw in their check, throw where they should reject, or give no bytes', async () => {
    const thrown = (): never => {
      throw new Error('thrown');
    };
    const { leader, follower, run } = worldOf({
      checked: { worker: { run: thrown }, check: thrown },
      sync: { worker: { run: thrown } },
      text: (() => 'a text') as never,
      nothing: (() => undefined) as never,
      half: () => Promise.reject('first \ud800\nsecond'),
    });
    const codes = ['checked', 'sync', 'text', 'nothing', 'half'].map((name) =>
      leader.call(name, bytesOf('x')).then(String, (error: unknown) => String(error)),
    );
    await run(200);
    expect(await Promise.all(codes)).toEqual([
      'RrccError: checked: INTERNAL, thrown',
      'RrccError: sync: FAILED, thrown',
      'RrccError: text: FAILED, the method gave no bytes',
      'RrccError: nothing: FAILED, the method gave no bytes',
      'RrccError: half: FAILED, first \ufffd',
    ]);
    expect(follower.counters).toMatchObject({ requests: 5, stops: 4 });
  });

  it('rejects parameters that the method refuses', async () => {
    const check = (params: Uint8Array): string | undefined => (params.length === 0 ? 'no parameters' : undefined);
    const { leader, run } = worldOf({ strict: { worker: { run: async () => new Uint8Array(1) }, check } });
    const call = expect(leader.call('strict', new Uint8Array())).rejects.toThrow('strict: BAD_PARAMS, no parameters');
    await run(50);
    await call;
  });

  it('is cancelled by its signal: the handler hears of it, and the reason is the cause', async () => {
    let signalled = false;
    const { leader, follower, run } = worldOf({
      slow: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            signalled = true;
            resolve(new Uint8Array());
          });
        }),
    });
    const controller = new AbortController();
    const call = leader.call('slow', bytesOf('x'), { signal: controller.signal });
    const failed = expect(call).rejects.toMatchObject({ code: 'cancelled', cause: 'enough' });
    await run(50);
    controller.abort('enough');
    await failed;
    await run(150);
    expect([signalled, follower.counters.stops, leader.exchanges]).toEqual([true, 1, 0]);
    await expect(leader.call('slow', bytesOf('x'), { signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('that was delivered goes on only while its exchange lives', async () => {
    const { leader, run } = worldOf({ echo: ({ params }) => params });
    const call = leader.call('echo', bytesOf('x'));
    await run(50);
    const round = await call;
    round.stop();
    round.stop();
    await expect(round.continue(bytesOf('y'))).rejects.toMatchObject({ code: 'outOfStep' });
    await expect(leader.call('echo', bytesOf('x'), { deadlineMs: 0.5 })).rejects.toThrow(RangeError);
  });

  it('that waits is failed by the end of the connection, and by the end of the leader', async () => {
    const { leader, left, run } = worldOf({ slow: () => new Promise(() => {}) });
    const lost = expect(leader.call('slow', bytesOf('x'))).rejects.toMatchObject({ code: 'disconnected' });
    await run(50);
    left.destroy();
    await run(100);
    await lost;
    const other = worldOf({ slow: () => new Promise(() => {}) });
    const closed = expect(other.leader.call('slow', bytesOf('x'))).rejects.toMatchObject({ code: 'cancelled' });
    await other.leader.close();
    await closed;
    await expect(other.leader.call('slow', bytesOf('x'))).rejects.toMatchObject({ code: 'disconnected' });
  });

  it('whose worker died in the process is executed again by the next copy', async () => {
    let executions = 0;
    const { leader, follower, run } = worldOf({
      fragile: () => {
        if (++executions < 3) throw new WorkerDied('out of memory');
        return Uint8Array.of(7);
      },
    });
    const call = leader.call('fragile', bytesOf('x'), { deadlineMs: 1000 });
    await run(2500);
    expect([...(await call).result]).toEqual([7]);
    expect(follower.counters).toMatchObject({ deaths: 2, restarts: 2, executions: 3 });
  });
});

describe('a worker thread', () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstframe-rrcc-'));
  const worker = () => threadWorker(support('rrcc-thread.mjs'), { workerData: join(folder, 'died') });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('answers, fails without a stack, is restarted by a copy after it died, and is stopped when it is too late', async (test) => {
    skipBecause(test, unbuilt);
    const queue = new EventQueue();
    const { left, right } = memoryPair({ queue, seed: 1, kind: 'datagram' });
    // The follower's time is real, so that the thread can run; the leader's deadline is what the test waits for.
    const pump = setInterval(() => queue.runUntil(queue.nowMs + 1), 1);
    const leader = rrccLeader(left);
    const follower = rrccFollower(right, { methods: { thread: { worker: worker() } } });
    const call = (fate: number, deadlineMs = 20_000) => leader.call('thread', Uint8Array.of(fate, 21), { deadlineMs });
    try {
      const first = await call(0);
      expect([...first.result]).toEqual([42]);
      await expect(call(1)).rejects.toThrow(/^thread: FAILED, boom$/);
      await expect(call(3, 300)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      const again = await call(2, 1500);
      expect([...again.result]).toEqual([42]);
      expect(follower.counters).toMatchObject({ deaths: 1, restarts: 1, late: 1 });
    } finally {
      clearInterval(pump);
      await leader.close();
      await follower.close();
    }
  });
});

describe('a follower', () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

  it('has no timer of the operating system before the first Request, and one from it on', async () => {
    const queue = new EventQueue();
    const { left, right } = memoryPair({ queue, seed: 1, kind: 'stream' });
    const before = timers();
    const follower = rrccFollower(right, { methods: { echo: ({ params }) => params } });
    expect([timers(), follower.waiting]).toEqual([before, false]);
    const leader = rrccLeader(left);
    const call = leader.call('echo', bytesOf('x'));
    queue.runUntil(1);
    expect(follower.waiting).toBe(true);
    await settle();
    queue.runUntil(2);
    (await call).stop();
    await leader.close();
    await follower.close();
    expect([timers(), follower.waiting]).toEqual([before, false]);
  });

  it('does not end with its leaders, goes on with the next, and has one timer for all that they left', async (test) => {
    skipBecause(test, unbuilt);
    const child: ChildProcess = spawn(process.execPath, [support('rrcc-follower.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [said] = child.stdout === null ? [''] : await once(child.stdout, 'data');
      const port = Number(String(said));
      const connected = async (): Promise<{ transport: Transport; leader: ReturnType<typeof rrccLeader> }> => {
        const transport = await connectTcp({ port });
        return { transport, leader: rrccLeader(transport) };
      };
      for (let leaders = 0; leaders < 3; leaders++) {
        const { transport, leader } = await connected();
        const { result } = await leader.call('double', Uint8Array.of(leaders));
        expect([...result]).toEqual([2 * leaders]);
        // Crashes: the exchange is not ended, and neither is the connection in order.
        transport.destroy();
      }
      const { leader } = await connected();
      const round = await leader.call('timers', Uint8Array.of(1));
      round.stop();
      expect([...round.result]).toEqual([1]);
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
      await leader.close();
    } finally {
      child.kill();
    }
  });

  it('over its standard input and output keeps its records when they are closed, as a program of its own does', async (test) => {
    skipBecause(test, unbuilt);
    const { transport, child, ended } = spawnTransport(process.execPath, [support('rrcc-stdio.mjs')]);
    try {
      const leader = rrccLeader(transport);
      const round = await leader.call('double', Uint8Array.of(21));
      expect([...round.result]).toEqual([42]);
      await leader.close();
      // A process that starts slowly is asked more than once.
      expect(transport.counters.received).toBeGreaterThanOrEqual(2);
      expect(child.exitCode).toBeNull();
    } finally {
      child.kill();
    }
    expect(await ended).toEqual({ code: null, signal: 'SIGTERM' });
  });
});
