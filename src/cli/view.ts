import { setTimeout as wait } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { formatDuration, formatPercent } from '../config/units.ts';
import { monotonicMs } from '../io/clock.ts';
import { initiate } from '../io/initiate.ts';
import type { MediaSink } from '../io/media-sink.ts';
import { type ReceivedStream, type StreamEnd, sessionError } from '../io/received-stream.ts';
import { parseSink } from '../io/sinks/parse-sink.ts';
import { SinkError } from '../io/sinks/sink-error.ts';
import { readTokenFile, writeTokenFile } from '../io/token-file.ts';
import { inspectSink } from '../neighbours/procvision/inspect-sink.ts';
import { peerText } from '../observe/text.ts';
import { Timeline } from '../observe/timeline.ts';
import { endpointOptions, type Observation, observe, tellMetrics } from './endpoint-options.ts';
import { ExitCode, errorText, exitCodeOf } from './exit-code.ts';
import { tellFailed } from './failed-event.ts';
import { firstFrame } from './first-frame.ts';
import { type Interrupt, interruptible } from './interrupt.ts';
import { KeptSink } from './kept-sink.ts';
import { type CommonOptions, duration, withCommonOptions } from './options.ts';
import { commandOutput, complain, type Output } from './output.ts';
import { resultLines } from './result-lines.ts';
import { withPeerKey } from './security-options.ts';
import { ReceiveStatus, summaryLines } from './text.ts';

/** Options of a view. */
export interface ViewOptions extends CommonOptions {
  readonly output: string;
  readonly timeout?: number;
  readonly latency: number;
  readonly duration?: number;
  readonly reconnect?: boolean;
  readonly sdp?: string;
  readonly inspect?: string;
  readonly peerKey?: Uint8Array;
  readonly tokenFile?: string;
}

/** First wait before a further try, doubled each time up to the cap; ms. */
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 15_000;

/** `firstframe view`. */
export function viewCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('view')
    .description('Gets a stream from a camera.')
    .argument('<target>', 'host[:port][/stream], such as 127.0.0.1:4444/door')
    .option('-o, --output <where>', "null, file.h264, - (stdout), rtp://127.0.0.1:5006, exec:'ffplay -', test", 'null')
    .option('--timeout <time>', "give the handshake up after, such as 5s (default: the profile's, 15s)", duration)
    .addOption(
      new Option('--latency <time>', 'play-out time: how long a lost datagram is waited for')
        .argParser(duration)
        .default(200, '200ms'),
    )
    .option('--duration <time>', 'stop after, such as 10s', duration)
    .option('--reconnect', 'try again for ever when there is no stream or it is lost')
    .option('--token-file <file>', "ask for media a round trip earlier; keeps the camera's token for the next run")
    .option('--sdp <file>', 'where an rtp:// output writes its session description (default: firstframe.sdp)')
    .addOption(
      new Option(
        '--inspect <command>',
        "have a ProcVision algorithm judge the frames, such as 'python3 -m …'; results on stdout, a JSON line each",
      ).conflicts('output'),
    );
  withPeerKey(command);
  return withCommonOptions(command).action(async (target: string, options: ViewOptions) => {
    const output = commandOutput({
      json: options.json === true,
      // Lines of results are for programs, unless all is.
      stdoutTaken: options.output === '-' || (options.inspect !== undefined && options.json !== true),
    });
    using interrupt = interruptible(() => output.line('closing (Ctrl-C again to leave at once)'));
    await using observation = await observe(options);
    tellMetrics(observation, output);
    const sink = await sinkOf(target, options, output, interrupt.signal);
    const where = options.inspect === undefined ? options.output : `inspect:${options.inspect}`;
    const kept = options.reconnect === true ? new KeptSink(sink, where) : undefined;
    const view = new View(target, options, output, interrupt, observation, kept ?? sink);
    try {
      finish(await view.run());
    } finally {
      await (kept?.finish() ?? sink.close());
    }
  });
}

async function sinkOf(target: string, options: ViewOptions, output: Output, signal: AbortSignal): Promise<MediaSink> {
  const { inspect: command, output: where, sdp, json } = options;
  if (command === undefined) return parseSink(where, sdp === undefined ? {} : { sdpPath: sdp });
  output.line(`starting the algorithm: ${command}`);
  return inspectSink({
    command,
    cameraId: target,
    signal,
    onLog: complain,
    onInspection: json === true ? (one) => output.event({ event: 'inspection', ...one }) : resultLines(process.stdout),
  });
}

/** One run of the command: a session, or several with `--reconnect`. */
export class View {
  readonly #target: string;
  readonly #options: ViewOptions;
  readonly #output: Output;
  readonly #interrupt: Interrupt;
  readonly #observation: Observation;
  readonly #sink: MediaSink;

  constructor(
    target: string,
    options: ViewOptions,
    output: Output,
    interrupt: Interrupt,
    observation: Observation,
    sink: MediaSink,
  ) {
    this.#target = target;
    this.#options = options;
    this.#output = output;
    this.#interrupt = interrupt;
    this.#observation = observation;
    this.#sink = sink;
  }

  /** @returns the exit code. */
  async run(): Promise<number> {
    let waitMs = RECONNECT_FIRST_MS;
    for (;;) {
      const startedAtMs = monotonicMs();
      const error = await this.#session().catch((failure: unknown) => failure);
      const again = this.#options.reconnect === true && !this.#interrupt.signal.aborted && error !== undefined;
      if (!again || error instanceof SinkError || exitCodeOf(error) === 2) return this.#leave(error);
      complain(`${errorText(error)} Trying again in ${formatDuration(waitMs)}`);
      await wait(waitMs, undefined, { signal: this.#interrupt.signal }).catch(() => {});
      const lasted = monotonicMs() - startedAtMs > RECONNECT_MAX_MS;
      waitMs = lasted ? RECONNECT_FIRST_MS : Math.min(2 * waitMs, RECONNECT_MAX_MS);
    }
  }

  #leave(error: unknown): number {
    if (this.#interrupt.exitCode !== 0) return this.#interrupt.exitCode;
    if (error === undefined) return 0;
    complain(errorText(error));
    // It could be opened, or there would have been no session: that it failed is no mistake of usage.
    return error instanceof SinkError ? ExitCode.failed : exitCodeOf(error);
  }

  /** One session to its end; the error that it amounts to, `undefined` when it ended as intended. */
  async #session(): Promise<unknown> {
    const { timeout, latency, drop } = this.#options;
    const endpoint = endpointOptions(this.#options);
    const timeline = new Timeline({ role: 'initiator' });
    const startedAtMs = monotonicMs();
    this.#output.line(
      `asking ${this.#target} for a stream${drop ? `, losing ${formatPercent(drop)} of datagrams each way (--seed ${endpoint.drop?.seed})` : ''}`,
    );
    let toldLines = 0;
    const tell = (): void => {
      const lines = timeline.lines();
      for (const line of lines.slice(toldLines)) this.#output.line(line);
      toldLines = lines.length;
    };
    let handshaking = true;
    const stream = await initiate(this.#target, {
      ...endpoint,
      latencyMs: latency,
      ...this.#shownToken(),
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      sink: this.#sink,
      signal: this.#interrupt.signal,
      logger: this.#observation.log,
      trace: (output, nowMs) => {
        if (handshaking) timeline.add(nowMs, output);
      },
    }).catch((error: unknown) => {
      tell();
      tellFailed(error, this.#output);
      throw error;
    });
    await firstFrame(stream);
    handshaking = false;
    tell();
    return this.#watch(stream, startedAtMs);
  }

  /** With `--token-file`: the token of the run before. It is good once, so the file has none from here on. */
  #shownToken(): { readonly fast?: true; readonly token?: Uint8Array } {
    const { tokenFile } = this.#options;
    if (tokenFile === undefined) return {};
    const token = readTokenFile(tokenFile, '--token-file');
    writeTokenFile(tokenFile, '--token-file', undefined);
    return { fast: true, ...(token === undefined ? {} : { token }) };
  }

  /** Shows a running stream until it ends. */
  async #watch(stream: ReceivedStream, startedAtMs: number): Promise<unknown> {
    const { timeToStreamMs, attempts, rttMs, streamId, peer } = stream;
    const detach = this.#observation.metrics.attach({
      role: 'initiator',
      snapshot: () => stream.metrics(),
      sessions: () => 1,
    });
    this.#output.event({ event: 'streaming', peer: peerText(peer), streamId, timeToStreamMs, attempts, rttMs });
    const status = new ReceiveStatus();
    const ticker = setInterval(() => {
      const stats = stream.stats();
      if (stats === undefined) return;
      const nowMs = monotonicMs();
      this.#output.status(status.line(stats, nowMs - startedAtMs, stream.rttMs, nowMs));
      this.#output.event({ event: 'status', elapsedMs: nowMs - startedAtMs, rttMs: stream.rttMs, ...stats });
    }, 1000);
    const { duration: durationMs } = this.#options;
    const stop = durationMs === undefined ? undefined : setTimeout(() => void stream.close(), durationMs);
    const end = await stream.ended;
    const { tokenFile } = this.#options;
    if (tokenFile !== undefined) writeTokenFile(tokenFile, '--token-file', stream.token);
    clearInterval(ticker);
    clearTimeout(stop);
    this.#summary(stream, end);
    await stream.closed;
    detach();
    return end.sinkFailure ?? sessionError(end, peer);
  }

  #summary(stream: ReceivedStream, end: StreamEnd): void {
    const { timeToStreamMs, timeToFirstFrameMs, attempts } = stream;
    const stats = stream.stats();
    for (const line of summaryLines({ end, timeToStreamMs, timeToFirstFrameMs, attempts, stats })) {
      this.#output.line(line);
    }
    const metrics = stream.metrics();
    this.#output.event({ event: 'ended', ...end, timeToStreamMs, timeToFirstFrameMs, attempts, stats, metrics });
  }
}
