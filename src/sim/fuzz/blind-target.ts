import type { Peer } from '../../engine/io-types.ts';
import { FrameType } from '../../protocol/frame.ts';
import { writeMac1 } from '../../security/mac1.ts';
import { Prng } from '../prng.ts';
import { endsOf, type FuzzMode } from './admission-target.ts';
import {
  answersToStart,
  type BlindDatagram,
  guess,
  mac1Frames,
  media,
  resets,
  sealedFrames,
  securedMedia,
  startWithCookie,
  taggedFrames,
} from './blind-datagrams.ts';
import { type BlindViewer, BlindWorld, blindPeers } from './blind-world.ts';
import {
  count,
  type FuzzCase,
  FuzzFailure,
  type FuzzLife,
  type FuzzStep,
  type FuzzTally,
  type FuzzTarget,
  fromHex,
  toHex,
} from './target.ts';

/** Injections of one millisecond, and of one life. */
const INJECTIONS_PER_MS = 1000;
const LIFE_MS = 100;
/** A frame of the stream comes each. */
const FRAME_MS = 20;

/** Which mode a life has: most injections are at mode `none`, where nothing but ids protects a session. */
const turns: readonly FuzzMode[] = ['none', 'none', 'none', 'none', 'psk', 'none', 'none', 'none', 'none', 'keys'];

/** Something to send, and where to. */
interface Shot {
  readonly datagram: BlindDatagram;
  readonly to: 'camera' | BlindViewer;
  readonly from: Peer;
  /** MAC1 is made right: in mode `keys` its key comes from the camera's public one. */
  readonly mac1: boolean;
}

/**
 * Injections of somebody who sees nothing: he knows addresses and StreamIds and guesses tags, tokens, cookies and keys. Of secured
 * sessions he knows the tags as well, so that every guess is one at the keys. See {@link BlindWorld} for what counts as accepted.
 */
export class BlindTarget implements FuzzTarget {
  readonly name = 'blind';
  readonly stateless = false;
  readonly timed = false;
  readonly tally: FuzzTally = new Map();
  readonly done = { executions: 0, bytes: 0 };

  begin(seed: number, life: number, record?: (step: FuzzStep) => void): FuzzLife {
    const prng = new Prng(seed, life);
    const mode = turns[life % turns.length] ?? 'none';
    return new BlindLife(this, { mode, seed: prng.u32() }, prng, record);
  }

  replay({ settings, steps }: FuzzCase): void {
    const world = new BlindWorld(endsOf(settings['mode'] as FuzzMode), Number(settings['seed']));
    for (const { hex, to, from, afterMs } of steps) {
      world.pass(Number(afterMs));
      world.remember();
      world.inject(fromHex(String(hex)), to as Shot['to'], blindPeers[from as keyof typeof blindPeers]);
      world.check(1);
    }
    world.finish();
  }
}

/** A thousand injections in each of a hundred milliseconds. */
class BlindLife implements FuzzLife {
  readonly settings: { readonly mode: FuzzMode; readonly seed: number };
  readonly #target: BlindTarget;
  readonly #prng: Prng;
  readonly #record: ((step: FuzzStep) => void) | undefined;
  readonly #world: BlindWorld;
  readonly #shots: readonly Shot[];
  #ms = 0;

  constructor(
    target: BlindTarget,
    settings: { readonly mode: FuzzMode; readonly seed: number },
    prng: Prng,
    record: ((step: FuzzStep) => void) | undefined,
  ) {
    this.settings = settings;
    this.#target = target;
    this.#prng = prng;
    this.#record = record;
    const ends = endsOf(settings.mode);
    this.#world = new BlindWorld(ends, settings.seed);
    this.#shots = settings.mode === 'none' ? clearShots(this.#world) : securedShots(this.#world, settings.mode);
  }

  get over(): boolean {
    return this.#ms >= LIFE_MS;
  }

  draw(): void {
    this.#ms++;
    this.#world.pass(1);
    if (this.#ms % FRAME_MS === 0) this.#world.frame();
    this.#world.remember();
  }

  execute(): void {
    const { done } = this.#target;
    const prng = this.#prng;
    for (let injection = 0; injection < INJECTIONS_PER_MS; injection++) {
      const shot = this.#shots[prng.below(this.#shots.length)];
      if (shot === undefined) throw new FuzzFailure('nothing to send');
      const { datagram, to, from, mac1 } = shot;
      const { bytes } = datagram;
      guess(datagram, prng);
      if (mac1) writeMac1(endsKey(this.settings.mode), bytes);
      if (this.#record !== undefined) {
        const name = Object.entries(blindPeers).find(([, peer]) => peer === from)?.[0] ?? 'nobody';
        this.#record({ hex: toHex(bytes), to, from: name, afterMs: injection === 0 ? 1 : 0 });
      }
      done.executions++;
      done.bytes += bytes.length;
      this.#world.inject(bytes, to, from);
    }
    this.#world.check(INJECTIONS_PER_MS);
  }

  finish(): void {
    this.#world.finish();
    count(this.#target.tally, `${this.settings.mode}, accepted 0 of`, LIFE_MS * INJECTIONS_PER_MS);
  }

  rejected(): undefined {
    return undefined;
  }
}

const keys = new Map<FuzzMode, Parameters<typeof writeMac1>[0]>();

/** The key of MAC1. */
function endsKey(mode: FuzzMode): Parameters<typeof writeMac1>[0] {
  const known = keys.get(mode) ?? endsOf(mode)?.camera.security.mac1;
  if (known === undefined) throw new RangeError(`mode ${mode} has no MAC1`);
  keys.set(mode, known);
  return known;
}

/** Mode `none`: everything that a tag, a token, a cookie or an SSRC keeps out. */
function clearShots(world: BlindWorld): readonly Shot[] {
  const { streaming, halfOpen, nobody } = blindPeers;
  const shot = (to: Shot['to'], from: Peer, datagrams: readonly BlindDatagram[]): readonly Shot[] =>
    datagrams.map((datagram) => ({ datagram, to, from, mac1: false }));
  const cookie = startWithCookie(world.nowMs);
  return [
    ...shot('camera', streaming, taggedFrames(world.idsOf('streaming'))),
    ...shot('camera', halfOpen, taggedFrames(world.idsOf('halfOpen'))),
    ...shot('camera', streaming, resets(world.idsOf('streaming'))),
    ...shot('camera', nobody, [cookie, cookie]),
    ...shot('streaming', nobody, [
      ...taggedFrames(world.idsOf('streaming')),
      ...resets(world.idsOf('streaming')),
      media(),
    ]),
    // START_ACK is taken by StreamId and attempt: who knows both could answer in the camera's place.
    ...shot('halfOpen', nobody, [...taggedFrames(world.idsOf('halfOpen')), ...resets(world.idsOf('halfOpen'))]),
    ...shot('asking', nobody, [...answersToStart(), ...answersToStart()]),
  ];
}

/** The secured modes: both ids are right, and the key is guessed. */
function securedShots(world: BlindWorld, mode: FuzzMode): readonly Shot[] {
  const { streaming, halfOpen, nobody } = blindPeers;
  const live = world.idsOf('streaming');
  const pending = world.idsOf('halfOpen');
  // The PSK makes MAC1 in mode `psk`; in mode `keys` half of all strangers have the camera's public key.
  const kinds = mode === 'keys' ? [false, true] : [false];
  const shot = (to: Shot['to'], from: Peer, datagrams: readonly BlindDatagram[], mac1 = false): readonly Shot[] =>
    datagrams.map((datagram) => ({ datagram, to, from, mac1 }));
  const asked = { streamId: world.idsOf('asking').streamId, sessionTag: 1n };
  const isAck = ({ bytes }: BlindDatagram): boolean => bytes[2] === FrameType.START_ACK;
  return [
    ...shot('camera', streaming, sealedFrames(live)),
    ...shot('camera', halfOpen, sealedFrames(pending)),
    ...shot('camera', streaming, resets(live)),
    ...shot('streaming', nobody, [...sealedFrames(live), ...resets(live), securedMedia(world.ssrc)]),
    ...shot('halfOpen', nobody, sealedFrames(pending)),
    ...kinds.flatMap((mac1) => [
      ...shot(
        'camera',
        halfOpen,
        mac1Frames(pending).filter((one) => !isAck(one)),
        mac1,
      ),
      ...shot('halfOpen', nobody, mac1Frames({ ...pending, sessionTag: 1n }).filter(isAck), mac1),
      ...shot('asking', nobody, mac1Frames(asked).filter(isAck), mac1),
    ]),
  ];
}
