/**
 * How fast media datagrams leave, and what each costs in CPU time: Node's own socket, the same connected, and the batch socket,
 * taking turns in one run, because an absolute time on a shared machine means little. The receivers are sockets of a process that
 * is stopped: their buffers are full, and the kernel drops the rest, so that no receiver's time is in the figures.
 *
 *     node dist/bench/media-rate.js --seconds 1 --repeats 5 --destinations 1,100
 */
process.env['NODE_ENV'] ??= 'production';

import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { BatchSocket } = await import('../src/io/batch-socket.ts');
const { loadSendCalls } = await import('../src/io/send-calls.ts');
const { UdpSocket } = await import('../src/io/udp-socket.ts');
const { describeMachine } = await import('../src/report/machine.ts');
const { percentiles } = await import('../src/report/percentiles.ts');

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '5' },
    destinations: { type: 'string', default: '1,100' },
    burst: { type: 'string', default: '10' },
    bytes: { type: 'string', default: '1200' },
    out: { type: 'string', default: 'firstframe-out/media-rate.json' },
  },
});
const seconds = Number(flags.seconds);
const repeats = Number(flags.repeats);
const burst = Number(flags.burst);
const datagram = new Uint8Array(Number(flags.bytes)).fill(0x80);

type Peer = { readonly address: string; readonly port: number };
type Send = (to: Peer) => void;

/** A way to send. `room` resolves when the next burst may go. */
interface Sender {
  readonly name: string;
  readonly send: Send;
  readonly room: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const quiet = { datagram() {}, sendFailed() {}, failed() {}, dropped() {} };

/** Ways that send through a socket of this package. They are given no more than its queue takes. */
async function ours(name: string, make: typeof batch): Promise<Sender> {
  const socket = await make();
  return {
    name,
    send: (to) => socket.send(datagram, to, 'media'),
    room: () => nextTurn(),
    close: () => socket.close(),
  };
}

async function batch(segments = true) {
  const options = { address: '127.0.0.1', port: 0 };
  const calls = await loadSendCalls();
  const udp = await UdpSocket.bind(options, quiet);
  return BatchSocket.over(udp, quiet, options, segments ? calls : { ...calls, segments: () => false }, () => {});
}

/** Node's own socket as UdpSocket uses it, with as many datagrams on their way as it may have. */
async function dgram(name: string, remote?: Peer): Promise<Sender> {
  const socket: Socket = createSocket({ type: 'udp4', lookup: (address, _, done) => done(null, address, 4) });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  if (remote !== undefined) {
    await new Promise<void>((resolve) => {
      socket.connect(remote.port, remote.address, resolve);
    });
  }
  let inFlight = 0;
  const done = (): void => {
    inFlight--;
  };
  return {
    name,
    send: (to) => {
      inFlight++;
      if (remote === undefined) socket.send(datagram, to.port, to.address, done);
      else socket.send(datagram, done);
    },
    room: async () => {
      do await nextTurn();
      while (inFlight > 0);
    },
    close: async () => {
      socket.close();
    },
  };
}

interface Figure {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** Sends `burst` datagrams to each destination in turn, 60 or more at a time, until the time is up. */
async function measure({ send, room }: Sender, to: readonly Peer[], forSeconds: number): Promise<Figure> {
  const rounds = Math.max(1, Math.floor(64 / burst));
  const cpu = process.cpuUsage();
  const beganAtMs = performance.now();
  let sent = 0;
  let next = 0;
  while (performance.now() - beganAtMs < forSeconds * 1000) {
    for (let round = 0; round < rounds; round++) {
      const peer = to[next++ % to.length] as Peer;
      for (let i = 0; i < burst; i++) send(peer);
      sent += burst;
    }
    await room();
  }
  const elapsedMs = performance.now() - beganAtMs;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (1000 * sent) / elapsedMs, cpuUs: (user + system) / sent };
}

/** A process with sockets that are bound and never read. @returns their ports, and what ends it. */
async function deafPeers(count: number): Promise<{ readonly peers: readonly Peer[]; readonly end: () => void }> {
  const script = `
    const { createSocket } = require('node:dgram');
    const sockets = Array.from({ length: ${count} }, () => createSocket({ type: 'udp4', recvBufferSize: 4096 }));
    let left = sockets.length;
    for (const socket of sockets) socket.bind(0, '127.0.0.1', () => {
      if (--left === 0) process.stdout.write(JSON.stringify(sockets.map((each) => each.address().port)));
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [ports] = await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const peers = (JSON.parse(String(ports)) as number[]).map((port) => ({ address: '127.0.0.1', port }));
  return { peers, end: () => child.kill('SIGKILL') };
}

interface Row {
  readonly name: string;
  readonly destinations: number;
  readonly figures: Figure[];
}

const counts = flags.destinations.split(',').map(Number);
const { peers, end } = await deafPeers(Math.max(...counts));
const machine = describeMachine();
process.stdout.write(
  `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadBefore.toFixed(2)}; ${datagram.length} bytes, ` +
    `${burst} to a destination at a time, ${repeats} x ${seconds} s each, taking turns\n\n`,
);
const rows: Row[] = [];
for (const count of counts) {
  const to = peers.slice(0, count);
  const [only] = to;
  const senders = [
    await dgram('dgram'),
    ...(count === 1 && only !== undefined ? [await dgram('dgram, connected', only)] : []),
    await ours('batch, sendmmsg only', () => batch(false)),
    await ours('batch', batch),
  ];
  const measured = senders.map(({ name }) => ({ name, destinations: count, figures: [] as Figure[] }));
  for (const sender of senders) await measure(sender, to, seconds / 5);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [index, sender] of senders.entries()) measured[index]?.figures.push(await measure(sender, to, seconds));
  }
  for (const sender of senders) await sender.close();
  rows.push(...measured);
}
end();

process.stdout.write(`${''.padEnd(40)}datagrams/s  CPU us each: p50     min     max   x dgram\n`);
for (const { name, destinations: count, figures } of rows) {
  const cpuUs = figures.map((figure) => figure.cpuUs);
  const reference = rows.find((row) => row.name === 'dgram' && row.destinations === count)?.figures ?? [];
  const ratio = percentiles(reference.map((figure) => figure.cpuUs)).p50 / percentiles(cpuUs).p50;
  const rate = percentiles(figures.map((figure) => figure.perSecond)).p50;
  const columns = [percentiles(cpuUs).p50, Math.min(...cpuUs), Math.max(...cpuUs)].map((us) =>
    us.toFixed(2).padStart(8),
  );
  const title = `${name}, to ${count}`;
  process.stdout.write(
    `${title.padEnd(40)}${Math.round(rate).toLocaleString('en').padStart(11)}        ${columns.join('')}${ratio.toFixed(1).padStart(10)}\n`,
  );
}
await mkdir(dirname(flags.out), { recursive: true });
await writeFile(flags.out, `${JSON.stringify({ machine, seconds, repeats, burst, rows }, null, 2)}\n`);
process.stdout.write(`\nwritten to ${flags.out}\n`);
