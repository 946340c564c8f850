import { clearTrailer } from '../../codec/clear-trailer.ts';
import { headerOffset } from '../../codec/header.ts';
import { RTP_HEADER_BYTES } from '../../media/rtp.ts';
import { CONTROL_BYTES_MIN, CONTROL_FIRST_BYTE } from '../../protocol/constants.ts';
import { FrameFlag, FrameType } from '../../protocol/frame.ts';
import type { InvariantId } from '../../protocol/invariants.ts';
import { type Simulation, simulate } from '../simulate.ts';
import { type SimulatedFrame, testFrames } from '../simulated-stream.ts';
import type { SimulatedViewer } from '../simulated-viewer.ts';
import { cameraPeer } from '../world.ts';
import type { TappedDatagram } from '../world-event.ts';
import type { FuzzMode } from './admission-target.ts';
import { FuzzFailure } from './target.ts';

/**
 * Who makes the mutants. `stranger`: knows addresses and what once went by, but makes no frame with both ids of a session in mode
 * `none`, and has no keys in the others. `path`: sits on the way, and makes every CRC and MAC1 right. `peer`: is one of the
 * two, and has the session's keys.
 */
export const attackers = ['stranger', 'path', 'peer'] as const;

/** One of {@link attackers}. */
export type Attacker = (typeof attackers)[number];

/** A whole session of real ends, and mutants among its datagrams. */
export interface SessionSettings {
  readonly mode: FuzzMode;
  readonly attacker: Attacker;
  readonly format: 'generic' | 'h264';
  /** Loses one of so many datagrams; 0 for none. */
  readonly lossEvery: number;
  readonly seed: number;
}

/**
 * Promises that are not asked for of an attacker. Whoever makes right CRCs and MAC1s can end a session or pose as an end in mode
 * `none`, can send an ERROR before the confirm, and what he makes is a frame although the watch saw no end send it (S7, S12). A peer
 * can also send one frame twice, as two (S11).
 */
const onThePath = ['S3', 'S4', 'S7', 'S8', 'S12'] as const;
const excused: Readonly<Record<Attacker, ReadonlySet<InvariantId>>> = {
  stranger: new Set(),
  path: new Set(onThePath),
  peer: new Set([...onThePath, 'S11']),
};

/** A session lasts at most so long after the last mutant, in ms: BYE, drain and what detection takes. */
const ALL_OVER_MS = 40_000;
/** A picture comes in any case within this time, in ms: one each 40 ms, and some are lost. */
const PICTURE_MS = 600;
/** Frames of the stream, one each 40 ms. */
const FRAMES = 400;
const ONE_WAY_MS = 10;

/** One camera and two viewers of the simulator, with an application that asks and answers. */
export class SessionWorld {
  readonly simulation: Simulation;
  readonly viewers: readonly SimulatedViewer[];
  readonly #settings: SessionSettings;
  readonly #sent: (event: TappedDatagram) => void;
  #seen = 0;
  #asked = 0;

  /** @param sent is told of every datagram that an end sends, in order, when time has passed. */
  constructor(settings: SessionSettings, sent: (event: TappedDatagram) => void) {
    const { seed, mode, format, lossEvery } = settings;
    this.#settings = settings;
    this.#sent = sent;
    const loss = lossEvery === 0 ? 0 : 1 / lossEvery;
    this.simulation = simulate({ seed, security: mode, format, link: { oneWayMs: ONE_WAY_MS, loss } });
    this.simulation.play(format === 'h264' ? pictures(FRAMES) : testFrames(FRAMES, 1500));
    this.viewers = [this.simulation.join({ streamName: 'door' }), this.simulation.join({ fast: (seed & 1) === 1 })];
  }

  /** Both viewers stream. */
  get live(): boolean {
    return this.viewers.every(({ state }) => state === 'Streaming');
  }

  get nowMs(): number {
    return this.simulation.nowMs;
  }

  /** Time passes, and the applications do what they do. */
  pass(ms: number): void {
    this.simulation.run(ms);
    const { events } = this.simulation;
    for (; this.#seen < events.length; this.#seen++) {
      const event = events[this.#seen];
      if (event?.kind === 'sent' && event.plane !== 'stranger') this.#sent(event);
      if (event?.kind !== 'told' || event.host !== 'camera' || event.output.kind !== 'asked') continue;
      const { session, requestId, round } = event.output;
      const status = { exchange: 0, method: 0 };
      const answer = { kind: 'answer', requestId, round, status, body: new Uint8Array(1200) } as const;
      this.simulation.world.toCamera({ kind: 'exchange', session, input: answer });
    }
  }

  /** A viewer that streams asks its camera something. */
  ask(viewer: number): void {
    const { host, state } = this.viewers[viewer] ?? {};
    if (host === undefined || state !== 'Streaming') return;
    const input = {
      kind: 'ask',
      call: ++this.#asked,
      method: 'stats',
      body: new Uint8Array(1100),
      rounds: true,
    } as const;
    this.simulation.world.toViewer(host, { kind: 'exchange', input });
  }

  /**
   * A datagram arrives, in a turn of its own: what an end does is judged by what it took in the same turn.
   *
   * @param to -1 for the camera, else the number of a viewer.
   */
  inject(bytes: Uint8Array, to: number, from: 'own' | 'stranger'): void {
    const { world } = this.simulation;
    const [viewer] = to < 0 ? this.viewers : [this.viewers[to]];
    if (viewer === undefined) return;
    const stranger = { address: '10.9.0.1', port: 1000 };
    const run = (): void => {
      if (to < 0) world.inject(from === 'own' ? viewer.host.peer : stranger, bytes);
      else world.injectToViewer(viewer.host, bytes, from === 'own' ? cameraPeer : stranger);
    };
    world.clock.at(world.clock.nowMs, run);
    world.clock.runNext(world.clock.nowMs);
  }

  /** @throws FuzzFailure for a promise that is broken. */
  check(): void {
    const broken = this.simulation.violations.find(({ id }) => !excused[this.#settings.attacker].has(id));
    if (broken !== undefined) throw new FuzzFailure(`${broken.id}: ${broken.detail}, at ${broken.atMs} ms`);
  }

  /** The end of it. @throws FuzzFailure */
  finish(): void {
    const { attacker } = this.#settings;
    if (attacker === 'stranger') this.#checkUndisturbed();
    for (const viewer of this.viewers) viewer.close();
    this.pass(ALL_OVER_MS);
    for (const viewer of this.viewers) {
      if (viewer.state !== 'Closed') throw new FuzzFailure(`L1: a viewer is in ${viewer.state} when all must be over`);
    }
    const { sessionCount } = this.simulation.world.camera;
    if (sessionCount > 0) throw new FuzzFailure(`L3: the camera has ${sessionCount} sessions when all must be over`);
    this.simulation.finish();
    this.check();
  }

  /** Strangers keep nobody from anything: the picture goes on. */
  #checkUndisturbed(): void {
    const before = this.viewers.map(({ frameCount }) => frameCount);
    this.pass(PICTURE_MS);
    for (const [number, viewer] of this.viewers.entries()) {
      if (viewer.state !== 'Streaming') {
        const why = viewer.end === undefined ? '' : `, ${viewer.end.code}`;
        throw new FuzzFailure(`S8: among mutants of a stranger a viewer came to ${viewer.state}${why}`);
      }
      if (viewer.frameCount === before[number]) {
        throw new FuzzFailure(`S8: among mutants of a stranger viewer ${number} saw no picture for ${PICTURE_MS} ms`);
      }
    }
  }
}

/**
 * Makes a mutant one of somebody who knows the StreamIds of live sessions but has to guess tags and SSRCs, in mode `none`.
 *
 * @param live whether all sessions are: until START_ACK StreamId is all that a viewer knows its camera by, and a secret.
 * @param guess 8 random bytes.
 */
export function guessing(bytes: Uint8Array, toCamera: boolean, live: boolean, guess: Uint8Array): void {
  if (bytes[0] !== CONTROL_FIRST_BYTE) {
    // RTP has its SSRC there, RTCP the stream that it speaks of.
    if (bytes.length >= RTP_HEADER_BYTES) bytes.set(guess.subarray(0, 4), 8);
    return;
  }
  if (bytes.length < CONTROL_BYTES_MIN) return;
  if (!toCamera || !live) bytes.set(guess, headerOffset.streamIdZero);
  if (bytes[headerOffset.type] !== FrameType.START) bytes.set(guess, headerOffset.sessionTag);
  if (((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) === 0) clearTrailer.complete(bytes);
}

/** Pictures whose NAL units have an H.264 decoder's headers and nothing that one could decode. */
function* pictures(count: number): Generator<SimulatedFrame> {
  const sps = Uint8Array.of(0x67, 0x42, 0x00, 0x1f, 0xe9, 0x01, 0x40, 0x7b, 0x20);
  const pps = Uint8Array.of(0x68, 0xce, 0x38, 0x80);
  for (let picture = 0; picture < count; picture++) {
    const keyframe = picture % 25 === 0;
    const slice = new Uint8Array(keyframe ? 3000 : 900).fill(0x55);
    slice[0] = keyframe ? 0x65 : 0x41;
    yield { units: keyframe ? [sps, pps, slice] : [slice], keyframe };
  }
}
