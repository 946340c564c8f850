import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatDuration, formatPercent } from '../config/units.ts';
import { monotonicMs } from '../io/clock.ts';
import { initiate } from '../io/initiate.ts';
import { packageFile } from '../io/package-file.ts';
import { type ReceivedStream, type StreamEnd, sessionError } from '../io/received-stream.ts';
import { h264File } from '../io/sources/h264-file.ts';
import { type Inspection, inspectSink } from '../neighbours/procvision/inspect-sink.ts';
import {
  type RedPepperManager,
  type RedPepperMap,
  type RedPepperValue,
  redPepperAgent,
  redPepperManager,
} from '../neighbours/redpepper/index.ts';
import { addressText, peerText, plainText } from '../observe/text.ts';
import { endpointOptions, type Observation, observe, tellMetrics } from './endpoint-options.ts';
import { ExitCode } from './exit-code.ts';
import { makeKeys, readIdentities, readKeys } from './fleet-keys.ts';
import { InspectionSummary, inspectionLine } from './inspection-text.ts';
import type { Interrupt } from './interrupt.ts';
import { OfferedStreams } from './offered-streams.ts';
import type { CommonOptions } from './options.ts';
import { complain, type Output } from './output.ts';
import { ownSecurity } from './security-options.ts';
import { clock, summaryLines } from './text.ts';

const AGENT = 'camera-1';
const STREAM = 'clip';
/** How long the agent may take to connect, in ms. */
const JOIN_MS = 10_000;
/** Results told to people at most, one in so many ms; a verdict that changed is told in any case. */
const TELL_EVERY_MS = 250;

/** What `firstframe demo --fleet` runs. */
export interface FleetDemoOptions extends CommonOptions {
  readonly clip: string;
}

/**
 * A camera, its agent, a manager and a viewer that has an algorithm judge what it sees: RedPepper over TLS between manager and agent, the
 * START protocol between camera and viewer, ProcVision between viewer and algorithm.
 *
 * Rejects with ConfigError without openssl, with SinkError without ffmpeg, and with what a session or a request rejects with.
 *
 * @returns the exit code.
 */
export async function fleetDemo(options: FleetDemoOptions, output: Output, interrupt: Interrupt): Promise<number> {
  await using observation = await observe(options);
  tellMetrics(observation, output);
  try {
    const failure = await run(options, output, interrupt, observation);
    if (interrupt.exitCode === 0) return failure;
  } catch (error) {
    if (interrupt.exitCode === 0) throw error;
  }
  return interrupt.exitCode;
}

async function run(
  options: FleetDemoOptions,
  output: Output,
  { signal }: Interrupt,
  observation: Observation,
): Promise<number> {
  const { security: mode = 'none', ...others } = options;
  const { drop, ...endpoint } = endpointOptions({ ...others, drop: options.drop ?? 0.2 });
  const security = ownSecurity(mode);
  const summary = new InspectionSummary();
  const startedAtMs = monotonicMs();
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const tell = (one: Inspection): void => {
    const changed = summary.add(one);
    output.event({ event: 'inspection', ...one });
    const nowMs = monotonicMs();
    if (!changed && nowMs - toldAtMs < TELL_EVERY_MS) return;
    toldAtMs = nowMs;
    output.line(`${clock(nowMs - startedAtMs)}  ${inspectionLine(one)}`);
  };

  // First, as it is what may be missing here.
  const sink = await inspectSink({
    command: algorithm(),
    cameraId: AGENT,
    signal,
    onLog: complain,
    onInspection: tell,
  });
  try {
    output.line('algorithm bench/algorithms/moving-edge.ts: ready (ProcVision over its standard input and output)');
    const keys = await ownKeys();
    await using manager = await redPepperManager({ port: 0, tls: keys.manager, identities: keys.identities });
    await using streams = new OfferedStreams(
      { [STREAM]: () => h264File(options.clip) },
      { ...endpoint, security: security.camera, host: '127.0.0.1', logger: observation.log },
      0,
      observation,
      (_, { failed }) => {
        if (failed !== undefined) complain(`the camera's source broke off: ${failed}`);
      },
    );
    await using _agent = redPepperAgent({
      port: manager.port,
      tls: keys.agent,
      id: AGENT,
      credentials: keys.credentials,
      methods: streams.methods(),
    });
    if (!(await manager.waitFor(AGENT, JOIN_MS, signal))) throw new Error(`agent ${AGENT} did not connect`);
    output.line(`manager 127.0.0.1:${manager.port}: agent ${AGENT} joined (RedPepper over TLS 1.3)`);
    output.event({ event: 'joined', agent: AGENT, manager: `127.0.0.1:${manager.port}` });
    const ask = asking(manager, signal, output);

    const { address, port } = await ask('stream.start');
    const target = `${addressText(String(address), Number(port))}/${STREAM}`;
    const loss = drop === undefined ? 'no loss' : `${formatPercent(drop.fraction)} loss each way (--seed ${drop.seed})`;
    output.line(`viewer → camera ${target}: START, ${loss}`);
    const stream = await initiate(target, {
      ...endpoint,
      security: security.viewer,
      ...(drop === undefined ? {} : { drop }),
      sink,
      signal,
      logger: observation.log,
    });
    const end = await watch(stream, observation, output);
    const figures = summary.figures();
    for (const line of summary.lines()) output.line(line);
    output.event({ event: 'inspected', ...figures });
    if (!signal.aborted) {
      await ask('stats');
      await ask('stream.stop');
    }
    // Once the camera is gone no copy of its BYE can come that the viewer would have to wait for. If this end said it (Ctrl-C), nobody
    // else is there to wait for either.
    await (end.byPeer ? streams.close() : streams.destroy());
    await stream.destroy();
    const lost = end.sinkFailure ?? sessionError(end, stream.peer);
    if (lost !== undefined) throw lost;
    return figures.ok + figures.ng > 0 ? ExitCode.ok : ExitCode.failed;
  } finally {
    await sink.close();
  }
}

/** Keys of a fleet for this run only: on disk no longer than it takes to make them. */
async function ownKeys() {
  const folder = mkdtempSync(join(tmpdir(), 'firstframe-fleet-'));
  try {
    await makeKeys(folder, AGENT, []);
    const manager = readKeys({ keys: folder }, 'manager');
    const agent = readKeys({ keys: folder }, AGENT);
    return {
      manager: manager.tls,
      identities: readIdentities(manager.credentials, manager.credentialsPath),
      agent: agent.tls,
      credentials: agent.credentials.trim(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Has the agent do something with its stream, and tells what it answered. */
function asking(manager: RedPepperManager, signal: AbortSignal, output: Output) {
  return async (method: 'stream.start' | 'stream.stop' | 'stats'): Promise<RedPepperMap> => {
    const answer = await manager.request(AGENT, method, [STREAM], {}, { signal });
    const state = isMap(answer) ? answer : {};
    const fields = Object.entries(state).map(([name, value]) => `${name} ${plainText(String(value))}`);
    output.line(`manager → ${AGENT} ${method} ${STREAM}: ${fields.join(', ')}`);
    output.event({ event: 'answered', agent: AGENT, method, state });
    return state;
  };
}

/** Shows a stream until it ends. */
async function watch(stream: ReceivedStream, observation: Observation, output: Output): Promise<StreamEnd> {
  const { timeToStreamMs, attempts, peer } = stream;
  const detach = observation.metrics.attach({
    role: 'initiator',
    snapshot: () => stream.metrics(),
    sessions: () => 1,
  });
  const took = timeToStreamMs === undefined ? 'no media yet' : `media after ${formatDuration(timeToStreamMs)}`;
  output.line(`camera → viewer ${took}\n`);
  output.event({ event: 'streaming', peer: peerText(peer), timeToStreamMs, attempts });
  const end = await stream.ended;
  detach();
  const stats = stream.stats();
  output.line('');
  for (const line of summaryLines({
    end,
    timeToStreamMs,
    timeToFirstFrameMs: stream.timeToFirstFrameMs,
    attempts,
    stats,
  })) {
    output.line(line);
  }
  output.event({ event: 'ended', ...end, timeToStreamMs, attempts, stats, metrics: stream.metrics() });
  return end;
}

/** The example of an algorithm that comes with the package. */
function algorithm(): string {
  const quoted = [process.execPath, packageFile('dist/bench/algorithms/moving-edge.js')].map(
    (word) => `'${word.replaceAll("'", `'\\''`)}'`,
  );
  return quoted.join(' ');
}

function isMap(value: RedPepperValue): value is RedPepperMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
