import { mkdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { formatDuration, formatPercent } from '../config/units.ts';
import { monotonicMs } from '../io/clock.ts';
import { initiate } from '../io/initiate.ts';
import { packageFile } from '../io/package-file.ts';
import { type ReceivedStream, sessionError } from '../io/received-stream.ts';
import { respond } from '../io/respond.ts';
import { annexbFile } from '../io/sinks/annexb-sink.ts';
import { h264File } from '../io/sources/h264-file.ts';
import { AccessUnitAssembler } from '../media/access-unit-assembler.ts';
import { AnnexBSplitter } from '../media/annex-b-splitter.ts';
import { addressText } from '../observe/text.ts';
import { fleetDemo } from './demo-fleet.ts';
import { DemoTimeline } from './demo-timeline.ts';
import { endpointOptions, observe, tellMetrics } from './endpoint-options.ts';
import { firstFrame } from './first-frame.ts';
import { type Interrupt, interruptible } from './interrupt.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { commandOutput, type Output } from './output.ts';
import { ownSecurity } from './security-options.ts';
import { ReceiveStatus, summaryLines } from './text.ts';

interface DemoOptions extends CommonOptions {
  readonly clip: string;
  readonly folder: string;
  readonly fleet?: boolean;
}

/** Handshake messages are told for this long after the first frame: copies in flight are part of the story. */
const TELL_MS = 50;

/** `firstframe demo`: what `npm start` runs. */
export function demoCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('demo')
    .description(
      'A camera and a viewer in one process, over real loopback sockets and a bad link, with a bundled clip.',
    )
    .addOption(
      new Option('--clip <file>', 'H.264 file to stream').default(
        packageFile('bench/clips/mandelbrot.h264'),
        'the bundled clip',
      ),
    )
    .option('--folder <path>', 'where the received video is written', 'firstframe-out')
    .addOption(
      new Option(
        '--fleet',
        'instead: a manager has an agent start a camera, and an algorithm judges what the viewer sees',
      ).conflicts('folder'),
    );
  return withCommonOptions(command).action(async (options: DemoOptions) => {
    const output = commandOutput({ json: options.json === true, stdoutTaken: false });
    using interrupt = interruptible(() => output.line('closing (Ctrl-C again to leave at once)'));
    finish(await (options.fleet === true ? fleetDemo : demo)(options, output, interrupt));
  });
}

async function demo(options: DemoOptions, output: Output, interrupt: Interrupt): Promise<number> {
  await using observation = await observe(options);
  tellMetrics(observation, output);
  const { security: mode = 'none', ...others } = options;
  const { drop, ...endpoint } = endpointOptions({ ...others, drop: options.drop ?? 0.2 });
  const security = ownSecurity(mode);
  await mkdir(options.folder, { recursive: true });
  const path = join(options.folder, 'received.h264');
  const timeline = new DemoTimeline();

  await using camera = await respond({
    ...endpoint,
    security: security.camera,
    port: 0,
    streams: { clip: h264File(options.clip) },
    logger: observation.log,
    trace: (event, nowMs) => timeline.add('responder', nowMs, event),
  });
  observation.metrics.attach({
    role: 'responder',
    snapshot: () => camera.metrics(),
    sessions: () => camera.sessionCount,
    pending: () => camera.pendingCount,
    underLoad: () => camera.underLoad,
  });
  const { address, port } = camera.local;
  const target = `${addressText(address, port)}/clip`;
  const loss = drop === undefined ? 'no loss' : `${formatPercent(drop.fraction)} loss each way (--seed ${drop.seed})`;
  output.line(`camera ${target}, viewer beside it, ${loss}\n`);

  const startedAtMs = monotonicMs();
  const stream = await initiate(target, {
    ...endpoint,
    security: security.viewer,
    ...(drop === undefined ? {} : { drop }),
    sink: annexbFile(path),
    signal: interrupt.signal,
    logger: observation.log,
    trace: (event, nowMs) => timeline.add('initiator', nowMs, event),
  });
  observation.metrics.attach({ role: 'initiator', snapshot: () => stream.metrics(), sessions: () => 1 });
  await firstFrame(stream);
  await wait(TELL_MS);
  for (const line of timeline.finish()) output.line(line);
  const { timeToStreamMs, timeToFirstFrameMs } = stream;
  output.line('');
  output.line(`time to stream       ${timeToStreamMs === undefined ? '-' : formatDuration(timeToStreamMs)}`);
  output.line(
    `time to first frame  ${timeToFirstFrameMs === undefined ? 'not yet' : formatDuration(timeToFirstFrameMs)}\n`,
  );
  const end = await watch(stream, startedAtMs, output);
  const { attempts } = stream;
  const stats = stream.stats();
  const final = { end, timeToStreamMs, timeToFirstFrameMs: stream.timeToFirstFrameMs, attempts, stats };
  for (const line of summaryLines(final)) output.line(line);
  const kept = await compare(options.clip, path);
  const place = relative('.', path);
  output.line(
    `\n${kept.frames} of ${kept.of} frames (${formatPercent(kept.frames / kept.of)}) are in ${place}${kept.identical ? ', byte for byte those of the clip' : ''}`,
  );
  output.line(`play it with: ffplay ${place}   or any other player`);
  output.event({ event: 'ended', ...final, path, ...kept, metrics: stream.metrics(), camera: camera.metrics() });
  // Both ends are here: once the camera has its BYE_ACK no copy of its BYE can come that the viewer would have to wait for.
  // If this end said it (Ctrl-C), nobody else is there to wait for either.
  await (end.byPeer ? camera.close() : camera.destroy());
  await stream.destroy();
  const lost = sessionError(end, stream.peer);
  if (interrupt.exitCode === 0 && lost !== undefined) throw lost;
  return interrupt.exitCode;
}

async function watch(stream: ReceivedStream, startedAtMs: number, output: Output) {
  const status = new ReceiveStatus();
  const ticker = setInterval(() => {
    const stats = stream.stats();
    const nowMs = monotonicMs();
    if (stats !== undefined) output.status(status.line(stats, nowMs - startedAtMs, stream.rttMs, nowMs));
  }, 1000);
  const end = await stream.ended;
  clearInterval(ticker);
  return end;
}

/** How much of the clip arrived, by access units. */
async function compare(clip: string, path: string) {
  const [sent, received] = await Promise.all([readFile(clip), readFile(path)]);
  return {
    frames: countAccessUnits(received),
    of: countAccessUnits(sent),
    identical: sent.equals(received),
  };
}

function countAccessUnits(bytes: Uint8Array): number {
  const splitter = new AnnexBSplitter();
  const assembler = new AccessUnitAssembler();
  const units = [...splitter.push(bytes), ...splitter.end()];
  const complete = units.filter((unit) => assembler.push(unit) !== undefined).length;
  return complete + (assembler.end() === undefined ? 0 : 1);
}
