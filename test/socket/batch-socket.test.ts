import { execFile } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { HintName } from '../../src/engine/counters.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { BatchSocket } from '../../src/io/batch-socket.ts';
import type { DatagramSocket, SocketEvents } from '../../src/io/datagram-socket.ts';
import { Errno } from '../../src/io/libc.ts';
import { loadSendCalls, type SendCalls } from '../../src/io/send-calls.ts';
import { UdpSocket, type UdpSocketOptions } from '../../src/io/udp-socket.ts';
import { batchMissing, bindKind } from '../support/sockets.ts';
import { soon, Witness } from '../support/witness.ts';

/** Number in the first two bytes, size in all. */
function numbered(tag: number, bytes = 100): Uint8Array {
  const datagram = new Uint8Array(bytes);
  datagram.set([tag >> 8, tag]);
  return datagram;
}

class Told implements SocketEvents {
  /** How often, and what is done then. */
  emptiedCount = 0;
  onEmptied = (): void => {};
  readonly came = new Witness<{ readonly tag: number; readonly bytes: number; readonly from: Peer }>();
  readonly hints = new Witness<{ readonly to: Peer; readonly hint: HintName; readonly bytes: number }>();
  droppedCount = 0;
  datagram(bytes: Uint8Array, from: Peer): void {
    this.came.note({ tag: ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), bytes: bytes.length, from });
  }
  sendFailed(to: Peer, hint: HintName, bytes: number): void {
    this.hints.note({ to, hint, bytes });
  }
  failed(error: Error): void {
    throw error;
  }
  dropped(): void {
    this.droppedCount++;
  }
  emptied(): void {
    this.emptiedCount++;
    this.onEmptied();
  }
  get tags(): number[] {
    return this.came.seen.map(({ tag }) => tag);
  }
  async all(count: number): Promise<void> {
    if (count > 0) await this.came.when(() => this.came.seen.length >= count, 2000, `${count} datagrams`, count - 1);
  }
}

/** The system's calls, with a say in each: how many messages it takes, or which error it gives. */
interface Verdict {
  readonly takes?: number;
  readonly errno?: number;
}

describe.skipIf(batchMissing !== undefined)('a batch socket', () => {
  const open: DatagramSocket[] = [];
  /** Of each call the number of messages. */
  let asked: number[] = [];
  let notices: string[] = [];

  afterEach(async () => {
    asked = [];
    notices = [];
    await Promise.all(open.splice(0).map((socket) => socket.close()));
  });

  async function hearing(told: Told, address = '127.0.0.1'): Promise<Peer> {
    const socket = await bindKind('dgram', told, { address });
    open.push(socket);
    return socket.local;
  }

  async function sending(
    told: Told,
    verdict: (call: number) => Verdict = () => ({}),
    options: Partial<UdpSocketOptions> = {},
    segments?: boolean,
  ): Promise<BatchSocket> {
    const real = await loadSendCalls();
    const calls: SendCalls = {
      memory: real.memory,
      segments: (fd) => segments ?? real.segments(fd),
      send: (fd, messages) => {
        if (messages === 0) return 0;
        asked.push(messages);
        const { takes = messages, errno } = verdict(asked.length);
        return errno === undefined ? real.send(fd, Math.min(takes, messages)) : -errno;
      },
    };
    const all = { address: '127.0.0.1', port: 0, ...options };
    const socket = BatchSocket.over(await UdpSocket.bind(all, told), told, all, calls, (text) => notices.push(text));
    open.push(socket);
    return socket;
  }

  it('sends what one turn sends in one call, from the port that it receives on, each datagram as it was', async () => {
    const [told, one, other] = [new Told(), new Told(), new Told()];
    const [toOne, toOther] = [await hearing(one), await hearing(other)];
    const socket = await sending(told);
    for (let i = 0; i < 20; i++) socket.send(numbered(i, i === 9 ? 60 : 100), toOne, 'media');
    for (let i = 20; i < 30; i++) socket.send(numbered(i, 80), { ...toOther }, 'media');
    expect(asked).toEqual([]);
    await Promise.all([one.all(20), other.all(10)]);
    expect(asked).toEqual([3]);
    expect(one.tags).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(other.tags).toEqual(Array.from({ length: 10 }, (_, i) => 20 + i));
    expect(one.came.seen.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 20 }, (_, i) => (i === 9 ? 60 : 100)));
    expect(one.came.seen.every(({ from }) => from.port === socket.local.port)).toBe(true);
  });

  it('sends together what the callbacks of one turn send, and what waits when it is told to', async () => {
    const heard = new Told();
    const to = await hearing(heard);
    const socket = await sending(new Told());
    for (let i = 0; i < 3; i++) process.nextTick(() => socket.send(numbered(i), to, 'media'));
    for (let i = 3; i < 6; i++) queueMicrotask(() => socket.send(numbered(i), to, 'media'));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(asked).toEqual([1]);
    socket.send(numbered(6), to, 'media');
    socket.flush();
    socket.flush();
    expect(asked).toEqual([1, 1]);
    await heard.all(7);
    expect(heard.tags.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('sends what it has gathered when somebody ends the process in the middle of a turn', async () => {
    const heard = new Told();
    const to = await hearing(heard);
    const script = `
      import { bindSocket } from '${new URL('../../dist/src/io/bind-socket.js', import.meta.url).href}';
      const events = { datagram() {}, sendFailed() {}, failed() {}, dropped() {} };
      const socket = await bindSocket({ address: '127.0.0.1', port: 0 }, events, 'batch', () => {});
      socket.send(new Uint8Array([0, 7]), ${JSON.stringify(to)}, 'control');
      process.exit(0);`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    await heard.all(1);
    expect(heard.tags).toEqual([7]);
  });

  it('sends control at the end of the turn with all that was sent before it, and sixteen of it at once', async () => {
    const heard = new Told();
    const to = await hearing(heard);
    const socket = await sending(new Told());
    socket.send(numbered(0), to, 'control');
    for (let i = 1; i < 4; i++) socket.send(numbered(i), to, 'media');
    socket.send(numbered(4, 50), to, 'control');
    expect(asked).toEqual([]);
    await heard.all(5);
    expect(asked).toHaveLength(1);
    for (let i = 5; i < 20; i++) socket.send(numbered(i), to, 'control');
    expect(asked).toHaveLength(1);
    socket.send(numbered(20), to, 'control');
    expect(asked).toHaveLength(2);
    await heard.all(21);
    expect(heard.tags).toEqual(Array.from({ length: 21 }, (_, i) => i));
  });

  it('S5: sends a full batch at once, so that a burst of a thousand datagrams needs no more room than 256', async () => {
    const [told, heard] = [new Told(), new Told()];
    const to = await hearing(heard);
    const socket = await sending(told);
    for (let i = 0; i < 1000; i++) socket.send(numbered(i), to, 'media');
    await heard.all(1000);
    expect(heard.tags).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(told.droppedCount).toBe(0);
  });

  it('reaches IPv4 and IPv6 destinations mixed in one batch of a dual-stack socket', async ({ skip }) => {
    const six = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
    if (!six) {
      process.stderr.write('skipped: mixed destinations: this machine has no IPv6\n');
      skip('this machine has no IPv6');
    }
    const [four, sixth] = [new Told(), new Told()];
    const [toFour, toSix] = [await hearing(four), await hearing(sixth, '::1')];
    const socket = await sending(new Told(), undefined, { address: '::' });
    for (let i = 0; i < 6; i++) {
      socket.send(numbered(i), toSix, 'media');
      socket.send(numbered(i), { address: `::ffff:${toFour.address}`, port: toFour.port }, 'media');
    }
    await Promise.all([four.all(6), sixth.all(6)]);
    expect(asked).toEqual([12]);
    expect([four.tags, sixth.tags]).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
  });

  it('sends one message for each datagram where the kernel cuts nothing up', async () => {
    const heard = new Told();
    const to = await hearing(heard);
    const socket = await sending(new Told(), undefined, {}, false);
    for (let i = 0; i < 10; i++) socket.send(numbered(i), to, 'media');
    await heard.all(10);
    expect(asked).toEqual([10]);
    expect(notices).toEqual([expect.stringContaining('this kernel has no UDP_SEGMENT')]);
    expect(heard.tags).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([
    ['EIO: for ever', Errno.EIO, [1, 3, 3]],
    ['EMSGSIZE: this once', 90, [1, 3, 1]],
    ['EINVAL: this once', 22, [1, 3, 1]],
  ])('sends a message that is refused as a whole again one by one, after %s', async (_, errno, calls) => {
    const [told, heard] = [new Told(), new Told()];
    const to = await hearing(heard);
    const socket = await sending(told, (call) => (call === 1 ? { errno } : {}));
    for (let i = 0; i < 3; i++) socket.send(numbered(i), to, 'media');
    await heard.all(3);
    for (let i = 3; i < 6; i++) socket.send(numbered(i), to, 'media');
    await heard.all(6);
    expect(asked).toEqual(calls);
    expect(notices).toHaveLength(errno === Errno.EIO ? 1 : 0);
    expect(heard.tags).toEqual([0, 1, 2, 3, 4, 5]);
    expect(told.hints.seen).toEqual([]);
  });

  it('tells of exactly the datagrams that are refused, later than send(), and sends the others', async () => {
    const [told, heard] = [new Told(), new Told()];
    const to = await hearing(heard);
    // The first call and that for the first datagram alone are refused.
    const socket = await sending(told, (call) => (call < 3 ? { errno: 90 } : {}));
    for (let i = 0; i < 3; i++) socket.send(numbered(i, 200), to, 'media');
    socket.send(numbered(3, 70_000), to, 'media');
    expect(told.hints.seen).toEqual([]);
    await heard.all(2);
    await told.hints.when(() => told.hints.seen.length === 2, 2000, 'two hints', 1);
    expect(heard.tags).toEqual([1, 2]);
    expect(told.hints.seen.map(({ hint, bytes }) => [hint, bytes]).toSorted()).toEqual([
      ['EMSGSIZE', 200],
      ['EMSGSIZE', 70_000],
    ]);
  });

  it('S5: keeps what the system has no room for, control first, drops the oldest media, and goes on by itself', async () => {
    const [told, heard] = [new Told(), new Told()];
    const to = await hearing(heard);
    const limits = { datagramsMax: 10, bytesMax: 10_000 };
    // Two of three messages are taken, then there is no room; libuv finds some, and again there is none.
    const verdicts: Verdict[] = [{ takes: 2 }, { errno: Errno.EAGAIN }, { errno: Errno.ENOBUFS }, { takes: 1 }];
    const socket = await sending(told, (call) => verdicts[call - 1] ?? {}, { sendQueue: limits }, false);
    for (let i = 0; i < 3; i++) socket.send(numbered(i), to, 'media');
    socket.send(numbered(100), to, 'control');
    socket.flush();
    // 100 was handed to libuv, which waits for room; 2 is in the queue.
    expect(asked).toEqual([4, 2]);
    for (let i = 3; i < 14; i++) socket.send(numbered(i), to, 'media');
    socket.send(numbered(101), to, 'control');
    expect(told.droppedCount).toBe(3);
    await heard.all(13);
    expect(heard.tags).toEqual([0, 1, 100, 101, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it('needs nothing of what it was given once it says so, whether it had room or not', async () => {
    const [told, heard] = [new Told(), new Told()];
    const to = await hearing(heard);
    const verdicts: Verdict[] = [{}, { takes: 1 }, { errno: Errno.EAGAIN }];
    const socket = await sending(told, (call) => verdicts[call - 1] ?? {}, {}, false);
    let given: Uint8Array[] = [];
    told.onEmptied = () => {
      for (const bytes of given.splice(0)) bytes.fill(0xff);
    };
    const send = (tag: number): void => {
      const bytes = numbered(tag);
      given.push(bytes);
      socket.send(bytes, to, 'media');
    };
    for (let i = 0; i < 3; i++) send(i);
    expect(told.emptiedCount).toBe(0);
    socket.flush();
    expect(told.emptiedCount).toBe(1);
    for (let i = 3; i < 6; i++) send(i);
    socket.flush();
    // 3 has left, 4 was handed to libuv, 5 waits, and so does what comes now.
    expect(told.emptiedCount).toBe(2);
    for (let i = 6; i < 9; i++) send(i);
    for (const bytes of given.splice(0)) bytes.fill(0xff);
    await heard.all(9);
    expect(heard.tags).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    given = [];
  });

  it('lets all that waits for room leave before it closes, and sends nothing afterwards', async () => {
    const heard = new Told();
    const to = await hearing(heard);
    const verdicts: Verdict[] = [{ takes: 1 }, { errno: Errno.EAGAIN }, { errno: Errno.EAGAIN }];
    const socket = await sending(new Told(), (call) => verdicts[call - 1] ?? {}, {}, false);
    for (let i = 0; i < 50; i++) socket.send(numbered(i), to, 'media');
    const closed = socket.close();
    socket.send(numbered(99), to, 'control');
    await soon(closed, 2000, 'close');
    await heard.all(50);
    expect(heard.tags).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('says why it cannot be where the call is refused', async () => {
    const real = await loadSendCalls();
    const options = { address: '127.0.0.1', port: 0 };
    const udp = await UdpSocket.bind(options, new Told());
    open.push(udp);
    const sandbox: SendCalls = { ...real, send: () => -Errno.ENOSYS };
    expect(() => BatchSocket.over(udp, new Told(), options, sandbox, () => {})).toThrow('sendmmsg is refused (ENOSYS)');
  });
});
