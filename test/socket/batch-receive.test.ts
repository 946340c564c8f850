import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { HintName } from '../../src/engine/counters.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { BatchReceiver, type ReceivingSocket, TURN_DATAGRAMS_MAX } from '../../src/io/batch-receiver.ts';
import { bindSocket, type OpenSocket } from '../../src/io/bind-socket.ts';
import type { DatagramSocket, SocketEvents } from '../../src/io/datagram-socket.ts';
import { loadReceiveCalls, type ReceiveCalls } from '../../src/io/receive-calls.ts';
import { UdpSocket, type UdpSocketOptions } from '../../src/io/udp-socket.ts';
import { runsFromEnv, seeded, seedFromEnv } from '../support/seeded.ts';
import { batchMissing, bindKind, deaf } from '../support/sockets.ts';
import { soon, Witness } from '../support/witness.ts';

interface Came {
  readonly bytes: Uint8Array;
  readonly from: Peer;
}

class Told implements SocketEvents {
  readonly came = new Witness<Came>();
  readonly hints = new Witness<{ readonly to: Peer; readonly hint: HintName }>();
  readonly failures: unknown[] = [];
  onDatagram = (_bytes: Uint8Array, _from: Peer): void => {};
  datagram(bytes: Uint8Array, from: Peer): void {
    this.came.note({ bytes, from });
    this.onDatagram(bytes, from);
  }
  sendFailed(to: Peer, hint: HintName): void {
    this.hints.note({ to, hint });
  }
  failed(error: Error): void {
    this.failures.push(error);
  }
  dropped(): void {}
  get firsts(): (number | undefined)[] {
    return this.came.seen.map(({ bytes }) => bytes[0]);
  }
  async all(count: number): Promise<void> {
    if (count > 0) await this.came.when(() => this.came.seen.length >= count, 5000, `${count} datagrams`, count - 1);
  }
}

const addressesHere = Object.entries(networkInterfaces()).flatMap(([name, all = []]) =>
  all.map(({ address, scopeid }) => ({ name, address, scopeid: scopeid ?? 0 })),
);
const hasIpv6 = addressesHere.some(({ address }) => address === '::1');
const linkLocal = addressesHere.find(({ scopeid }) => scopeid > 0);

function missing(skip: (why: string) => void, what: string, why: string): void {
  process.stderr.write(`skipped: ${what}: ${why}\n`);
  skip(why);
}

/** Another socket of the same thread. */
function fixed(told: Told): ReceivingSocket {
  return {
    fd: 0,
    closing: false,
    datagram: (bytes, from) => told.datagram(bytes, from),
    receiveFailed: (error) => told.failed(error),
  };
}

describe.skipIf(batchMissing !== undefined)('receiving in batches', () => {
  const open: DatagramSocket[] = [];
  /** Of each call the datagrams that came, or its error. */
  let answers: number[] = [];

  afterEach(async () => {
    answers = [];
    await Promise.all(open.splice(0).map((socket) => socket.close()));
  });

  /** A socket that reads in batches; `answer` replaces what the system says to each call but the first, which only asks. */
  async function receiving(
    told: Told,
    options: Partial<UdpSocketOptions> = {},
    answer?: (call: number) => number | undefined,
  ): Promise<UdpSocket> {
    const real = await loadReceiveCalls();
    const calls: ReceiveCalls = {
      ...real,
      receive: (fd, messages) => {
        if (messages === 0) return 0;
        const received = answer?.(answers.length) ?? real.receive(fd, messages);
        answers.push(received);
        return received;
      },
    };
    const socket = await UdpSocket.bind({ address: '127.0.0.1', port: 0, ...options }, told);
    socket.receiveTogether(calls);
    open.push(socket);
    return socket;
  }

  /** What it sends before it is flushed is in the receiver's buffer afterwards. */
  async function sending(address = '127.0.0.1'): Promise<DatagramSocket> {
    const socket = await bindKind('batch', deaf, { address });
    open.push(socket);
    return socket;
  }

  function burst(from: DatagramSocket, to: Peer, count: number, bytes = 20): void {
    for (let i = 0; i < count; i++) from.send(new Uint8Array(bytes).fill(i), to, 'media');
    from.flush();
  }

  it('reads all that waits beside the first datagram in calls of 64, in the order in which it came', async () => {
    const told = new Told();
    const { local } = await receiving(told);
    const sender = await sending();
    burst(sender, local, 200);
    await told.all(200);
    expect(told.firsts).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(answers).toEqual([64, 64, 64, 7]);
    expect(told.came.seen.every(({ from }) => from.port === sender.local.port)).toBe(true);
  });

  it('is how the batch socket receives, and not the other', async () => {
    for (const kind of ['batch', 'dgram'] as const) {
      const asked: string[] = [];
      const observed: OpenSocket = async (options, events) => {
        const udp = await UdpSocket.bind(options, events);
        const { receiveTogether } = udp;
        return Object.assign(udp, {
          receiveTogether: (calls: ReceiveCalls) => {
            asked.push(kind);
            receiveTogether.call(udp, calls);
          },
        });
      };
      open.push(await bindSocket({ address: '127.0.0.1', port: 0 }, deaf, kind, () => {}, observed));
      expect(asked).toEqual(kind === 'batch' ? ['batch'] : []);
    }
  });

  it('is left out with a notice where the call is refused, and the socket sends in batches all the same', async () => {
    const notices: string[] = [];
    const told = new Told();
    const refused: OpenSocket = async (options, events) => {
      const udp = await UdpSocket.bind(options, events);
      const { receiveTogether } = udp;
      return Object.assign(udp, {
        receiveTogether: (calls: ReceiveCalls) => receiveTogether.call(udp, { ...calls, receive: () => -38 }),
      });
    };
    const options = { address: '127.0.0.1', port: 0 };
    const socket = await bindSocket(options, told, 'batch', (text) => notices.push(text), refused);
    open.push(socket);
    expect(socket.kind).toBe('batch');
    expect(notices).toEqual(['the batch socket receives each datagram alone: recvmmsg is refused (ENOSYS)']);
    burst(await sending(), socket.local, 30);
    await told.all(30);
    expect(told.firsts).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('keeps every datagram as it was sent, of all sizes and from several addresses, while memory is taken and freed', async () => {
    const random = seeded(seedFromEnv('socket/batch-receive'));
    const told = new Told();
    const { local } = await receiving(told, hasIpv6 ? { address: '::' } : {});
    const to = (address: string): Peer =>
      hasIpv6 && !address.includes(':') ? { address: '127.0.0.1', port: local.port } : { address, port: local.port };
    const senders: DatagramSocket[] = [];
    for (const address of ['127.0.0.1', '127.0.0.2', '127.1.2.3', ...(hasIpv6 ? ['::1'] : [])]) {
      senders.push(await sending(address));
    }
    const sent: { readonly bytes: Uint8Array; readonly port: number }[] = [];
    let garbage: Uint8Array[] = [];
    let rest: string[] = [];
    told.onDatagram = () => {
      garbage.push(new Uint8Array(1 + random.below(20_000)).fill(0xee));
      rest.push(`${random.u32()} ${random.u32()}`);
      if (garbage.length === 100) [garbage, rest] = [[], []];
    };
    const sizes = [20, 200, 1500, 9000, 65_507];
    for (let run = 0; run < runsFromEnv(150); run++) {
      // What waits must fit into the least that a system grants: 212,992 bytes, of which each takes some hundred more.
      let room = 80_000;
      while (room > 0) {
        const sender = senders[random.below(senders.length)];
        if (sender === undefined) break;
        const most = Math.min(sizes[random.below(sizes.length)] ?? 0, room);
        const bytes = new Uint8Array(random.below(most + 1));
        for (let i = 0; i < bytes.length; i++) bytes[i] = (run + i * 7 + sent.length) & 0xff;
        sender.send(bytes, to(sender.local.address === '::1' ? '::1' : '127.0.0.1'), 'media');
        // Each leaves before the next does, whoever sends it.
        sender.flush();
        sent.push({ bytes, port: sender.local.port });
        room -= bytes.length + 1000;
      }
      await told.all(sent.length);
    }
    expect(answers.filter((answer) => answer > 0).length).toBeGreaterThan(0);
    expect(told.came.seen.length).toBe(sent.length);
    for (const [i, { bytes, port }] of sent.entries()) {
      const came = told.came.seen[i];
      if (came?.from.port !== port || Buffer.compare(came.bytes, bytes) !== 0) {
        expect(came).toEqual({ bytes, from: { port } });
      }
    }
  });

  it.for([
    ['IPv4', '127.0.0.1', 65_507],
    ['IPv6', '::1', 65_527],
  ] as const)(
    'cuts nothing off the longest datagram of %s, and tells of empty ones',
    async ([, address, longest], { skip }) => {
      if (address === '::1' && !hasIpv6) missing(skip, 'the longest of IPv6', 'this machine has no IPv6');
      const told = new Told();
      const { local } = await receiving(told, { address });
      // The batch socket sends no more than 65,507 bytes itself.
      const sender = await UdpSocket.bind({ address, port: 0 }, deaf);
      open.push(sender);
      const sizes = [1, longest, 3, 0];
      for (const bytes of sizes) sender.send(new Uint8Array(bytes).fill(bytes), local, 'media');
      await told.all(4);
      expect(told.came.seen.map(({ bytes }) => bytes.length)).toEqual(sizes);
      expect(told.came.seen.every(({ bytes }) => bytes.every((byte) => byte === (bytes.length & 0xff)))).toBe(true);
    },
  );

  it('tells the same text of an address as node:dgram', async ({ skip }) => {
    if (!hasIpv6) missing(skip, 'texts of addresses', 'this machine has no IPv6');
    const [told, plain] = [new Told(), new Told()];
    const batch = await receiving(told, { address: '::' });
    const dgram = await bindKind('dgram', plain, { address: '::' });
    open.push(dgram);
    const ways: (readonly [from: string, to: string])[] = [
      ['127.0.0.1', '127.0.0.1'],
      ['127.0.0.77', '127.0.0.1'],
      ['::1', '::1'],
    ];
    for (const { address, scopeid, name } of addressesHere) {
      if (!address.includes(':') || address === '::1') continue;
      const zoned = scopeid > 0 ? `${address}%${name}` : address;
      ways.push([zoned, zoned]);
    }
    if (linkLocal === undefined) process.stderr.write('skipped: text of link-local addresses: none here\n');
    for (const [from, to] of ways) {
      const sender = await UdpSocket.bind({ address: from, port: 0 }, deaf);
      open.push(sender);
      for (const { local } of [batch, dgram]) {
        for (let i = 0; i < 8; i++) sender.send(Uint8Array.of(i), { address: to, port: local.port }, 'media');
      }
    }
    await Promise.all([told.all(8 * ways.length), plain.all(8 * ways.length)]);
    const texts = ({ came }: Told): string[] => came.seen.map(({ from }) => `${from.address} ${from.port}`).toSorted();
    expect(answers.some((answer) => answer > 0)).toBe(true);
    expect(texts(told)).toEqual(texts(plain));
  });

  it('tells of no more once it is closed in the midst of a burst, and reads no more', async () => {
    const told = new Told();
    const socket = await receiving(told);
    told.onDatagram = (bytes) => {
      if (bytes[0] === 9) void socket.close();
    };
    burst(await sending(), socket.local, 200);
    await told.all(10);
    await soon(socket.close(), 2000, 'close');
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(told.firsts).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(answers).toEqual([64]);
  });

  it('lets whoever hears of a datagram send, and start and close other sockets that receive', async () => {
    const [told, answered, third] = [new Told(), new Told(), new Told()];
    const server = await bindKind('batch', told);
    const client = await bindKind('batch', answered);
    open.push(server, client);
    let others = Promise.resolve();
    told.onDatagram = (bytes, from) => {
      server.send(bytes, from, 'control');
      if (bytes[0] === 30) others = receiving(third).then((socket) => socket.close());
    };
    burst(client, server.local, 120);
    await answered.all(120);
    await others;
    expect(answered.firsts).toEqual(Array.from({ length: 120 }, (_, i) => i));
  });

  it('S5: reads 256 datagrams in a turn at most, and goes on in the next', async () => {
    const told = new Told();
    // The system always has 64 more.
    const { local } = await receiving(told, {}, () => 64);
    const counts: number[] = [];
    told.onDatagram = () => {
      if (counts.length === 0) setImmediate(() => counts.push(told.came.seen.length));
      counts.push(told.came.seen.length);
    };
    const sender = await sending();
    burst(sender, local, 3);
    await told.all(3 + TURN_DATAGRAMS_MAX);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toEqual([64, 64, 64, 64]);
    burst(sender, local, 1);
    await told.all(4 + 2 * TURN_DATAGRAMS_MAX);
    expect(answers).toHaveLength(8);
  });

  it('asks in vain after every fourth datagram only', async () => {
    const told = new Told();
    const { local } = await receiving(told);
    const sender = await sending();
    for (let i = 1; i <= 9; i++) {
      burst(sender, local, 1);
      await told.all(i);
    }
    expect(answers).toEqual([-11, -11, -11]);
    burst(sender, local, 30);
    await told.all(39);
    expect(answers).toEqual([-11, -11, -11, 26]);
  });

  it.each([
    ['nothing of EAGAIN and EINTR', 11, 4, [], 0],
    ['of an ICMP message as a hint', 111, 113, ['ECONNREFUSED', 'EHOSTUNREACH'], 0],
    ['of ICMP messages without a name as hints', 64, 92, ['other', 'other'], 0],
    ['of anything else as the end', 12, 9, ['other', 'other'], 2],
  ] as const)('tells %s', async (_, one, other, hints, failures) => {
    const told = new Told();
    const sender = await sending();
    const errors = [one, other];
    const { local } = await receiving(told, { remote: sender.local }, () => -(errors.shift() ?? 11));
    burst(sender, local, 1);
    await told.all(1);
    burst(sender, local, 6);
    await told.all(7);
    expect(answers.slice(0, 2)).toEqual([-one, -other]);
    expect(told.failures).toHaveLength(failures);
    expect(told.hints.seen.map(({ hint }) => hint)).toEqual(failures > 0 ? [] : hints);
  });

  it('reads nothing for another socket while what was read for one is handed on', async () => {
    const calls = await loadReceiveCalls();
    const [told, other] = [new Told(), new Told()];
    let asked = 0;
    const nested = new BatchReceiver(
      {
        ...calls,
        receive: () => {
          asked++;
          return 0;
        },
      },
      fixed(other),
    );
    told.onDatagram = () => nested.readMore();
    const receiver = new BatchReceiver({ ...calls, receive: (_, messages) => Math.min(messages, 3) }, fixed(told));
    receiver.readMore();
    expect(told.came.seen).toHaveLength(3);
    // It was asked when it was made, and again only afterwards.
    expect(asked).toBe(1);
    nested.readMore();
    expect(asked).toBe(2);
  });

  it('reads again after whoever heard of a datagram has thrown', async () => {
    const told = new Told();
    const thrown: unknown[] = [];
    const { local } = await receiving(told);
    told.onDatagram = (bytes) => {
      if (bytes[0] === 5) throw new Error('said by the test');
    };
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => thrown.push(error));
    try {
      const sender = await sending();
      burst(sender, local, 20);
      await told.all(6);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      expect(thrown).toEqual([new Error('said by the test')]);
      const before = told.came.seen.length;
      burst(sender, local, 5);
      await told.all(before + 5);
      expect(answers).toEqual([19, 4]);
    } finally {
      for (const listener of others) process.on('uncaughtException', listener);
    }
  });
});
