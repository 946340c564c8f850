import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LengthPrefixReader } from '../../src/neighbours/core/framing.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  MessageType,
} from '../../src/neighbours/redpepper/core/message.ts';
import { toHex } from '../codec/bytes.ts';
import { expectedOf } from '../support/redpepper-player.ts';
import { redPepperVectors } from '../support/redpepper-vectors.ts';
import { AgentWorld, ManagerWorld } from '../support/redpepper-world.ts';
import { seedFromEnv } from '../support/seeded.ts';

const { scenarios, vectors } = redPepperVectors;
const hello = (version = '0.3.4', id = 'webserver1') => ({ t: 10, id, version, credentials: 'notasecret' });
const steps = (...at: readonly (readonly [atMs: number, msg: object])[]) =>
  at.map(([at_ms, msg]) => ({ at_ms, from: 'agent' as const, send: [{ msg: msg as never }] }));
const scenario = (name: string) => {
  const found = scenarios.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no scenario ${name}`);
  return found;
};
/** What each scenario may be late or early, ms. */
const TOLERANCE_MS = 60;

const timed = [
  ...['mgr-normal', 'mgr-wrong-secret', 'mgr-unknown-id', 'mgr-no-hello', 'mgr-ping-first', 'mgr-zero-length'],
  ...['mgr-hello-and-ping-coalesced', 'mgr-length-over-limit', 'mgr-garbage', 'mgr-unknown-type', 'mgr-ping-ignored'],
  ...['mgr-bye', 'mgr-version-9', 'agent-manager-version-9', 'agent-no-manager-hello', 'agent-bye-instead-of-hello'],
  ...['agent-manager-closes-after-300-ms', 'agent-bye-after-handshake'],
];

describe('a recorded scenario on virtual time', () => {
  it.each(timed)('%s: every message and the end in their time', (name) => {
    const played = scenario(name);
    const expected = expectedOf(played);
    const isManager = played.subject === 'manager';
    const world = isManager ? new ManagerWorld() : new AgentWorld();
    if (world instanceof AgentWorld) {
      world.step({ kind: 'start' });
      world.run(0);
    } else world.connect(name !== 'mgr-ping-ignored');
    const [driver] = world.drivers;
    if (driver === undefined) throw new Error('no connection');
    driver.play(played.steps);
    world.run(5000);
    expect(driver.said).toEqual(expected.said);
    for (const [index, { atMs }] of driver.heard.entries()) {
      expect(Math.abs(atMs - (expected.atMs[index] ?? 0))).toBeLessThanOrEqual(TOLERANCE_MS);
    }
    if (expected.closedAtMs === null) expect(driver.closedAtMs).toBeUndefined();
    else expect(Math.abs((driver.closedAtMs ?? -1) - expected.closedAtMs)).toBeLessThanOrEqual(TOLERANCE_MS);
  });

  it('request-without-answer: fails after 30 s, and an answer that comes later is stray', () => {
    const world = new ManagerWorld();
    const driver = world.connect();
    driver.play(steps([0, hello()], [31_000, { t: 21, id: 'a', success: true, data: null }]));
    world.run(200);
    const bytes = encodeMessage({ t: MessageType.REQUEST, id: 'a', method: 'command', args: [], kwargs: {} });
    world.step({ kind: 'request', link: 1, id: 'a', bytes });
    world.run(32_000);
    expect(world.told.filter(({ output }) => output.kind === 'settled')).toEqual([
      { atMs: 30_200, output: { kind: 'settled', link: 1, id: 'a', settlement: { outcome: 'timedOut' } } },
    ]);
    expect(world.manager.counters).toMatchObject({ strayResponse: 1 });
    expect(driver.closedAtMs).toBeUndefined();
  });
});

describe('a manager', () => {
  it('sends nothing before its hello, and messages that arrive together at least 5 ms apart', () => {
    const world = new ManagerWorld();
    const driver = world.connect();
    const pings = [1, 2, 3, 4].map((data) => ({ msg: { t: 12, data } }));
    driver.play([{ at_ms: 0, from: 'agent', send: [{ msg: hello() }, ...pings] }]);
    world.run(1000);
    expect(driver.heard.map(({ atMs, message }) => [atMs, (message as { t: number }).t])).toEqual([
      ...[
        [10, 11],
        [15, 13],
        [20, 13],
        [25, 13],
      ],
      [30, 13],
    ]);
  });

  it('has one live session for an identity: the newer ends the older, once it proved itself', () => {
    const world = new ManagerWorld();
    const first = world.connect();
    first.play(steps([0, hello()]));
    world.run(1000);
    const impostor = world.connect();
    impostor.play(steps([0, { ...hello(), credentials: 'guessed' }]));
    world.run(1100);
    expect([first.closedAtMs, impostor.said]).toEqual([undefined, [{ t: 14, reason: 'authentication failed' }]]);
    const second = world.connect();
    second.play(steps([0, hello()]));
    world.run(1500);
    expect(first.said.at(-1)).toEqual({ t: 14, reason: 'superseded by another connection' });
    expect([first.closedAtMs, second.closedAtMs]).toEqual([1110, undefined]);
    expect(world.manager.counters).toMatchObject({ admitted: 2, superseded: 1, refused: 1 });
  });

  it('survives an agent that comes again at once: 20 connections, then one a second, and no other is kept out', () => {
    const world = new ManagerWorld();
    for (let number = 0; number < 200; number++) {
      world.queue.at(number * 50, () => {
        const driver = world.connect();
        driver.play(steps([0, hello()], [30, { t: 14, reason: 'again' }]));
      });
    }
    world.run(20_000);
    const { admitted, tooMany, connections } = world.manager.counters;
    expect(connections).toBe(200);
    // 20 at once, and one for each of the 10 seconds.
    expect(admitted).toBeGreaterThanOrEqual(28);
    expect(admitted).toBeLessThanOrEqual(30);
    expect(admitted + tooMany).toBe(200);
    expect(world.manager.sessions).toBe(0);
    expect(world.drivers.at(-1)?.said).toEqual([{ t: 14, reason: 'too many connections' }]);
  });

  it('ignores a Pong with other data, and the time-out decides', () => {
    const world = new ManagerWorld();
    const driver = world.connect(false);
    driver.play(steps([0, hello()], [2050, { t: 13, data: 5_000_000 }]));
    world.run(5000);
    expect(world.manager.counters).toMatchObject({ strayPong: 1 });
    expect(driver.closedAtMs).toBe(4010);
  });

  it('takes a Pong that answers the last Ping but one, as 0.3.4 is one message behind', () => {
    const world = new ManagerWorld();
    const driver = world.connect(false);
    driver.play(steps([0, hello()]));
    world.run(3100);
    const [first] = driver.heard.flatMap(({ message }) =>
      typeof message !== 'string' && message.t === MessageType.PING ? [message.data] : [],
    );
    driver.play(steps([3200, { t: 13, data: first }]));
    world.run(4900);
    expect(driver.closedAtMs).toBeUndefined();
  });

  it('gets its answer from a peer that takes one message for each piece that arrives, and is three behind', () => {
    const world = new ManagerWorld({ pingIntervalMs: 30_000 });
    const driver = world.connect(false);
    const held: Message[] = [];
    const reader = new LengthPrefixReader();
    let pieces = 0;
    driver.play(steps([0, hello()]));
    world.run(100);
    driver.received = (bytes) => {
      reader.read(bytes, (body) => {
        const decoded = decodeMessage(body);
        return decoded.ok && held.push(decoded.message) > 0;
      });
      pieces++;
      // The first four arrive together.
      const next = pieces < 4 ? undefined : held.shift();
      const at = { at_ms: world.queue.nowMs, from: 'agent' as const };
      if (next?.t === MessageType.PING) driver.play([{ ...at, send: [{ msg: { t: 13, data: next.data } }] }]);
      else if (next?.t === MessageType.REQUEST) {
        driver.play([{ ...at, send: [{ msg: { t: 21, id: next.id, success: true, data: null } }] }]);
      }
    };
    for (const id of ['a', 'b', 'c', 'd']) {
      const bytes = encodeMessage({ t: MessageType.REQUEST, id, method: 'm', args: [], kwargs: {} });
      world.step({ kind: 'request', link: 1, id, bytes });
    }
    world.run(20_000);
    const settled = world.told.flatMap(({ atMs, output }) =>
      output.kind === 'settled' ? [[output.id, output.settlement.outcome, Math.floor(atMs / 1000)]] : [],
    );
    expect(settled).toEqual([
      ['a', 'answered', 0],
      ['b', 'answered', 1],
      ['c', 'answered', 2],
      ['d', 'answered', 3],
    ]);
    expect(world.manager.counters).toMatchObject({ strayPong: 0 });
    // Nobody waits any more: the last Pings are still held, and no others are sent.
    expect(held).toHaveLength(3);
  });

  it('works on requests in the order in which they came, each once, and refuses what is too much', () => {
    const world = new ManagerWorld({ workingMax: 2 });
    const driver = world.connect();
    const request = (id: string) => ({ t: 20, id, method: 'm', args: [], kwargs: {} });
    driver.play(steps([0, hello()], [20, request('a')], [21, request('b')], [22, request('a')], [23, request('c')]));
    world.run(50);
    const executed = () => world.told.flatMap(({ output }) => (output.kind === 'execute' ? [output.id] : []));
    expect(executed()).toEqual(['a']);
    world.step({ kind: 'finished', link: 1, id: 'a', success: true, data: 2n ** 60n });
    expect(executed()).toEqual(['a', 'b']);
    world.step({ kind: 'finished', link: 1, id: 'b', success: true, data: 'x'.repeat(1_048_577) });
    driver.play(steps([60, request('a')]));
    world.run(100);
    expect(driver.said.slice(1)).toEqual([
      { t: 21, id: 'c', success: false, data: 'too many requests' },
      { t: 21, id: 'a', success: true, data: 2n ** 60n },
      { t: 21, id: 'b', success: false, data: 'result too large' },
      { t: 21, id: 'a', success: true, data: 2n ** 60n },
    ]);
    expect(world.manager.counters).toMatchObject({ duplicateRequest: 2, busy: 1, responseTooLarge: 1 });
  });

  it('fails the requests that wait when the connection ends, and those that come after it', () => {
    const world = new ManagerWorld();
    const driver = world.connect();
    driver.play(steps([0, hello()]));
    world.run(100);
    const ask = (id: string): void => {
      const bytes = encodeMessage({ t: MessageType.REQUEST, id, method: 'm', args: [], kwargs: {} });
      world.step({ kind: 'request', link: 1, id, bytes });
    };
    ask('a');
    ask('b');
    world.disconnect(1);
    world.run(200);
    ask('c');
    const settled = world.told.flatMap(({ output }) =>
      output.kind === 'settled' ? [`${output.id} ${output.settlement.outcome}`] : [],
    );
    expect(settled).toEqual(['a disconnected', 'b disconnected', 'c disconnected']);
  });

  it('lives through anything that is sent to it, and no end of its choice is without a reason', () => {
    const seed = seedFromEnv('neighbours/redpepper-cores');
    const known = vectors.flatMap(({ kind, hex }) => (kind === 'encode' || kind === 'decode' ? [hex] : []));
    const piece = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...known) },
      { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => toHex(bytes)) },
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, greets) => {
        const world = new ManagerWorld();
        const driver = world.connect();
        if (greets) driver.play(steps([0, hello()]));
        driver.play(pieces.map((hex, index) => ({ at_ms: 20 + index, from: 'agent', send: [{ hex }] })));
        world.run(10_000);
        const byPeer = world.told.some(({ output }) => output.kind === 'over' && output.ending === 'bye');
        const isOver = driver.closedAtMs !== undefined;
        if (isOver && !byPeer) expect(driver.said.at(-1)).toMatchObject({ t: MessageType.BYE });
        expect(world.manager.sessions).toBe(isOver ? 0 : 1);
      }),
      { seed, numRuns: 200 },
    );
  });

  it('ends a connection whose peer does not read', () => {
    const world = new ManagerWorld();
    const driver = world.connect();
    driver.play(steps([0, hello()]));
    world.run(100);
    world.step({ kind: 'refused', link: 1, refusal: 'queueFull' });
    world.run(200);
    expect([driver.said.at(-1), driver.closedAtMs]).toEqual([{ t: 14, reason: 'messages are not read' }, 100]);
    expect(world.manager.sessions).toBe(0);
  });

  it.each([
    ['a notification before the hello', { t: 22, type: 'x', data: null }, 'expected hello'],
    ['a manager hello', { t: 11, version: '0.3.4' }, 'expected hello'],
    ['an unknown type', { t: 99 }, 'expected hello'],
    ['a hello without credentials', { t: 10, id: 'webserver1', version: '0.3.4' }, 'malformed message'],
  ])('turns %s away', (_, msg, reason) => {
    const world = new ManagerWorld();
    const driver = world.connect();
    driver.play(steps([0, msg]));
    world.run(100);
    expect([driver.said, driver.closedAtMs]).toEqual([[{ t: 14, reason }], 0]);
  });
});

describe('an agent', () => {
  const delays = vectors.find(({ name }) => name === 'reconnect-delays')?.output['delays_s'] as number[];

  it('comes again after 2, 4, 8 … 64 s, each spread by a fifth, when nobody listens', () => {
    const world = new AgentWorld({}, seedFromEnv('neighbours/redpepper-cores'));
    world.listens = false;
    world.step({ kind: 'start' });
    world.run(400_000);
    const waits = world.triesAtMs.slice(1).map((atMs, index) => (atMs - (world.triesAtMs[index] ?? 0)) / 1000);
    expect(waits.length).toBeGreaterThanOrEqual(7);
    for (const [index, wait] of waits.entries()) {
      const delay = delays[Math.min(index, delays.length - 1)] ?? 0;
      expect(wait).toBeGreaterThanOrEqual(0.8 * delay);
      expect(wait).toBeLessThanOrEqual(1.2 * delay);
    }
    expect(new Set(waits.map((wait) => wait.toFixed(3))).size).toBeGreaterThan(5);
  });

  it('backs off after an orderly end too, and forgets only after a connection of 60 s', () => {
    const world = new AgentWorld();
    world.step({ kind: 'start' });
    const play = (livesMs: number): void => {
      world.drivers.at(-1)?.play([
        { at_ms: 10, from: 'manager', send: [{ msg: { t: 11, version: '0.3.4' } }] },
        { at_ms: 10 + livesMs, from: 'manager', send: [{ msg: { t: 14, reason: 'x' } }] },
      ]);
    };
    const failures: number[] = [];
    for (const livesMs of [300, 300, 300, 61_000]) {
      const tries = world.triesAtMs.length;
      world.run(world.queue.nowMs + 1);
      play(livesMs);
      while (world.triesAtMs.length === tries) world.run(world.queue.nowMs + 100);
      failures.push(world.agent.failures);
    }
    expect(failures).toEqual([1, 2, 3, 1]);
  });
});
