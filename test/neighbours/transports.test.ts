import { once } from 'node:events';
import { createServer, connect as netConnect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type MemoryPairOptions, memoryPair } from '../../src/neighbours/core/memory-transport.ts';
import type { Transport } from '../../src/neighbours/core/transport.ts';
import { connectDatagrams, type DatagramTransport, listenDatagrams } from '../../src/neighbours/datagram-transport.ts';
import { spawnTransport } from '../../src/neighbours/process-transport.ts';
import { StreamTransport } from '../../src/neighbours/stream-transport.ts';
import { connectTcp, connectTls, listenTcp, listenTls } from '../../src/neighbours/tcp-transport.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { fromHex } from '../codec/bytes.ts';
import { certificates } from '../support/certificates.ts';
import { bytesOf, Heard } from '../support/heard.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { skipBecause } from '../support/skip-because.ts';

function pairOf(options: Partial<MemoryPairOptions> = {}) {
  const queue = new EventQueue();
  const pair = memoryPair({ queue, seed: 1, kind: 'stream', ...options });
  return { queue, ...pair, atLeft: new Heard(pair.left), atRight: new Heard(pair.right) };
}

const names = Array.from({ length: 200 }, (_, index) => `message ${index}`);

describe('the simulated byte stream', () => {
  it('loses nothing and keeps the order over a link that loses, reorders and doubles', () => {
    const seed = seedFromEnv('neighbours/transports');
    const link = { loss: 0.2, reorder: 0.2, duplication: 0.1, oneWayMs: 10, jitterMs: 30 };
    const { queue, left, right, atLeft, atRight } = pairOf({ seed, link, pieceBytesMax: 9 });
    for (const name of names)
      expect([left.send(bytesOf(name)), right.send(bytesOf(name))]).toEqual([undefined, undefined]);
    queue.runUntil(600_000);
    expect([atLeft.texts, atRight.texts]).toEqual([names, names]);
  });

  it('ends in order: first what was sent, then the end, then both are closed', () => {
    const { queue, left, right, atLeft, atRight } = pairOf({ link: { oneWayMs: 10 } });
    left.send(bytesOf('last'));
    left.close();
    expect(left.send(bytesOf('late'))).toBe('closed');
    queue.runUntil(10);
    expect([atRight.texts, atRight.endings, atLeft.ends]).toEqual([
      ['last'],
      1,
      [{ cause: 'local', truncated: false, detail: undefined }],
    ]);
    right.close();
    queue.runUntil(20);
    expect(atRight.ends).toEqual([{ cause: 'ended', truncated: false, detail: undefined }]);
  });

  it('closes after a while when the peer cannot be reached', () => {
    const { queue, left, there, atLeft } = pairOf();
    there.partitioned = true;
    left.send(bytesOf('x'));
    left.close();
    queue.runUntil(4999);
    expect(atLeft.ends).toEqual([]);
    queue.runUntil(5000);
    expect(atLeft.ends).toHaveLength(1);
  });

  it('refuses what would wait beyond its limit, and says when there is room', () => {
    const { queue, left, atLeft, atRight } = pairOf({ queueBytesMax: 100, link: { oneWayMs: 10 } });
    const message = new Uint8Array(60);
    expect([left.send(message), left.send(message)]).toEqual([undefined, 'queueFull']);
    expect([left.send(new Uint8Array(0)), left.send(new Uint8Array(1_048_577))]).toEqual(['empty', 'tooLarge']);
    queue.runUntil(10);
    expect([atLeft.writables, left.send(message), atRight.messages.length]).toEqual([1, undefined, 1]);
    expect(left.counters).toMatchObject({ sent: 2, queueFull: 1, empty: 1, tooLarge: 1 });
  });

  it('lets a reader that paused push back on the writer', () => {
    const { queue, left, right, atRight } = pairOf({ queueBytesMax: 100 });
    right.pause();
    left.send(new Uint8Array(60));
    queue.runUntil(1000);
    expect([left.send(new Uint8Array(60)), atRight.messages.length]).toEqual(['queueFull', 0]);
    right.resume();
    queue.runUntil(2000);
    expect([left.send(new Uint8Array(60)), atRight.messages.length]).toEqual([undefined, 1]);
  });

  it('tells of a length that cannot be, once, and can still answer', () => {
    const { queue, left, right, atLeft, atRight } = pairOf();
    left.send(bytesOf('good'));
    left.write(fromHex('00000000'));
    left.send(bytesOf('unread'));
    queue.runUntil(1);
    expect([atRight.texts, atRight.faults]).toEqual([['good'], ['empty']]);
    right.send(bytesOf('sorry'));
    right.close();
    queue.runUntil(2);
    expect([atLeft.texts, atLeft.endings, right.counters.malformed]).toEqual([['sorry'], 1, 1]);
  });

  it('tells of an end within a message', () => {
    const { queue, left, right, atRight } = pairOf();
    left.write(fromHex('0000000561'));
    left.close();
    queue.runUntil(1);
    right.close();
    queue.runUntil(2);
    expect([atRight.endings, atRight.truncated]).toEqual([1, true]);
    expect(atRight.ends).toMatchObject([{ cause: 'ended', truncated: true }]);
  });

  it('is reset by a destroy, and what waits is lost', () => {
    const { queue, left, atLeft, atRight } = pairOf({ link: { oneWayMs: 10 } });
    left.destroy();
    queue.runUntil(20);
    expect([atLeft.ends, atRight.ends]).toMatchObject([
      [{ cause: 'local' }],
      [{ cause: 'failed', detail: 'ECONNRESET' }],
    ]);
  });
});

describe('simulated datagrams', () => {
  it('are lost, doubled and overtaken as the link has it, and each is whole', () => {
    const { queue, left, atRight, there } = pairOf({
      kind: 'datagram',
      seed: 3,
      link: { loss: 0.3, duplication: 0.2, jitterMs: 50 },
    });
    for (const name of names) left.send(bytesOf(name));
    queue.runUntil(1000);
    const { lost, duplicated } = there.counters;
    expect(atRight.texts).toHaveLength(200 - (lost.random ?? 0) + duplicated);
    expect(atRight.texts.every((text) => names.includes(text))).toBe(true);
    expect(left.send(new Uint8Array(1201))).toBe('tooLarge');
  });
});

/** What every transport over a byte stream must do. */
async function checkStream(near: Transport, far: Transport): Promise<void> {
  const [atNear, atFar] = [new Heard(near), new Heard(far)];
  const large = new Uint8Array(1_048_576).fill(0x5a);
  for (const name of names) near.send(bytesOf(name));
  expect(near.send(large)).toBeUndefined();
  far.send(bytesOf('hello'));
  await Promise.all([
    atFar.until(({ messages }) => messages.length === 201),
    atNear.until(({ messages }) => messages.length === 1),
  ]);
  expect([atFar.texts.slice(0, 200), atFar.messages[200]?.length, atNear.texts]).toEqual([names, 1_048_576, ['hello']]);
  expect(near.send(new Uint8Array(1_048_577))).toBe('tooLarge');
  far.send(bytesOf('goodbye'));
  far.close();
  await atNear.until(({ endings }) => endings === 1);
  expect(atNear.texts).toEqual(['hello', 'goodbye']);
  near.close();
  await Promise.all([atNear.until(({ ends }) => ends.length === 1), atFar.until(({ ends }) => ends.length === 1)]);
  expect([atNear.ends, atFar.ends]).toMatchObject([[{ cause: 'ended', truncated: false }], [{ truncated: false }]]);
  expect(near.send(bytesOf('late'))).toBe('closed');
}

/** The other end of the next connection. */
function nextOf<T>(): { readonly accept: (transport: T) => void; readonly next: Promise<T> } {
  let accept: (transport: T) => void = () => {};
  const next = new Promise<T>((resolve) => {
    accept = resolve;
  });
  return { accept, next };
}

describe('a real byte stream', () => {
  it('over TCP carries every message, refuses what is too large, and ends in order', async () => {
    const { accept, next } = nextOf<StreamTransport>();
    const listener = await listenTcp({ port: 0 }, accept);
    await checkStream(await connectTcp({ port: listener.port }), await next);
    await listener.close();
  });

  it('over TLS with certificates of both ends carries every message and ends in order', async (test) => {
    const made = certificates();
    if (typeof made === 'string') return skipBecause(test, made);
    const { ca, server, client } = made;
    const { accept, next } = nextOf<StreamTransport>();
    const listener = await listenTls(
      { port: 0 },
      { ...server, ca, requestCert: true, rejectUnauthorized: true },
      accept,
    );
    const near = await connectTls({ port: listener.port }, { ...client, ca });
    await checkStream(near, await next);
    await listener.close();
  });

  it('over the standard input and output of a child process carries what cat sends back', async () => {
    const { transport, ended } = spawnTransport('cat', []);
    const heard = new Heard(transport);
    for (const name of names) transport.send(bytesOf(name));
    await heard.until(({ messages }) => messages.length === 200);
    expect(heard.texts).toEqual(names);
    transport.close();
    await heard.until(({ ends }) => ends.length === 1);
    expect([await ended, heard.ends]).toMatchObject([{ code: 0, signal: null }, [{ cause: 'local' }]]);
  });

  it('tells that a child process ended by itself, and that one could not be started', async () => {
    const dies = spawnTransport('sh', ['-c', 'printf "\\000\\000\\000\\001x\\000\\000"; exit 3']);
    const heard = new Heard(dies.transport);
    await heard.until(({ endings, ends }) => endings + ends.length > 0);
    dies.transport.close();
    await heard.until(({ ends }) => ends.length === 1);
    expect([heard.texts, heard.ends, await dies.ended]).toMatchObject([['x'], [{ truncated: true }], { code: 3 }]);
    const missing = spawnTransport('/nowhere/at-all', []);
    const nothing = new Heard(missing.transport);
    expect((await missing.ended).error).toMatchObject({ code: 'ENOENT' });
    missing.transport.close();
    await nothing.until(({ ends }) => ends.length === 1);
  });

  it('closes one connection for a length that cannot be and serves the others', async () => {
    const all: Heard[] = [];
    const listener = await listenTcp({ port: 0 }, (transport) => {
      const heard = new Heard(transport);
      all.push(heard);
      heard.until(({ faults }) => faults.length > 0).then(() => transport.close());
    });
    const bad = netConnect(listener.port, '127.0.0.1');
    bad.end(fromHex('00100001'));
    await once(bad.resume(), 'close');
    const good = await connectTcp({ port: listener.port });
    good.open({ message() {}, malformed() {}, ended() {}, writable() {}, closed() {} });
    good.send(bytesOf('fine'));
    await all[1]?.until(({ messages }) => messages.length === 1);
    expect(all.map(({ faults, texts }) => [faults, texts])).toEqual([
      [['tooLong'], []],
      [[], ['fine']],
    ]);
    good.destroy();
    all[1]?.transport.close();
    await listener.close();
  });

  it('turns away connections beyond its limit', async () => {
    const listener = await listenTcp({ port: 0, connectionsMax: 1 }, () => {});
    const first = await connectTcp({ port: listener.port });
    const second = await connectTcp({ port: listener.port });
    const heard = new Heard(second);
    await heard.until(({ endings, ends }) => endings + ends.length > 0);
    expect(listener.refused).toBe(1);
    first.destroy();
    second.destroy();
    await listener.close();
  });

  it('rejects where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(connectTcp({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('gives Node no more than its limit, and says when there is room', async () => {
    const [incoming, outgoing] = [new PassThrough(), new PassThrough()];
    const transport = new StreamTransport(incoming, outgoing, { queueBytesMax: 40_000 });
    const heard = new Heard(transport);
    const answers = Array.from({ length: 6 }, () => transport.send(new Uint8Array(10_000)));
    expect(answers).toContain('queueFull');
    expect(outgoing.writableLength).toBeLessThanOrEqual(40_000);
    outgoing.resume();
    await heard.until(({ writables }) => writables === 1);
    expect(transport.send(new Uint8Array(10_000))).toBeUndefined();
    transport.destroy();
    await heard.until(({ ends }) => ends.length === 1);
  });
});

describe('real datagrams', () => {
  it('make a transport of each new address, and forget the one that was silent longest', async () => {
    const heard: Heard[] = [];
    const listener = await listenDatagrams({ port: 0, peersMax: 2 }, (transport) => heard.push(new Heard(transport)));
    const peers: { transport: DatagramTransport; heard: Heard }[] = [];
    for (const name of ['a', 'b', 'a', 'c']) {
      const index = 'abc'.indexOf(name);
      if (peers[index] === undefined) {
        const transport = await connectDatagrams({ address: '127.0.0.1', port: listener.port });
        peers[index] = { transport, heard: new Heard(transport) };
      }
      const { transport, heard: answers } = peers[index];
      const before = answers.messages.length;
      transport.send(bytesOf(name));
      while (heard.flatMap(({ texts }) => texts).filter((text) => text === name).length <= before) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      heard[index]?.transport.send(bytesOf(`${name}!`));
      await answers.until(({ messages }) => messages.length === before + 1);
    }
    expect(heard.map(({ texts }) => texts)).toEqual([['a', 'a'], ['b'], ['c']]);
    expect(peers.map((peer) => peer.heard.texts)).toEqual([['a!', 'a!'], ['b!'], ['c!']]);
    await heard[1]?.until(({ ends }) => ends.length === 1);
    expect([listener.forgotten, heard[0]?.ends, heard[1]?.ends]).toMatchObject([1, [], [{ cause: 'local' }]]);
    expect(peers[0]?.transport.send(new Uint8Array(1201))).toBe('tooLarge');
    for (const { transport } of peers) transport.close();
    await listener.close();
    expect(heard[0]?.ends).toHaveLength(1);
  });
});
