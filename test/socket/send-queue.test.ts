import { afterEach, describe, expect, it } from 'vitest';
import type { HintName } from '../../src/engine/counters.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import type { DatagramSocket, SocketEvents } from '../../src/io/datagram-socket.ts';
import { FrameQueue } from '../../src/io/frame-queue.ts';
import { ImpairedSocket, impairedEvents } from '../../src/io/impaired-socket.ts';
import {
  type QueuedDatagram,
  SEND_QUEUE_BYTES_MAX,
  SEND_QUEUE_DATAGRAMS_MAX,
  SendQueue,
} from '../../src/io/send-queue.ts';
import type { UdpSocketOptions } from '../../src/io/udp-socket.ts';
import { freePort } from '../support/free-port.ts';
import { bindKind, socketKinds } from '../support/sockets.ts';
import { soon, Witness } from '../support/witness.ts';

const to: Peer = { address: '127.0.0.1', port: 9 };

function queued(plane: QueuedDatagram['plane'], tag: number, more: Partial<QueuedDatagram> = {}): QueuedDatagram {
  return { bytes: Uint8Array.of(tag >> 8, tag), to, plane, replaces: undefined, ...more };
}

function tags(queue: SendQueue): string[] {
  const found: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    found.push(`${next.plane} ${((next.bytes[0] ?? 0) << 8) | (next.bytes[1] ?? 0)}`);
  }
  return found;
}

describe('the queue before a socket', () => {
  it('gives out control and feedback in order, and only then media in order', () => {
    const queue = new SendQueue();
    for (const [index, plane] of (['media', 'control', 'media', 'feedback', 'control'] as const).entries()) {
      expect(queue.push(queued(plane, index))).toBe(0);
    }
    expect(queue.length).toBe(5);
    expect(tags(queue)).toEqual(['control 1', 'feedback 3', 'control 4', 'media 0', 'media 2']);
    expect(queue.length).toBe(0);
  });

  it('S5: holds 256 datagrams, and drops the oldest media for the next', () => {
    const queue = new SendQueue();
    expect(SEND_QUEUE_DATAGRAMS_MAX).toBe(256);
    queue.push(queued('control', 1000));
    for (let i = 0; i < 255; i++) expect(queue.push(queued('media', i))).toBe(0);
    expect(queue.push(queued('control', 1001))).toBe(1);
    expect(queue.push(queued('media', 255))).toBe(1);
    expect(queue.length).toBe(256);
    const left = tags(queue);
    expect(left.slice(0, 3)).toEqual(['control 1000', 'control 1001', 'media 2']);
    expect(left.at(-1)).toBe('media 255');
  });

  it('drops the oldest control only when there is no media, and media never drives out control', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 256; i++) queue.push(queued('control', i));
    expect(queue.push(queued('media', 900))).toBe(1);
    expect(queue.push(queued('control', 256))).toBe(1);
    const left = tags(queue);
    expect(left).toHaveLength(256);
    expect([left[0], left.at(-1)]).toEqual(['control 1', 'control 256']);
  });

  it('S5: holds 1 MiB, and drops as many of the oldest media as the next needs', () => {
    const queue = new SendQueue();
    expect(SEND_QUEUE_BYTES_MAX).toBe(1_048_576);
    const large = new Uint8Array(60_000);
    for (let i = 0; i < 17; i++) expect(queue.push(queued('media', i, { bytes: large }))).toBe(0);
    expect(queue.push(queued('control', 1, { bytes: large }))).toBe(1);
    expect(queue.length).toBe(17);
    expect(queue.push(queued('control', 2))).toBe(0);
    expect(queue.push(queued('media', 3, { bytes: new Uint8Array(2 * 60_000) }))).toBe(2);
    expect(queue.length).toBe(17);
    while (queue.shift() !== undefined);
    // Nothing is left of the count of bytes.
    for (let i = 0; i < 17; i++) expect(queue.push(queued('media', i, { bytes: large }))).toBe(0);
  });

  it('keeps of the answers with one mark only the newest, at its place, and leaves other marks alone', () => {
    const queue = new SendQueue();
    queue.push(queued('control', 1, { replaces: 7 }));
    queue.push(queued('control', 2, { replaces: 8 }));
    queue.push(queued('control', 3));
    queue.push(queued('control', 4, { replaces: 7 }));
    queue.push(queued('control', 5, { replaces: 7 }));
    expect(queue.length).toBe(3);
    expect(tags(queue)).toEqual(['control 2', 'control 3', 'control 5']);
  });

  it('gives what was put back as the next of its kind, and drops the oldest media when it is full', () => {
    const queue = new SendQueue({ datagramsMax: 4, bytesMax: 1000 });
    queue.push(queued('media', 3));
    queue.push(queued('control', 4));
    expect(queue.putBack(queued('media', 2))).toBe(0);
    expect(queue.putBack(queued('control', 1))).toBe(0);
    expect(queue.putBack(queued('control', 0))).toBe(1);
    expect(tags(queue)).toEqual(['control 0', 'control 1', 'control 4', 'media 3']);
  });

  it('S5: does not grow by a flood of replaced answers, in number or in bytes', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 10_000; i++) expect(queue.push(queued('control', i & 0xffff, { replaces: 1 }))).toBe(0);
    expect(queue.length).toBe(1);
  });
});

/** What a socket told. */
class Told implements SocketEvents {
  readonly datagrams = new Witness<Uint8Array>();
  readonly hints = new Witness<{ readonly to: Peer; readonly hint: HintName; readonly bytes: number }>();
  readonly failures: Error[] = [];
  readonly drops = { queue: 0, impaired: 0 };
  datagram(bytes: Uint8Array): void {
    this.datagrams.note(bytes);
  }
  sendFailed(peer: Peer, hint: HintName, bytes: number): void {
    this.hints.note({ to: peer, hint, bytes });
  }
  failed(error: Error): void {
    this.failures.push(error);
  }
  dropped(cause: 'queue' | 'impaired'): void {
    this.drops[cause]++;
  }
}

describe.each(socketKinds)('a UDP socket (%s)', (kind) => {
  const open: DatagramSocket[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map((socket) => socket.close()));
  });

  async function socketFor(told: Told, options: Partial<UdpSocketOptions> = {}): Promise<DatagramSocket> {
    const socket = await bindKind(kind, told, options);
    open.push(socket);
    return socket;
  }

  it('sends and receives', async () => {
    const told = new Told();
    const [one, other] = [await socketFor(new Told()), await socketFor(told)];
    one.send(Uint8Array.of(1, 2, 3), other.local, 'control');
    const came = await told.datagrams.when(() => true, 2000, 'the datagram');
    expect([...came]).toEqual([1, 2, 3]);
  });

  it('takes ECONNREFUSED for a hint, does not crash, and works when somebody listens there', async () => {
    const told = new Told();
    const nobody = await freePort();
    const remote = { address: '127.0.0.1', port: nobody };
    const socket = await socketFor(told, { remote });
    socket.send(Uint8Array.of(1), remote, 'control');
    expect(await told.hints.when(({ hint }) => hint === 'ECONNREFUSED', 2000, 'the hint')).toMatchObject({
      to: remote,
    });
    expect(told.failures).toEqual([]);

    const heard = new Told();
    await socketFor(heard, { port: nobody });
    socket.send(Uint8Array.of(2), remote, 'control');
    expect([...(await heard.datagrams.when(() => true, 2000, 'the datagram'))]).toEqual([2]);
  });

  it('tells of a datagram of 70,000 bytes with its size as EMSGSIZE, and goes on', async () => {
    const [told, heard] = [new Told(), new Told()];
    const [socket, other] = [await socketFor(told), await socketFor(heard)];
    socket.send(new Uint8Array(70_000), other.local, 'media');
    const hint = await told.hints.when(() => true, 2000, 'the hint');
    expect(hint).toEqual({ to: other.local, hint: 'EMSGSIZE', bytes: 70_000 });
    socket.send(Uint8Array.of(1), other.local, 'media');
    await heard.datagrams.when(() => true, 2000, 'the datagram behind it');
    expect(told.failures).toEqual([]);
  });

  it('tells of a datagram that cannot be addressed as a hint, and does not throw', async () => {
    const told = new Told();
    const socket = await socketFor(told);
    socket.send(Uint8Array.of(1), { address: '127.0.0.1', port: 0 }, 'control');
    expect(await told.hints.when(() => true, 2000, 'the hint')).toMatchObject({ hint: 'other', bytes: 1 });
  });

  it('lets all that is queued leave before it closes', async () => {
    const heard = new Told();
    const [socket, other] = [await socketFor(new Told()), await socketFor(heard)];
    for (let i = 0; i < 200; i++) socket.send(Uint8Array.of(i), other.local, i % 2 === 0 ? 'media' : 'control');
    await soon(socket.close(), 2000, 'close');
    await heard.datagrams.when(() => heard.datagrams.seen.length === 200, 2000, 'all 200 datagrams', 199);
    expect(new Set(heard.datagrams.seen.map(([first]) => first)).size).toBe(200);
  });

  it('S5: drops media, not control, when more is sent at once than the queue holds, and tells how much', async () => {
    const [told, heard] = [new Told(), new Told()];
    const [socket, other] = [await socketFor(told), await socketFor(heard)];
    for (let i = 0; i < 1000; i++) socket.send(Uint8Array.of(0x80, i >> 8, i), other.local, 'media');
    for (let i = 0; i < 50; i++) socket.send(Uint8Array.of(0x0c, 0, i), other.local, 'control');
    const sent = 1050 - told.drops.queue;
    // Loopback takes all that is offered; libuv is offered 64 at once.
    expect(told.drops.queue).toBe(kind === 'batch' ? 0 : 1050 - 64 - SEND_QUEUE_DATAGRAMS_MAX);
    await soon(socket.close(), 2000, 'close');
    await heard.datagrams.when(() => heard.datagrams.seen.length === sent, 2000, `${sent} datagrams`, sent - 1);
    expect(heard.datagrams.seen.filter(([first]) => first === 0x0c)).toHaveLength(50);
  });

  it('closes when asked twice at once, and sends nothing afterwards', async () => {
    const heard = new Told();
    const [socket, other] = [await socketFor(new Told()), await socketFor(heard)];
    socket.send(Uint8Array.of(1), other.local, 'control');
    await soon(Promise.all([socket.close(), socket.close()]), 2000, 'both closes');
    socket.send(Uint8Array.of(2), other.local, 'control');
    await soon(socket.close(), 2000, 'a third close');
    await heard.datagrams.when(() => true, 2000, 'the first datagram');
    expect(heard.datagrams.seen).toHaveLength(1);
  });

  it('reports the receive buffer that the system granted, and asks for 4 MiB', async () => {
    const [small, usual] = [await socketFor(new Told(), { receiveBufferBytes: 16_384 }), await socketFor(new Told())];
    expect(small.receiveBufferBytes).toBeGreaterThanOrEqual(16_384);
    expect(small.receiveBufferBytes).toBeLessThanOrEqual(32_768);
    expect(usual.receiveBufferBytes).toBeGreaterThan(small.receiveBufferBytes);
  });

  it('that is connected hears only its peer', async () => {
    const told = new Told();
    const [peer, other] = [await socketFor(new Told()), await socketFor(new Told())];
    const socket = await socketFor(told, { remote: peer.local });
    other.send(Uint8Array.of(66), socket.local, 'control');
    peer.send(Uint8Array.of(1), socket.local, 'control');
    await told.datagrams.when(() => true, 2000, 'a datagram');
    expect(told.datagrams.seen.map(([first]) => first)).toEqual([1]);
  });

  it('rejects with EADDRINUSE where another is bound', async () => {
    const one = await socketFor(new Told());
    await expect(bindKind(kind, new Told(), { port: one.local.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('an impaired link', () => {
  it('loses its fraction each way, the same datagrams for the same seed, and counts them', () => {
    const run = (seed: number): { readonly passed: readonly boolean[]; readonly told: Told } => {
      const told = new Told();
      let passedOut = 0;
      const inner: DatagramSocket = {
        kind: 'dgram',
        local: to,
        receiveBufferBytes: 0,
        send: () => {
          passedOut++;
        },
        flush: () => {},
        close: () => Promise.resolve(),
      };
      const socket = new ImpairedSocket(inner, told, { fraction: 0.2, seed });
      const events = impairedEvents(told, { fraction: 0.2, seed });
      const passed: boolean[] = [];
      for (let i = 0; i < 5000; i++) {
        const [beforeOut, beforeIn] = [passedOut, told.datagrams.seen.length];
        socket.send(Uint8Array.of(1), to, 'control');
        events.datagram(Uint8Array.of(1), to);
        passed.push(passedOut > beforeOut, told.datagrams.seen.length > beforeIn);
      }
      return { passed, told };
    };
    const { passed, told } = run(1);
    const lost = passed.filter((each) => !each).length;
    expect(lost).toBeGreaterThan(1800);
    expect(lost).toBeLessThan(2200);
    expect(told.drops.impaired).toBe(lost);
    expect(run(1).passed).toEqual(passed);
    expect(run(2).passed).not.toEqual(passed);
  });
});

describe('the queue of frames', () => {
  it('gives out what is queued, then ends', async () => {
    const queue = new FrameQueue<number>(10);
    for (const item of [1, 2, 3]) queue.push(item);
    queue.end();
    queue.push(4);
    expect(await all(queue)).toEqual([1, 2, 3]);
  });

  it('S5: drops the oldest when it is full, and counts it', async () => {
    const queue = new FrameQueue<number>(3);
    for (const item of [1, 2, 3, 4, 5]) queue.push(item);
    queue.end();
    expect(queue.dropped).toBe(2);
    expect(await all(queue)).toEqual([3, 4, 5]);
  });

  it('wakes a reader that waits, for an item and for the end', async () => {
    const queue = new FrameQueue<number>(3);
    const items = all(queue);
    await Promise.resolve();
    queue.push(1);
    await Promise.resolve();
    queue.end();
    expect(await soon(items, 1000, 'the end')).toEqual([1]);
  });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
