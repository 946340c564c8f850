import { u16At } from '../../codec/big-endian.ts';
import { headerOffset } from '../../codec/header.ts';
import { rtpSsrc } from '../../media/rtp.ts';
import {
  CONTROL_FIRST_BYTE,
  HEADER_BYTES,
  SECURED_TRAILER_BYTES,
  TLV_CRITICAL_BIT,
  TLV_HEADER_BYTES,
} from '../../protocol/constants.ts';
import { FrameType, TlvType } from '../../protocol/frame.ts';
import { Prng } from '../prng.ts';
import { securedEnds } from '../simulated-security.ts';
import { cameraPeer } from '../world.ts';
import type { TappedDatagram } from '../world-event.ts';
import { type FuzzMode, fuzzModes, mac1Finish } from './admission-target.ts';
import type { FuzzCorpus } from './corpus.ts';
import { MaliciousEnd } from './malicious-end.ts';
import { type Finish, Mutator } from './mutator.ts';
import { type Attacker, guessing, type SessionSettings, SessionWorld } from './session-world.ts';
import {
  count,
  countAll,
  type FuzzCase,
  type FuzzLife,
  type FuzzStep,
  type FuzzTally,
  type FuzzTarget,
  fromHex,
  toHex,
} from './target.ts';

/** Mutants of one life. */
const LIFE_STEPS = 120;
/** Of the keys of all secured worlds: MAC1 is made with them. */
const WORLD_SEEDS = 4;

/** Who attacks what, in the order in which lives take turns. In mode `none` whoever is on the path can do all that a peer can. */
const turns: readonly (readonly [FuzzMode, Attacker])[] = [
  ['none', 'stranger'],
  ['psk', 'stranger'],
  ['keys', 'stranger'],
  ['none', 'path'],
  ['psk', 'path'],
  ['keys', 'path'],
  ['psk', 'peer'],
  ['keys', 'peer'],
];

/** Sequences of mutants against whole sessions of the simulated world, in every mode; see {@link SessionWorld} for what is checked. */
export class SessionTarget implements FuzzTarget {
  readonly name = 'session';
  readonly stateless = false;
  readonly tally: FuzzTally = new Map();
  readonly done = { executions: 0, bytes: 0 };
  readonly #mutators = new Map<string, Mutator>();
  readonly #finishes = new Map<string, Finish>();

  constructor({ clear, secured, media }: FuzzCorpus) {
    for (const mode of fuzzModes) {
      const bases = mode === 'none' ? [...clear, ...media] : [...secured, ...media];
      for (let seed = 0; seed < WORLD_SEEDS; seed++) {
        const finish = mode === 'none' ? undefined : mac1Finish(securedEnds(mode, seed));
        if (finish !== undefined) this.#finishes.set(`${mode} ${seed}`, finish);
        // A stranger's mutants of secured frames keep their trailer, which is right only where nothing was changed.
        this.#mutators.set(`stranger ${mode} ${seed}`, new Mutator(bases));
        this.#mutators.set(`path ${mode} ${seed}`, new Mutator(bases, finish));
        this.#mutators.set(`peer ${mode} ${seed}`, new Mutator(bases, finish));
      }
    }
  }

  begin(seed: number, life: number, record?: (step: FuzzStep) => void): FuzzLife {
    const prng = new Prng(seed, life);
    const [mode, attacker] = turns[life % turns.length] ?? ['none', 'stranger'];
    const settings = {
      mode,
      attacker,
      format: prng.below(2) === 0 ? 'generic' : 'h264',
      // The watch over a lossy link is the swarm's; here a few losses bring NACKs.
      lossEvery: prng.below(2) === 0 ? 0 : 20,
      seed: prng.below(WORLD_SEEDS),
    } as const;
    const mutator = this.#mutators.get(`${attacker} ${mode} ${settings.seed}`) ?? new Mutator([new Uint8Array(28)]);
    mutator.forget();
    return new SessionLife(this, settings, mutator, prng, record);
  }

  /** Makes the MAC1 of a secured world's frame right. */
  finish({ mode, seed }: SessionSettings, bytes: Uint8Array): void {
    this.#finishes.get(`${mode} ${seed}`)?.(bytes);
  }

  replay({ settings, steps }: FuzzCase): void {
    const world = new SessionWorld(settings as unknown as SessionSettings, () => undefined);
    if (settings['attacker'] === 'peer') cut(world);
    for (const { hex, to, from, afterMs, asks } of steps) {
      world.pass(Number(afterMs));
      if (Number(asks) >= 0) world.ask(Number(asks));
      if (hex !== undefined) this.inject(world, fromHex(String(hex)), Number(to), from === 'own' ? 'own' : 'stranger');
    }
    world.finish();
  }

  inject(world: SessionWorld, bytes: Uint8Array, to: number, from: 'own' | 'stranger'): void {
    this.done.executions++;
    this.done.bytes += bytes.length;
    world.inject(bytes, to, from);
    world.check();
  }
}

/** The first viewer's link is cut: all that passes between it and the camera is what the malicious end lets through. */
function cut({ viewers }: SessionWorld): void {
  const [viewer] = viewers;
  if (viewer === undefined) return;
  viewer.host.toCamera.partitioned = true;
  viewer.host.toViewer.partitioned = true;
}

/** What is injected next. */
interface Injection {
  readonly bytes: Uint8Array;
  readonly to: number;
  readonly from: 'own' | 'stranger';
}

/** One world and what comes to it. */
class SessionLife implements FuzzLife {
  readonly settings: SessionSettings & FuzzCase['settings'];
  readonly #target: SessionTarget;
  readonly #mutator: Mutator;
  readonly #prng: Prng;
  readonly #record: ((step: FuzzStep) => void) | undefined;
  readonly #world: SessionWorld;
  /** Of a malicious end: what was sent and has not arrived. */
  readonly #held: TappedDatagram[] = [];
  readonly #ends = new Map<'camera' | 'viewer', MaliciousEnd>();
  readonly #guess = new Uint8Array(8);
  /** START_CONFIRMs that viewers sent. */
  readonly #confirms = new Set<string>();
  /** Of the first viewer's media. */
  #ssrc: number | undefined;
  #steps = 0;
  #next: Injection | undefined;

  constructor(
    target: SessionTarget,
    settings: SessionSettings & FuzzCase['settings'],
    mutator: Mutator,
    prng: Prng,
    record: ((step: FuzzStep) => void) | undefined,
  ) {
    this.settings = settings;
    this.#target = target;
    this.#mutator = mutator;
    this.#prng = prng;
    this.#record = record;
    this.#world = new SessionWorld(settings, (event) => this.#sent(event));
    if (settings.attacker === 'peer') cut(this.#world);
  }

  get over(): boolean {
    return this.#steps >= LIFE_STEPS;
  }

  draw(): void {
    this.#steps++;
    const prng = this.#prng;
    const afterMs = prng.below(prng.below(8) === 0 ? 120 : 12);
    this.#world.pass(afterMs);
    const asks = prng.below(16) === 0 ? prng.below(2) : -1;
    if (asks >= 0) this.#world.ask(asks);
    this.#next = this.settings.attacker === 'peer' ? this.#heldBack() : this.#mutant();
    const { bytes, to = 0, from = 'own' } = this.#next ?? {};
    this.#record?.({ ...(bytes === undefined ? {} : { hex: toHex(bytes) }), to, from, afterMs, asks });
  }

  execute(): void {
    if (this.#next !== undefined) {
      this.#target.inject(this.#world, this.#next.bytes, this.#next.to, this.#next.from);
    }
  }

  finish(): void {
    this.#world.finish();
    const { mode, attacker } = this.settings;
    const { tally } = this.#target;
    count(tally, `${attacker} ${mode} lives`);
    const { camera, viewers } = this.#world.simulation.world;
    countAll(tally, `camera`, camera.counters.snapshot());
    for (const { endpoint } of viewers) countAll(tally, 'viewer', endpoint.counters.snapshot());
  }

  rejected(): undefined {
    // The watch over the world allocates more than the ends: memory is the admission target's business.
    return undefined;
  }

  #sent(event: TappedDatagram): void {
    if (this.settings.attacker === 'peer' && this.#isFirst(event)) this.#held.push(event);
    else this.#mutator.learn(event.bytes.slice());
    if (event.bytes[headerOffset.type] === FrameType.START_CONFIRM) this.#confirms.add(toHex(event.bytes));
  }

  /** Between the camera and the first viewer. */
  #isFirst({ from, to }: TappedDatagram): boolean {
    const address = this.#world.viewers[0]?.host.peer.address;
    return from.address === address || to.address === address;
  }

  #mutant(): Injection {
    const prng = this.#prng;
    const to = prng.below(3) - 1;
    const bytes = this.#mutator.next(prng).slice();
    if (this.settings.attacker !== 'stranger') {
      if (this.settings.mode !== 'none') this.#spoilConfirm(bytes);
      return { bytes, to, from: 'own' };
    }
    if (this.settings.mode === 'none') {
      prng.fill(this.#guess);
      guessing(bytes, to < 0, this.#world.live, this.#guess);
    } else if (bytes[0] !== CONTROL_FIRST_BYTE && bytes.length > 2) {
      // A whole copy of media may come before the original, or in its place: that is the network's right, and no forgery.
      bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
    }
    return { bytes, to, from: prng.below(4) === 0 ? 'stranger' : 'own' };
  }

  /**
   * A START_CONFIRM with other PADDING and the right MAC1 is authentic, as its Noise message is the viewer's. The watch would not know it for
   * one, and take the session for one that nobody confirmed: so its Noise message is changed as well.
   */
  #spoilConfirm(bytes: Uint8Array): void {
    if (bytes[headerOffset.type] !== FrameType.START_CONFIRM || this.#confirms.has(toHex(bytes))) return;
    const end = bytes.length - SECURED_TRAILER_BYTES;
    for (let at = HEADER_BYTES; at + TLV_HEADER_BYTES < end; at += TLV_HEADER_BYTES + u16At(bytes, at + 2)) {
      const isNoise = (u16At(bytes, at) & ~TLV_CRITICAL_BIT) === TlvType.HANDSHAKE;
      if (isNoise) bytes[at + TLV_HEADER_BYTES] = (bytes[at + TLV_HEADER_BYTES] ?? 0) ^ 1;
    }
    this.#target.finish(this.settings, bytes);
  }

  /** The oldest datagram that the malicious end holds, changed. */
  #heldBack(): Injection | undefined {
    const event = this.#held.shift();
    if (event === undefined) return undefined;
    const fromCamera = event.from === cameraPeer;
    if (event.plane === 'media') this.#ssrc ??= rtpSsrc(event.bytes);
    const end = this.#end(fromCamera ? 'camera' : 'viewer');
    const { nowMs } = this.#world;
    // Until there are keys everything goes through as it is: mutants of handshakes are those of the other attackers.
    const bytes = end === undefined ? event.bytes : end.change(event.bytes, nowMs);
    return { bytes, to: fromCamera ? 0 : -1, from: 'own' };
  }

  #end(who: 'camera' | 'viewer'): MaliciousEnd | undefined {
    const known = this.#ends.get(who);
    const { host } = this.#world.viewers[0] ?? {};
    const { keys } = host?.endpoint ?? {};
    if (known !== undefined || keys === undefined || host?.endpoint.state !== 'Streaming') return known;
    if (who === 'camera' && this.#ssrc === undefined) return undefined;
    const first = who === 'viewer' && this.settings.mode === 'psk' ? 1 : 0;
    const role = who === 'viewer' ? 'initiator' : 'responder';
    const end = new MaliciousEnd(keys, role, first, this.#ssrc ?? 0, this.#world.nowMs, this.#mutator, this.#prng);
    this.#ends.set(who, end);
    return end;
  }
}
