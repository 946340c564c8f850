import type { EventEmitter } from 'node:events';
import { Command, Option } from 'commander';
import type { ListenAddress } from '../config/address.ts';
import { isLoopback } from '../config/address.ts';
import { keyText } from '../config/key-text.ts';
import { type SocketChoice, socketChoices } from '../config/options.ts';
import { formatBytes, formatDuration, formatPercent, formatRate } from '../config/units.ts';
import type { MetricsSnapshot } from '../engine/counters.ts';
import { CAMERA_WORKERS_MAX } from '../engine/worker-share.ts';
import { ConfigError } from '../errors.ts';
import { monotonicMs } from '../io/clock.ts';
import type { MediaSource } from '../io/media-source.ts';
import { type LoadOutput, type Responder, respond } from '../io/respond.ts';
import { parseSource } from '../io/sources/parse-source.ts';
import { type ResponderWorkers, respondWorkers } from '../io/workers/respond-workers.ts';
import type { RespondWorkersEvents } from '../io/workers/worker-options.ts';
import { addressText, peerText } from '../observe/text.ts';
import { endpointOptions, observe, tellMetrics } from './endpoint-options.ts';
import { interruptible } from './interrupt.ts';
import { type CommonOptions, framesPerSecond, listenAddress, wholeNumber, withCommonOptions } from './options.ts';
import { commandOutput, complain, type Output } from './output.ts';
import { reloadViewers, viewersOf, withAllowedViewers } from './security-options.ts';
import { clock, codeText } from './text.ts';

interface SendOptions extends CommonOptions {
  readonly listen: ListenAddress;
  readonly stream: readonly string[];
  readonly loop?: boolean;
  readonly fps?: number;
  readonly datagramBytes: number;
  readonly socket: SocketChoice;
  readonly workers: number;
  readonly once?: boolean;
  readonly fast?: boolean;
  readonly allowedViewers?: string;
}

/** With workers or without. */
type Camera = Responder | ResponderWorkers;

/** `firstframe send`. */
export function sendCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('send')
    .description('Offers streams, as a camera does. No media byte leaves before a viewer has confirmed.')
    .addOption(
      new Option('-l, --listen <address>', 'where to listen; :4444 is all interfaces, which needs --security')
        .argParser(listenAddress)
        .default(listenAddress('127.0.0.1:4444'), '127.0.0.1:4444'),
    );
  withStreamOptions(command)
    .option(
      '--datagram-bytes <number>',
      'first size of media datagrams: 1200, 600 or 296',
      wholeNumber(296, 1200),
      1200,
    )
    .addOption(
      new Option('--socket <kind>', 'how datagrams leave: in batches where koffi and the system can, or one by one')
        .choices(socketChoices)
        .default('auto'),
    )
    .option('--workers <number>', 'threads that have the sessions', wholeNumber(1, CAMERA_WORKERS_MAX), 1)
    .option('--fast', 'give viewers tokens: who comes back with one has media a round trip earlier')
    .option('--once', 'end after the last viewer has left');
  withAllowedViewers(command);
  return withCommonOptions(command).action(async (options: SendOptions) => {
    const output = commandOutput({ json: options.json === true, stdoutTaken: false });
    const viewers = viewersOf(options);
    using interrupt = interruptible(
      () => output.line('saying BYE to all viewers (Ctrl-C again to leave at once)'),
      viewers && (() => reloadViewers(viewers, output)),
    );
    await using observation = await observe(options);
    const settings = {
      ...endpointOptions(options, viewers),
      host: options.listen.host,
      port: options.listen.port,
      streams: Object.fromEntries(Object.entries(streamSources(options)).map(([name, make]) => [name, make()])),
      datagramBytesMax: options.datagramBytes,
      socket: options.socket,
      fast: options.fast === true,
      signal: interrupt.signal,
      logger: observation.log,
    };
    const { workers } = options;
    const camera = await (workers === 1 ? respond(settings) : respondWorkers({ ...settings, workers }));
    observation.metrics.attach({
      role: 'responder',
      snapshot: () => camera.metrics(),
      sessions: () => camera.sessionCount,
      pending: () => camera.pendingCount,
      underLoad: () => camera.underLoad,
      socket: () => camera.socketKind,
    });
    greet(camera, options, output);
    tellMetrics(observation, output);
    await serve(camera, options, output, interrupt.signal);
    finish(interrupt.exitCode);
  });
}

/** What `--stream`, `--loop` and `--fps` say, as sources that can be made again and again. */
export function streamSources({
  stream,
  loop = false,
  fps,
}: Pick<SendOptions, 'stream' | 'loop' | 'fps'>): Record<string, () => MediaSource> {
  const streams: Record<string, () => MediaSource> = {};
  for (const text of stream) {
    const [, name, source] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || source === undefined) {
      throw new ConfigError([
        { setting: '--stream', problem: `"${text}" has no name`, tryInstead: `write door=${text}` },
      ]);
    }
    if (Object.hasOwn(streams, name)) {
      const problem = `"${name}" is there twice`;
      throw new ConfigError([{ setting: '--stream', problem, tryInstead: 'give each stream its own name' }]);
    }
    streams[name] = () => parseSource(source, { loop, ...(fps === undefined ? {} : { framesPerSecond: fps }) });
  }
  return streams;
}

/** `--stream name=source`, once or more. */
export function withStreamOptions(command: Command): Command {
  return command
    .requiredOption(
      '-s, --stream <name=source>',
      "clip.h264, - (stdin), rtp://:5004, test, exec:'ffmpeg …'; may be given more than once",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option('--loop', 'begin files again at their end')
    .option(
      '--fps <number>',
      'frames per second of files and pipes (default: what they say, else 25)',
      framesPerSecond,
    );
}

function greet(camera: Camera, options: SendOptions, output: Output): void {
  const { address, port } = camera.local;
  const where = addressText(address, port);
  const { streams } = camera;
  output.line(`listening on ${where}, ${streams.length === 1 ? 'stream' : 'streams'} ${streams.join(', ')}`);
  if (options.drop !== undefined && options.drop > 0) {
    output.line(`losing ${formatPercent(options.drop)} of datagrams each way`);
  }
  const host = isLoopback(address) ? addressText('127.0.0.1', port) : `ADDRESS:${port}`;
  output.line(`watch it with: firstframe view ${host}/${streams[0]} --output received.h264`);
  output.event({ event: 'listening', address, port, streams, socket: camera.socketKind });
  for (const notice of camera.notices) output.line(`note: ${notice}`);
  const { granted, asked } = camera.receiveBuffer;
  if (granted < asked) {
    output.line(
      `note: a receive buffer of ${formatBytes(granted)} was granted, not ${formatBytes(asked)}; bursts may be lost. Raise net.core.rmem_max`,
    );
  }
}

/** Tells of viewers until the camera is closed. */
async function serve(camera: Camera, options: SendOptions, output: Output, signal: AbortSignal): Promise<void> {
  const startedAtMs = monotonicMs();
  const since = new Map<number, number>();
  const now = (): string => clock(monotonicMs() - startedAtMs);
  const live = new Set<number>();
  const names = new Map<number, string>();
  const lasted = (session: number): string => {
    const beganAtMs = since.get(session);
    return beganAtMs === undefined ? '' : ` after ${formatDuration(monotonicMs() - beganAtMs)}`;
  };
  // Both have the events that are heard here; that a viewer of a worker cannot be called makes no difference.
  const events: EventEmitter<RespondWorkersEvents> = camera as ResponderWorkers;
  events.on('left', ({ session, code, reason }) => {
    live.delete(session);
    output.line(`${now()}  ${names.get(session)} said BYE${lasted(session)}: ${codeText(code)}`);
    output.event({ event: 'left', session, code, reason });
  });
  events.on('streaming', ({ session, peer, streamId, publicKey }) => {
    live.add(session);
    since.set(session, monotonicMs());
    names.set(session, peerText(peer));
    output.line(`${now()}  ${peerText(peer)} confirmed: media flows`);
    const viewerKey = publicKey && keyText(publicKey);
    output.event({ event: 'streaming', session, peer: peerText(peer), streamId, viewerKey });
  });
  events.on('moved', ({ session, before, peer }) => {
    names.set(session, peerText(peer));
    output.line(`${now()}  ${peerText(before)} is at ${peerText(peer)} now: media goes there`);
    output.event({ event: 'moved', session, before: peerText(before), peer: peerText(peer) });
  });
  events.on('closed', (closed) => {
    const { session, peer, code, reason, wasStreaming, streamId } = closed;
    if (!wasStreaming) output.line(`${now()}  ${peerText(peer)} did not get in: ${codeText(code)}`);
    else if (live.has(session)) output.line(`${now()}  ${peerText(peer)} is gone${lasted(session)}: ${codeText(code)}`);
    since.delete(session);
    names.delete(session);
    output.event({ event: 'closed', session, peer: peerText(peer), streamId, code, reason, wasStreaming });
    live.delete(session);
    if (options.once === true && wasStreaming && live.size === 0) void camera.close();
  });
  events.on('load', (load) => {
    const cause = load.under ? loadCauses[load.cause] : '';
    output.line(
      `${now()}  ${load.under ? `under load (${cause}): viewers are asked for a cookie first` : 'no longer under load'}`,
    );
    output.event({ event: 'load', under: load.under, ...(load.under ? { cause: load.cause } : {}) });
  });
  events.on('workerLost', ({ worker, why, restarts }) => {
    complain(`worker ${worker} died (${why}), and its sessions with it${restarts ? '; it is started anew' : ''}`);
    output.event({ event: 'workerLost', worker, why, restarts });
  });
  events.on('sourceFailed', ({ stream, error }) => {
    complain(`stream ${stream}: ${error.message}`);
    output.event({ event: 'sourceFailed', stream, message: error.message });
  });
  let before = camera.metrics();
  const ticker = setInterval(() => {
    const metrics = camera.metrics();
    if (live.size > 0) {
      output.status(statusLine(now(), live.size, before, metrics));
      output.event({ event: 'status', viewers: live.size, pending: camera.pendingCount, metrics });
    }
    before = metrics;
  }, 1000);
  if (signal.aborted) void camera.close();
  await camera.closed;
  clearInterval(ticker);
  output.event({ event: 'ended', metrics: camera.metrics() });
}

const loadCauses: Readonly<Record<Extract<LoadOutput, { under: true }>['cause'], string>> = {
  pending: 'many half-open sessions',
  starts: 'many strangers',
  late: 'this process comes late',
};

function statusLine(at: string, viewers: number, before: MetricsSnapshot, metrics: MetricsSnapshot): string {
  const since = (name: 'mediaBytesSent' | 'mediaDatagramsSent' | 'nacksReceived'): number =>
    metrics.counters[name] - before.counters[name];
  return [
    at,
    viewers === 1 ? '1 viewer' : `${viewers} viewers`,
    formatRate(8 * since('mediaBytesSent')),
    `${since('mediaDatagramsSent')} datagrams/s`,
    `${since('nacksReceived')} repair requests`,
  ].join('  ');
}
