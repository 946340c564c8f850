import { decodeFrame } from '../codec/decode.ts';
import type { ClosedLabel } from '../engine/counters.ts';
import type { ResponderEndpointOptions } from '../engine/responder-endpoint.ts';
import type { ReceivedFrame } from '../media/access-unit.ts';
import { FrameType } from '../protocol/frame.ts';
import { type Profile, type ProfileName, profiles } from '../protocol/profiles.ts';
import type { SecuredMode } from '../security/credentials.ts';
import type { HostClock } from './host.ts';
import { InvariantWatch } from './invariants/invariant-watch.ts';
import type { Violation } from './invariants/violation.ts';
import type { LinkPair } from './link-model.ts';
import { type PresetName, presets } from './presets.ts';
import { Recorder } from './recorder.ts';
import { type DiagramOptions, sequenceDiagram } from './sequence-diagram.ts';
import { type SecuredEnds, securedEnds } from './simulated-security.ts';
import { type SimulatedFrame, SimulatedStream, testFrames } from './simulated-stream.ts';
import { SimulatedViewer } from './simulated-viewer.ts';
import { cameraPeer, type ViewerOptions, World } from './world.ts';
import type { WorldEvent } from './world-event.ts';

/** What a simulation is made of. */
export interface SimulationOptions {
  /** u32; the same seed gives the same run, to the last bit, on every machine and every Node. */
  readonly seed: number;
  /** Every viewer's link unless it has its own: a preset's name, a model for both directions, or one for each. Default perfect. */
  readonly link?: PresetName | LinkPair;
  /** Timers. Default `default`. */
  readonly profile?: ProfileName | Profile;
  /**
   * How sessions are protected. Default `none`. With `psk` and `keys` both ends have keys that the seed gives; a viewer that joins
   * with `security` of its own is another one.
   */
  readonly security?: 'none' | SecuredMode;
  /** The camera allows fast mode and every viewer asks for it: see {@link Simulation.rejoin}. Not with `keys`. Default false. */
  readonly fast?: boolean;
  /** How frames are cut. Default `generic`: any bytes. */
  readonly format?: 'generic' | 'h264';
  /** Options of the camera's endpoint, such as `limits`, `resetKey`, `repair`. */
  readonly camera?: Partial<ResponderEndpointOptions>;
  /** How the camera's clock runs. */
  readonly cameraClock?: HostClock;
  /** Events kept for {@link Simulation.events}; default 100,000. */
  readonly eventsMax?: number;
}

/** Options of one viewer. */
export interface JoinOptions extends ViewerOptions {
  /** Its own link. */
  readonly link?: PresetName | LinkPair;
  /** Told of each frame at once: where your own code goes. */
  readonly onFrame?: (frame: ReceivedFrame, atMs: number) => void;
}

/** What one handshake came to. */
export interface HandshakeReport {
  /** It streams. */
  readonly ok: boolean;
  /** Why it does not: a stable name, such as `HANDSHAKE_TIMEOUT`. */
  readonly code: ClosedLabel | undefined;
  /** From the start to the first media datagram, ms. */
  readonly timeToStreamMs: number | undefined;
  /** STARTs sent. */
  readonly attempts: number;
  /** Media datagrams that left for the viewer before its START_CONFIRM had arrived. Without `fast` always 0, or the engine is broken. */
  readonly mediaBeforeConfirm: number;
  /** Datagrams sent both ways. */
  readonly datagrams: number;
  /** Bytes of them. */
  readonly bytes: number;
}

/** What passed between the camera and one viewer's address. */
interface Tally {
  confirmed: boolean;
  mediaBeforeConfirm: number;
  datagrams: number;
  bytes: number;
}

/** Media must have come this long after the handshake deadline, or it never will. */
const GRACE_MS = 1000;

/**
 * Starts a simulation: one camera and any number of viewers, the real engine on virtual time. No sockets, no waiting.
 *
 *     const simulation = simulate({ seed: 7, link: { oneWayMs: 20, loss: 0.2 } });
 *     expect(simulation.handshake().mediaBeforeConfirm).toBe(0);
 *
 * @throws RangeError when the seed is no u32 or a preset's or profile's name is unknown.
 */
export function simulate(options: SimulationOptions): Simulation {
  return new Simulation(options);
}

/** See {@link simulate}. */
export class Simulation {
  readonly seed: number;
  /** Everything else that can be done to it: faults, forged datagrams, restarts, links. */
  readonly world: World;
  readonly viewers: SimulatedViewer[] = [];
  readonly #profile: Profile;
  readonly #ends: SecuredEnds | undefined;
  readonly #fast: boolean;
  readonly #stream: SimulatedStream;
  readonly #recorder: Recorder;
  readonly #watch: InvariantWatch;
  #finished = false;
  readonly #tallies = new Map<string, Tally>();

  constructor(options: SimulationOptions) {
    const { seed, link, profile = 'default', format = 'generic', security = 'none', camera, cameraClock } = options;
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) throw new RangeError(`seed ${seed} is no u32`);
    this.seed = seed;
    this.#profile = typeof profile === 'string' ? named(profiles, profile, 'profile') : profile;
    this.#fast = options.fast === true;
    this.#ends = security === 'none' ? undefined : securedEnds(security, seed);
    this.#stream = new SimulatedStream(format);
    this.#recorder = new Recorder(options.eventsMax);
    this.#watch = new InvariantWatch({
      profile: this.#profile,
      secured: this.#ends !== undefined,
      ...(camera?.limits === undefined ? {} : { limits: camera.limits }),
    });
    this.world = new World({
      seed,
      link: linkOf(link ?? {}),
      profile: this.#profile,
      keepOutputs: false,
      application: (world, output) => this.#stream.answer(world, output),
      observe: (event, world) => this.#see(event, world),
      camera: { fast: this.#fast, ...this.#ends?.camera, ...camera },
      ...(cameraClock === undefined ? {} : { cameraClock }),
    });
  }

  /** The simulation's time in ms, from 0. */
  get nowMs(): number {
    return this.world.clock.nowMs;
  }

  /** What happened, in order. */
  get events(): readonly WorldEvent[] {
    return this.#recorder.events;
  }

  /** Adds a viewer that starts now. */
  join(options: JoinOptions = {}): SimulatedViewer {
    const { link, onFrame, ...own } = options;
    const viewer = { fast: this.#fast, ...this.#ends?.viewer, ...own };
    const host = link === undefined ? this.world.addViewer(viewer) : this.world.addViewer(viewer, linkOf(link));
    const joined = new SimulatedViewer(this.world, host, onFrame);
    this.viewers.push(joined);
    this.world.toViewer(host, { kind: 'start' });
    return joined;
  }

  /**
   * A viewer begins anew, as a new program at the same address. With `fast` it shows the token of its last session, and has media one
   * round trip earlier.
   */
  rejoin(viewer: SimulatedViewer): SimulatedViewer {
    const { host } = viewer;
    this.world.restart(host.number);
    const joined = new SimulatedViewer(this.world, host);
    this.viewers[host.number] = joined;
    const tally = this.#tallyOf(host.peer.address);
    tally.confirmed = false;
    this.world.toViewer(host, { kind: 'start' });
    return joined;
  }

  /** Streams frames, one each `intervalMs` (default 40), the first of them now; idle after the last. */
  play(frames: Iterable<SimulatedFrame>, options: { readonly intervalMs?: number } = {}): void {
    this.#stream.play(this.world, frames, options.intervalMs ?? 40);
  }

  /** Lets time pass. */
  run(forMs: number): void {
    this.world.run(forMs);
  }

  /**
   * Lets time pass until something holds.
   *
   * @param limitMs the longest to wait, from now.
   * @returns whether it holds.
   */
  runUntil(holds: () => boolean, limitMs: number): boolean {
    const { clock } = this.world;
    const untilMs = clock.nowMs + limitMs;
    while (!holds()) {
      if (!clock.runNext(untilMs)) {
        clock.runUntil(untilMs);
        return holds();
      }
    }
    return true;
  }

  /** One viewer joins and is watched until its first media, or its end. If nothing was played, one test frame is. */
  handshake(options: JoinOptions = {}): HandshakeReport {
    if (this.#stream.frames === 0) this.play(testFrames(1));
    const viewer = this.join(options);
    const done = (): boolean => viewer.timeToStreamMs !== undefined || viewer.end !== undefined;
    this.runUntil(done, this.#profile.handshakeMs + GRACE_MS);
    const { datagrams, bytes, mediaBeforeConfirm } = this.#tallyOf(viewer.host.peer.address);
    return {
      ok: viewer.timeToStreamMs !== undefined && viewer.end === undefined,
      code: viewer.end?.code,
      timeToStreamMs: viewer.timeToStreamMs,
      attempts: viewer.attempts,
      mediaBeforeConfirm,
      datagrams,
      bytes,
    };
  }

  /**
   * Promises of docs/PROTOCOL.md, section 10, that were broken so far. Always empty, or the engine has a bug: each run is watched.
   */
  get violations(): readonly Violation[] {
    return this.#watch.violations;
  }

  /** Ends the watch: looks for what was left behind too. @returns {@link violations}. */
  finish(): readonly Violation[] {
    if (!this.#finished) this.#watch.finish(this.world);
    this.#finished = true;
    return this.violations;
  }

  /** What happened, as a Mermaid sequence diagram. */
  sequenceDiagram(options?: DiagramOptions): string {
    return sequenceDiagram(this.#recorder.events, options);
  }

  #see(event: WorldEvent, world: World): void {
    this.#recorder.see(event);
    this.#watch.see(event, world);
    if (event.kind === 'told') {
      if (event.host !== 'camera') this.viewers[event.host]?.hear(event.output, event.atMs);
    } else if (event.kind === 'arrived') {
      if (event.host === 'camera' && isConfirm(event.bytes)) this.#tallyOf(event.from.address).confirmed = true;
    } else if (event.kind === 'sent') {
      const tally = this.#tallyOf(event.from === cameraPeer ? event.to.address : event.from.address);
      tally.datagrams++;
      tally.bytes += event.bytes.length;
      if (event.plane === 'media' && !tally.confirmed) tally.mediaBeforeConfirm++;
    }
  }

  #tallyOf(address: string): Tally {
    const known = this.#tallies.get(address);
    if (known !== undefined) return known;
    const tally = { confirmed: false, mediaBeforeConfirm: 0, datagrams: 0, bytes: 0 };
    this.#tallies.set(address, tally);
    return tally;
  }
}

function isConfirm(bytes: Uint8Array): boolean {
  if (bytes[2] !== FrameType.START_CONFIRM) return false;
  const decoded = decodeFrame(bytes);
  // What was damaged on its way does not open a secured session; the watch tells these apart.
  if (!decoded.ok) return decoded.reason === 'secured';
  return decoded.frame.type === FrameType.START_CONFIRM;
}

function linkOf(link: PresetName | LinkPair): LinkPair {
  return typeof link === 'string' ? named(presets, link, 'preset') : link;
}

function named<Value>(values: Readonly<Record<string, Value>>, name: string, what: string): Value {
  if (!Object.hasOwn(values, name)) {
    throw new RangeError(`there is no ${what} "${name}"; there are ${Object.keys(values).join(', ')}`);
  }
  return values[name] as Value;
}
