/**
 * What a media datagram costs a camera with everything that belongs to it, on each socket: `respond()` with test frames in this
 * process, viewers in another one that counts and throws away. CPU time of the camera's process over what it sent; the sockets
 * take turns, because an absolute time on a shared machine means little.
 *
 *     node dist/bench/camera-rate.js --viewers 20 --seconds 2 --repeats 3
 */
process.env['NODE_ENV'] ??= 'production';

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { initiate, nullSink, respond, testSource } = await import('../src/index.ts');
const { describeMachine } = await import('../src/report/machine.ts');
const { percentiles } = await import('../src/report/percentiles.ts');

const { values: flags } = parseArgs({
  options: {
    viewers: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '2' },
    repeats: { type: 'string', default: '3' },
    frame: { type: 'string', default: '40000' },
    fps: { type: 'string', default: '30' },
    out: { type: 'string', default: 'firstframe-out/camera-rate.json' },
    sockets: { type: 'string', default: 'dgram,batch' },
    watch: { type: 'string' },
  },
});
const viewers = Number(flags.viewers);
const seconds = Number(flags.seconds);
const kinds = (['dgram', 'batch'] as const).filter((kind) => flags.sockets.split(',').includes(kind));

interface Figure {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly dropped: number;
}

/** One camera with all its viewers, once. */
async function measure(socket: (typeof kinds)[number]): Promise<Figure> {
  const source = testSource({ bytesPerFrame: Number(flags.frame), framesPerSecond: Number(flags.fps) });
  const camera = await respond({ port: 0, socket, repair: false, streams: { test: source } });
  let streaming = 0;
  const all = new Promise<void>((resolve) => {
    camera.on('streaming', () => {
      if (++streaming === viewers) resolve();
    });
  });
  const target = `127.0.0.1:${camera.local.port}`;
  const args = [fileURLToPath(import.meta.url), '--watch', target, '--viewers', flags.viewers];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  await all;
  await wait(500);
  const before = camera.metrics().counters;
  const cpu = process.cpuUsage();
  const beganAtMs = performance.now();
  await wait(1000 * seconds);
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - beganAtMs;
  const after = camera.metrics().counters;
  child.kill('SIGKILL');
  await ended;
  await camera.destroy();
  const sent = after.mediaDatagramsSent - before.mediaDatagramsSent;
  const dropped = after.sendQueueDropped - before.sendQueueDropped;
  return { perSecond: (1000 * sent) / elapsedMs, cpuUs: (user + system) / (sent - dropped), dropped };
}

async function watch(target: string): Promise<void> {
  const streams = Array.from({ length: viewers }, () => initiate(target, { repair: false, sink: nullSink() }));
  await Promise.all((await Promise.all(streams)).map((stream) => stream.ended));
}

async function main(): Promise<void> {
  const machine = describeMachine();
  const { cpu, cores, node, loadBefore } = machine;
  process.stdout.write(
    `${cpu}, ${cores} cores, Node ${node}, load ${loadBefore.toFixed(2)}; ${viewers} viewers, ${flags.fps} frames/s of ` +
      `${flags.frame} bytes, ${flags.repeats} x ${seconds} s each, taking turns\n\n`,
  );
  const rows = kinds.map((kind) => ({ kind, figures: [] as Figure[] }));
  for (let repeat = 0; repeat < Number(flags.repeats); repeat++) {
    for (const { kind, figures } of rows) figures.push(await measure(kind));
  }
  process.stdout.write(`${''.padEnd(12)}datagrams/s  CPU us each: p50     min     max  not sent\n`);
  for (const { kind, figures } of rows) {
    const cpuUs = figures.map((figure) => figure.cpuUs);
    const rate = Math.round(percentiles(figures.map(({ perSecond }) => perSecond)).p50).toLocaleString('en');
    const columns = [percentiles(cpuUs).p50, Math.min(...cpuUs), Math.max(...cpuUs)];
    const dropped = figures.reduce((sum, figure) => sum + figure.dropped, 0);
    const text = columns.map((us) => us.toFixed(2).padStart(8)).join('');
    process.stdout.write(`${kind.padEnd(12)}${rate.padStart(11)}        ${text}${String(dropped).padStart(10)}\n`);
  }
  await mkdir(dirname(flags.out), { recursive: true });
  await writeFile(flags.out, `${JSON.stringify({ machine, viewers, seconds, rows }, null, 2)}\n`);
  process.stdout.write(`\nwritten to ${flags.out}\n`);
}

await (flags.watch === undefined ? main() : watch(flags.watch));
