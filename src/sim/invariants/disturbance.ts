import { FrameType, frameTypeName } from '../../protocol/frame.ts';
import type { Viewer } from '../viewer.ts';
import type { World } from '../world.ts';
import type { HostName, WorldEvent } from '../world-event.ts';
import type { SeenDatagram } from './seen-datagram.ts';
import type { ViolationLog } from './violation.ts';

/** What a host is like before it takes something that must not change it. */
interface Before {
  readonly host: HostName;
  readonly endpoint: Viewer['endpoint'] | World['camera'];
  readonly turn: number;
  readonly atMs: number;
  readonly deadlineMs: number;
  readonly state: string;
  readonly what: string;
}

const startOutputs: ReadonlySet<number | string> = new Set([
  FrameType.START_ACK,
  FrameType.ERROR,
  FrameType.RETRY,
  'reserve',
  'load',
]);

/**
 * S7: a START, a RETRY, an ERROR that proves nothing or a malformed datagram leaves a live session as it was: state, ids and
 * deadlines. Looked at before it is taken and at the next thing that is seen to happen.
 */
export class Disturbance {
  readonly #log: ViolationLog;
  #before: Before | undefined;
  #unseenInputAtMs = Number.NaN;

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  /** A viewer in Streaming is about to take what is not for its session. */
  viewerTakes(viewer: Viewer, seen: SeenDatagram, world: World): void {
    const { endpoint } = viewer;
    this.#remember(viewer.number, endpoint, stateOf(endpoint), seen, world);
  }

  /** The camera is about to take what belongs to none of its sessions. */
  cameraTakes(seen: SeenDatagram, world: World): void {
    this.#remember('camera', world.camera, stateOf(world.camera), seen, world);
  }

  /**
   * The camera's outputs to a START: it may be answered, may ask the application and may be load; nothing else.
   *
   * @param halfOpen the output is about a session that is half-open, which one with a cookie may displace.
   */
  cameraOutput(output: number | string, started: boolean, halfOpen = false): void {
    if (started && !halfOpen && !startOutputs.has(output)) {
      this.#log.report(
        'S7',
        `a START made the camera do ${typeof output === 'number' ? frameTypeName(output) : output}`,
      );
    }
  }

  /** Call first with every event. */
  next(event: WorldEvent, world: World): void {
    if (event.kind === 'lost' && event.reason === 'sendFailed') this.#unseenInputAtMs = event.atMs;
    if (this.#before === undefined) return;
    const before = this.#before;
    this.#before = undefined;
    if (before.turn === world.clock.turn && outputOf(event, world) === before.host) {
      // RESET and ERROR to a stranger are judged as answers; they leave the camera as it is.
      const answered = before.host === 'camera' && event.kind === 'sent' && event.plane === 'control';
      if (!answered) this.#log.report('S7', `${nameOf(before)} acted on ${before.what}`);
      return;
    }
    this.#compare(before, world);
  }

  #compare(before: Before, world: World): void {
    const host = before.host === 'camera' ? world.cameraHost : world.viewers[before.host];
    if (host === undefined || host.endpoint !== before.endpoint || before.atMs === this.#unseenInputAtMs) return;
    // From its deadline on a timer may have run that nobody saw.
    if (host.localMs >= before.deadlineMs) return;
    const state = stateOf(host.endpoint);
    if (state === before.state && host.endpoint.deadlineMs() === before.deadlineMs) return;
    this.#log.report(
      'S7',
      `${before.what} changed ${nameOf(before)} from ${before.state} to ${state}, or its deadline`,
    );
  }

  #remember(host: HostName, endpoint: Before['endpoint'], state: string, seen: SeenDatagram, world: World): void {
    const what = frameTypeName(seen.type) ?? 'a malformed datagram';
    const { turn, nowMs } = world.clock;
    this.#before = { host, endpoint, turn, atMs: nowMs, deadlineMs: endpoint.deadlineMs(), state, what };
  }
}

function stateOf(endpoint: Before['endpoint']): string {
  if ('state' in endpoint) return `${endpoint.state} ${endpoint.streamId} ${endpoint.sessionTag}`;
  return `${endpoint.sessionCount} sessions, ${endpoint.pendingCount} half-open`;
}

function nameOf({ host }: Before): string {
  return host === 'camera' ? 'the camera' : `viewer ${host}`;
}

/** The host whose output an event is. */
function outputOf(event: WorldEvent, world: World): HostName | undefined {
  if (event.kind === 'told') return event.output.kind.startsWith('trace') ? undefined : event.host;
  if (event.kind !== 'sent' || event.plane === 'stranger') return undefined;
  return world.viewers.find(({ peer }) => peer === event.from)?.number ?? 'camera';
}
