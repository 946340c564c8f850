import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseDuration } from '../src/config/units.ts';
import type { Peer } from '../src/engine/io-types.ts';
import { BatchSocket } from '../src/io/batch-socket.ts';
import { loadSendCalls, type SendCalls } from '../src/io/send-calls.ts';
import { UdpSocket } from '../src/io/udp-socket.ts';
import { listed, option, type ValuesOf, whole } from './options.ts';
import { type BenchContext, type BenchOutcome, benchPlan } from './plan.ts';
import { type BenchCell, type Measure, measure, type ProcessCost, processCost, type Wanted } from './result.ts';

const DESTINATIONS_MAX = 10_000;
/** So many datagrams go before the event loop has its turn. */
const AT_ONCE = 64;
/** Of a turn that does not count, as a part of one that does. */
const WARM_UP = 0.2;
/** What the batch socket is wanted to reach, as a multiple of dgram, to one destination. */
const WANTED: Wanted = { quantile: 'p50', of: 'reference', bound: 4 };
const local = { address: '127.0.0.1', port: 0 };

const options = {
  destinations: option('list', 'how many receive', listed(whole(1, DESTINATIONS_MAX), 8), '1,100'),
  burst: option('number', 'datagrams to one of them before the next', whole(1, AT_ONCE), '10'),
  bytes: option('number', 'of each datagram', whole(1, 65_507), '1200'),
  repeats: option('number', 'turns of each socket', whole(1, 1000), '5'),
  run: option('time', 'of each turn', parseDuration, '1s'),
};

type Context = BenchContext<ValuesOf<typeof options>>;

/** A way to send. `room` resolves when the next burst may go. */
interface Sender {
  readonly name: string;
  readonly send: (bytes: Uint8Array, to: Peer) => void;
  readonly room: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** One turn of one of them. */
interface Turn {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly sent: number;
}

/** `firstframe bench media-rate`. */
export const mediaRate = benchPlan({
  name: 'media-rate',
  summary: 'How fast media datagrams leave, and what each costs, by each socket.',
  description:
    'Node’s own socket, the same connected, and the batch socket with and without UDP_SEGMENT, in this process, taking turns. The receivers are ' +
    'sockets of a process that is stopped: their buffers are full, and the kernel drops the rest, so that no receiver’s time is in the figures.',
  options,
  takesLink: false,
  async run(context: Context): Promise<BenchOutcome> {
    const { destinations, repeats, run } = context.options;
    const calls = await loadSendCalls().catch((error: Error) => `the batch socket, because it is ${error.message}`);
    await using deaf = await deafPeers(Math.max(...destinations));
    const cells: BenchCell[] = [];
    for (const [index, count] of destinations.entries()) {
      const to = deaf.peers.slice(0, count);
      const senders = await sendersTo(to, calls);
      const turns = senders.map((): Turn[] => []);
      for (const sender of senders) await takeTurn(context, sender, to, WARM_UP * run);
      for (let repeat = 0; repeat < repeats && !context.signal.aborted; repeat++) {
        context.progress('turns', index * repeats + repeat, destinations.length * repeats);
        for (const [at, sender] of senders.entries()) turns[at]?.push(await takeTurn(context, sender, to, run));
      }
      for (const sender of senders) await sender.close();
      for (const [at, { name }] of senders.entries()) cells.push(cellOf(name, count, turns[at] ?? []));
    }
    return {
      cells: cells.filter(({ attempts }) => attempts > 0),
      references: Object.fromEntries(
        cells.filter(({ parameters }) => parameters['socket'] === 'dgram').flatMap(asReferences),
      ),
      limitsRaised: {},
      skipped: typeof calls === 'string' ? [calls] : [],
      figures: [],
    };
  },
});

const names = { rate: 'datagrams', cpu: 'CPU of a datagram' } as const;
const referenceName = (name: string, count: number): string => `${name}, dgram to ${count}`;

function cellOf(name: string, destinations: number, turns: readonly Turn[]): BenchCell {
  const isReference = name === 'dgram';
  const reference = (of: string): string | undefined => (isReference ? undefined : referenceName(of, destinations));
  const wanted = name === 'batch' && destinations === 1 ? WANTED : undefined;
  const rates = turns.map(({ perSecond }) => perSecond);
  const cpu = turns.map(({ cpuUs }) => cpuUs);
  return {
    name: `${name}, to ${destinations}`,
    parameters: { socket: name, destinations },
    attempts: turns.reduce((sum, { sent }) => sum + sent, 0),
    failures: {},
    measures: {
      [names.rate]: measure(rates, { unit: '/s', better: 'higher', reference: reference(names.rate), wanted }),
      [names.cpu]: measure(cpu, { unit: 'us', reference: reference(names.cpu) }),
    },
    totals: {},
    processes: {},
    lateness: {},
  };
}

function asReferences({ measures, parameters }: BenchCell): readonly (readonly [string, Measure])[] {
  return Object.entries(measures).map(([name, value]) => [
    referenceName(name, Number(parameters['destinations'])),
    value,
  ]);
}

async function sendersTo(to: readonly Peer[], calls: SendCalls | string): Promise<readonly Sender[]> {
  const [only, ...others] = to;
  return [
    await dgram('dgram'),
    ...(only !== undefined && others.length === 0 ? [await dgram('dgram, connected', only)] : []),
    ...(typeof calls === 'string'
      ? []
      : [await batch('batch, sendmmsg only', { ...calls, segments: () => false }), await batch('batch', calls)]),
  ];
}

/** The batch socket; it is given no more than its queue takes. */
async function batch(name: string, calls: SendCalls): Promise<Sender> {
  const quiet = { datagram() {}, sendFailed() {}, failed() {}, dropped() {} };
  const udp = await UdpSocket.bind(local, quiet);
  const socket = BatchSocket.over(udp, quiet, local, calls, () => {});
  return {
    name,
    send: (bytes, to) => socket.send(bytes, to, 'media'),
    room: () => nextTurn(),
    close: () => socket.close(),
  };
}

/** Node's own socket as UdpSocket uses it, with as many datagrams on their way as it may have. */
async function dgram(name: string, remote?: Peer): Promise<Sender> {
  const socket: Socket = createSocket({ type: 'udp4', lookup: (address, _, done) => done(null, address, 4) });
  await new Promise<void>((resolve) => {
    socket.bind(0, local.address, resolve);
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
    send: (bytes, to) => {
      inFlight++;
      if (remote === undefined) socket.send(bytes, to.port, to.address, done);
      else socket.send(bytes, done);
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

/** Sends a burst to each destination in turn, 60 datagrams or more at a time, until the time is up. */
async function takeTurn(
  { options: { burst, bytes: size }, signal }: Context,
  { send, room }: Sender,
  to: readonly Peer[],
  forMs: number,
): Promise<Turn> {
  const bytes = new Uint8Array(size).fill(0x80);
  const rounds = Math.max(1, Math.floor(AT_ONCE / burst));
  const before = process.cpuUsage();
  const beganAtMs = performance.now();
  let [sent, next] = [0, 0];
  while (performance.now() - beganAtMs < forMs && !signal.aborted) {
    for (let round = 0; round < rounds; round++) {
      const peer = to[next++ % to.length] as Peer;
      for (let i = 0; i < burst; i++) send(bytes, peer);
      sent += burst;
    }
    await room();
  }
  const elapsedMs = performance.now() - beganAtMs;
  const { cpuUserMs, cpuSystemMs }: ProcessCost = processCost(before);
  return { perSecond: (1000 * sent) / elapsedMs, cpuUs: (1000 * (cpuUserMs + cpuSystemMs)) / sent, sent };
}

/** A process with sockets that are bound and never read. */
async function deafPeers(count: number): Promise<AsyncDisposable & { readonly peers: readonly Peer[] }> {
  const script = `
    const { createSocket } = require('node:dgram');
    const sockets = Array.from({ length: ${count} }, () => createSocket({ type: 'udp4', recvBufferSize: 4096 }));
    let left = sockets.length;
    for (const socket of sockets) socket.bind(0, '127.0.0.1', () => {
      if (--left === 0) process.stdout.write(JSON.stringify(sockets.map((each) => each.address().port)) + '\\n');
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const part of child.stdout) {
    text += String(part);
    if (text.endsWith('\n')) break;
  }
  child.kill('SIGSTOP');
  const gone = once(child, 'exit');
  const peers = (JSON.parse(text) as number[]).map((port) => ({ address: local.address, port }));
  return {
    peers,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
