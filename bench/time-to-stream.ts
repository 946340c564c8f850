/**
 * Time to stream over real loopback sockets, beside the round trip of a plain UDP echo in the same run: an absolute time on a
 * shared machine means little, the ratio of the two says what the handshake costs.
 *
 *     node dist/bench/time-to-stream.js --runs 200 --drop 0%,20%,30% --seed 1
 */
process.env['NODE_ENV'] ??= 'production';

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';

const { parseFraction } = await import('../src/config/units.ts');
const { initiate, respond, testSource } = await import('../src/index.ts');
const { describeMachine } = await import('../src/report/machine.ts');
const { percentiles } = await import('../src/report/percentiles.ts');

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    drop: { type: 'string', default: '0%,20%,30%' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'firstframe-out/time-to-stream.json' },
  },
});
const runs = Number(flags.runs);
const seed = Number(flags.seed);
const drops = flags.drop.split(',').map((text) => {
  const parsed = parseFraction(text);
  if (!parsed.ok) throw new Error(`--drop ${text}: ${parsed.problem}. Try: ${parsed.tryInstead}`);
  return parsed.value;
});

interface Row {
  readonly name: string;
  readonly failures: number;
  readonly attempts: number;
  readonly ms: ReturnType<typeof percentiles>;
}

/** Round trips of a plain pair of sockets, one after the other. */
async function echo(): Promise<Row> {
  const [server, client] = [createSocket('udp4'), createSocket('udp4')];
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  server.on('message', (bytes, from) => server.send(bytes, from.port, from.address));
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const sentAtMs = performance.now();
    client.send(new Uint8Array(256), server.address().port, '127.0.0.1');
    await once(client, 'message');
    times.push(performance.now() - sentAtMs);
  }
  server.close();
  client.close();
  return { name: 'UDP echo, no loss', failures: 0, attempts: runs, ms: percentiles(times) };
}

/** Handshakes one after the other, each with its own socket; the viewer loses `drop` of its datagrams each way. */
async function timeToStream(drop: number): Promise<Row> {
  await using camera = await respond({
    port: 0,
    streams: { test: testSource({ bytesPerFrame: 20_000 }) },
    limits: { prefixRate: { perSecond: 1_000_000, burst: 1_000_000 } },
  });
  const target = `127.0.0.1:${camera.local.port}/test`;
  const times: number[] = [];
  const closing: Promise<unknown>[] = [];
  let failures = 0;
  let attempts = 0;
  for (let run = 0; run < runs; run++) {
    const options = drop === 0 ? {} : { drop: { fraction: drop, seed: seed * 1_000_000 + run } };
    try {
      const stream = await initiate(target, options);
      attempts += stream.attempts;
      if (stream.timeToStreamMs === undefined) failures++;
      else times.push(stream.timeToStreamMs);
      closing.push(stream.close());
    } catch {
      failures++;
    }
    progress(run + 1, drop);
  }
  await Promise.all(closing);
  const name = `time to stream, ${100 * drop} % loss each way`;
  return { name, failures, attempts, ms: percentiles(times) };
}

function progress(done: number, drop: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r${100 * drop} % loss: ${done} of ${runs}\x1b[K${done === runs ? '\r\x1b[K' : ''}`);
}

const machine = describeMachine();
const { cpu, cores, node, loadBefore } = machine;
process.stdout.write(
  `${cpu}, ${cores} cores, Node ${node}, load ${loadBefore.toFixed(2)}, seed ${seed}, ${runs} runs each\n`,
);
process.stdout.write('limits raised: prefixRate 1,000,000/s, because every run comes from one address\n\n');
const reference = await echo();
const rows: Row[] = [reference];
for (const drop of drops) rows.push(await timeToStream(drop));
process.stdout.write(`${''.padEnd(40)}     p50      p90      p99      max  failed  x echo p50\n`);
for (const { name, failures, ms } of rows) {
  const figures = [ms.p50, ms.p90, ms.p99, ms.max].map((value) => value.toFixed(2).padStart(9)).join('');
  const ratio = (ms.p50 / reference.ms.p50).toFixed(1);
  process.stdout.write(`${name.padEnd(36)}${figures} ms ${String(failures).padStart(4)}  ${ratio.padStart(10)}\n`);
}
await mkdir(dirname(flags.out), { recursive: true });
await writeFile(flags.out, `${JSON.stringify({ machine, seed, runs, rows }, null, 2)}\n`);
process.stdout.write(`\nwritten to ${flags.out}\n`);
