import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorInput, Peer, ResponderInput, SessionHandle } from '../../src/engine/io-types.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { assertInvariant } from '../../src/protocol/invariants.ts';
import type { Profile } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { testStream } from './camera-application.ts';
import { type Cause, frameIn, keyOf, WireLedger } from './wire-ledger.ts';

/** A datagram that was sent and has not arrived. */
export interface Flight {
  readonly from: Peer;
  readonly to: Peer;
  readonly bytes: Uint8Array;
}

/** Whoever may speak to the camera from one tuple, one process after the other. */
export interface Viewer {
  readonly peer: Peer;
  endpoint: InitiatorEndpoint | undefined;
}

/** Datagrams in flight at most; beyond, the oldest is lost. */
const FLIGHTS_MAX = 300;
const VIEWERS = 2;

/** Half-open sessions that the camera allows: few, so that they are reached. */
export const limits = { pendingMax: 5, pendingPerPrefixMax: 5, prefixRate: { perSecond: 200, burst: 200 } } as const;

/** Where the camera is. */
export const cameraPeer: Peer = { address: '10.0.0.1', port: 4444 };

/** A camera, two viewers and everything between them in one hand, on virtual time. */
export class Wire {
  readonly viewers: readonly Viewer[];
  readonly flights: Flight[] = [];
  /** Reservations that the application has not answered. */
  readonly asked: SessionHandle[] = [];
  readonly ledger: WireLedger;
  camera: ResponderEndpoint | undefined;
  nowMs = 0;
  readonly #profile: Profile;
  readonly #stream = testStream();
  readonly #seed: number;
  #processes = 0;

  constructor(profile: Profile, seed: number) {
    this.#profile = profile;
    this.#seed = seed;
    this.ledger = new WireLedger(profile.consentMs);
    this.viewers = Array.from({ length: VIEWERS }, (_, number) => ({
      peer: { address: '10.1.0.1', port: 5000 + number },
      endpoint: undefined,
    }));
    this.startCamera(1);
  }

  /** A new process of the camera. @param key the same number is the same reset key. */
  startCamera(key: number): void {
    this.killCamera();
    const resetKey = new Uint8Array(32).fill(key);
    this.camera = new ResponderEndpoint({ profile: this.#profile, entropy: this.#prng(), resetKey, limits });
  }

  killCamera(): void {
    this.camera = undefined;
    this.asked.length = 0;
    this.ledger.cameraDied();
  }

  /** A new process of a viewer on the same tuple, which starts at once. */
  startViewer(viewer: Viewer): void {
    this.killViewer(viewer);
    viewer.endpoint = new InitiatorEndpoint({ profile: this.#profile, entropy: this.#prng(), peer: cameraPeer });
    this.toViewer(viewer, { kind: 'start' });
  }

  killViewer(viewer: Viewer): void {
    viewer.endpoint = undefined;
    this.ledger.viewerDied(viewer.peer);
  }

  toCamera(input: ResponderInput, forged = false): void {
    if (this.camera === undefined) return;
    if (input.kind === 'datagram') this.ledger.cameraReceives(input.from, input.bytes, this.nowMs);
    const cause = causeOf(input, forged);
    for (const output of this.camera.step(input, this.nowMs)) {
      this.ledger.cameraDid(output, cause, this.nowMs);
      if (output.kind === 'media' || output.kind === 'send') this.#fly(cameraPeer, output.to, output.bytes);
      else if (output.kind === 'reserve') this.asked.push(output.session);
    }
  }

  toViewer(viewer: Viewer, input: InitiatorInput, forged = false): void {
    if (viewer.endpoint === undefined) return;
    const cause = causeOf(input, forged);
    for (const output of viewer.endpoint.step(input, this.nowMs)) {
      this.ledger.viewerDid(viewer.peer, cameraPeer, output, cause);
      if (output.kind === 'send') this.#fly(viewer.peer, output.to, output.bytes);
    }
  }

  /** What becomes of a datagram in flight. */
  arrive({ from, to, bytes }: Flight, forged = false): void {
    const input = { kind: 'datagram', bytes, from } as const;
    if (keyOf(to) === keyOf(cameraPeer)) return this.toCamera(input, forged);
    const viewer = this.viewers.find(({ peer }) => keyOf(peer) === keyOf(to));
    if (viewer !== undefined) this.toViewer(viewer, input, forged);
  }

  /** The application answers the oldest reservation, maybe long after the engine gave up waiting. */
  answer(yes: boolean): void {
    const session = this.asked.shift();
    if (session === undefined) return;
    if (!yes) return this.toCamera({ kind: 'refused', session, code: 6, retryAfterMs: 1000, reason: 'full' });
    this.ledger.reservations.add(session);
    this.toCamera({ kind: 'reserved', session, feed: this.#stream.feed, sdp: 'v=0\r\n' });
  }

  /** The source has one more frame. */
  media(bytes: number): void {
    const { feed } = this.#stream;
    feed.push(
      { units: [new Uint8Array(bytes)], timestamp: 3000 * this.#stream.frames++, keyframe: true },
      this.nowMs,
      40,
    );
    this.toCamera({ kind: 'media', feed });
  }

  /** Time passes, timers fire, nothing arrives. */
  pass(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    while (this.#fireNext(untilMs));
    this.nowMs = untilMs;
  }

  /** Time passes, and everything arrives at once and in order; the application says yes. */
  flow(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    do {
      for (let flight = this.flights.shift(); flight !== undefined; flight = this.flights.shift()) {
        this.arrive(flight);
        while (this.asked.length > 0) this.answer(true);
      }
    } while (this.#fireNext(untilMs));
    this.nowMs = untilMs;
  }

  /** Everything that a live session is, as text. */
  liveText(): string {
    const viewers = this.viewers.map(
      ({ endpoint }) => `${endpoint?.state} ${endpoint?.streamId} ${endpoint?.sessionTag}`,
    );
    return [...this.ledger.live.keys(), ...viewers].join();
  }

  /** What must hold between any two events. */
  check(): void {
    const pending = this.camera?.pendingCount ?? 0;
    assertInvariant('S5', pending <= limits.pendingMax, `${pending} half-open sessions`);
    for (const { peer, endpoint } of this.viewers) {
      if (endpoint?.state === 'Streaming') this.ledger.viewerStreams(peer, endpoint.streamId, endpoint.sessionTag);
    }
  }

  #fireNext(untilMs: number): boolean {
    const ends = [
      { dueMs: this.camera?.deadlineMs(), fire: () => this.toCamera({ kind: 'timeout' }) },
      ...this.viewers.map((viewer) => ({
        dueMs: viewer.endpoint?.deadlineMs(),
        fire: () => this.toViewer(viewer, { kind: 'timeout' }),
      })),
    ];
    const next = ends.reduce((a, b) => ((b.dueMs ?? Infinity) < (a.dueMs ?? Infinity) ? b : a));
    if (next.dueMs === undefined || next.dueMs > untilMs) return false;
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    next.fire();
    return true;
  }

  #fly(from: Peer, to: Peer, bytes: Uint8Array): void {
    this.flights.push({ from, to, bytes: bytes.slice() });
    if (this.flights.length > FLIGHTS_MAX) this.flights.shift();
  }

  #prng(): Prng {
    return new Prng(this.#seed, ++this.#processes);
  }
}

function causeOf(input: ResponderInput | InitiatorInput, forged: boolean): Cause {
  if (input.kind === 'datagram') return { kind: 'datagram', from: input.from, frame: frameIn(input.bytes), forged };
  return { kind: input.kind === 'timeout' ? 'timer' : 'application' };
}
