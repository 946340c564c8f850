import { expect } from 'vitest';
import { endsWithMac1 } from '../../src/codec/decode-secured.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorOutput, Peer, ResponderOutput } from '../../src/engine/io-types.ts';
import type { ResponderEndpointOptions } from '../../src/engine/responder-endpoint.ts';
import { type Frame, FrameFlag, FrameType, type FrameTypeName } from '../../src/protocol/frame.ts';
import type { FrameTrailer } from '../../src/protocol/frame-trailer.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { type InitiatorCredentials, pskCredentials, viewerCredentials } from '../../src/security/credentials.ts';
import { mac1Trailer } from '../../src/security/mac1.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import type { LinkPair } from '../../src/sim/link-model.ts';
import { Prng } from '../../src/sim/prng.ts';
import { type Simulation, simulate } from '../../src/sim/simulate.ts';
import { securedEnds } from '../../src/sim/simulated-security.ts';
import { testFrames } from '../../src/sim/simulated-stream.ts';
import type { SimulatedViewer } from '../../src/sim/simulated-viewer.ts';
import { cameraPeer } from '../../src/sim/world.ts';
import type { TappedDatagram } from '../../src/sim/world-event.ts';
import { AnswerLedger } from './answer-ledger.ts';
import { frameOf, type Ids, kindOf, sessionFrame } from './frames.ts';
import { counting } from './secured-pair.ts';

/** How sessions may be protected: an attack is tried in each mode. */
export const attackModes = ['none', 'psk', 'keys'] as const;
/** One of {@link attackModes}. */
export type AttackMode = (typeof attackModes)[number];

/** Where an attacker sits that has no better place. */
export const attackerPeer: Peer = { address: '10.66.6.6', port: 666 };

/** What an {@link AttackWorld} is made of. */
export interface AttackWorldOptions {
  readonly mode: AttackMode;
  /** Default 1. */
  readonly seed?: number;
  readonly camera?: Partial<ResponderEndpointOptions>;
  /** Default 10 ms each way. */
  readonly link?: LinkPair;
}

/**
 * A camera, its honest viewers, and an attacker who can send from any address. Of secrets the attacker has what everybody has: in
 * mode `keys` the camera's public key, and so the key of MAC1; in mode `psk` nothing.
 */
export class AttackWorld {
  readonly simulation: Simulation;
  readonly mode: AttackMode;
  readonly prng: Prng;
  readonly #seed: number;
  readonly #strangerCredentials: InitiatorCredentials | undefined;
  readonly #mac1: FrameTrailer | undefined;

  constructor({ mode, seed = 1, camera, link = { oneWayMs: 10 } }: AttackWorldOptions) {
    this.mode = mode;
    this.#seed = seed;
    this.prng = new Prng(seed, 0xa77a);
    this.#strangerCredentials = mode === 'none' ? undefined : strangerCredentials(mode, seed);
    this.#mac1 = this.#strangerCredentials && mac1Trailer(this.#strangerCredentials.mac1);
    this.simulation = simulate({ seed, security: mode, link, ...(camera === undefined ? {} : { camera }) });
    this.simulation.play(testFrames(100_000, 500));
  }

  get camera() {
    return this.simulation.world.camera;
  }

  /** How often the camera dropped a datagram, by reason. */
  get drops(): Readonly<Record<string, number>> {
    return this.camera.counters.snapshot().drops;
  }

  /** A viewer that has media. */
  streaming(): SimulatedViewer {
    const viewer = this.simulation.join();
    this.simulation.run(500);
    expect([viewer.state, viewer.frameCount > 0]).toEqual(['Streaming', true]);
    return viewer;
  }

  /** Both ids of a viewer's session: in every mode who is on the path reads them. */
  idsOf({ host }: SimulatedViewer): Ids {
    const { streamId, sessionTag } = host.endpoint;
    return { streamId, sessionTag };
  }

  /** Sends to the camera in the name of `from`. @returns the kinds of what went to that address because of it. */
  attack(from: Peer, bytes: Uint8Array): readonly (string | undefined)[] {
    const before = this.simulation.events.length;
    this.simulation.world.inject(from, bytes);
    this.simulation.run(0);
    return this.sentSince(before)
      .filter(({ to, plane }) => plane === 'control' && to.address === from.address && to.port === from.port)
      .map(({ bytes: answer }) => kindOf(answer));
  }

  /** What the camera has sent since the event of that number. */
  sentSince(from = 0): readonly TappedDatagram[] {
    return this.simulation.events
      .slice(from)
      .flatMap((event) =>
        event.kind === 'sent' && event.from === cameraPeer && event.plane !== 'stranger' ? [event] : [],
      );
  }

  /** What viewers have sent since the event of that number, RTCP too. */
  sentByViewers(from = 0): readonly TappedDatagram[] {
    return this.simulation.events
      .slice(from)
      .flatMap((event) =>
        event.kind === 'sent' && event.from !== cameraPeer && event.plane !== 'stranger' ? [event] : [],
      );
  }

  /** What the camera told its application. */
  told<K extends ResponderOutput['kind']>(kind: K): Extract<ResponderOutput, { kind: K }>[] {
    return this.simulation.events.flatMap((event) =>
      event.kind === 'told' && event.host === 'camera' && event.output.kind === kind
        ? [event.output as Extract<ResponderOutput, { kind: K }>]
        : [],
    );
  }

  /** A frame of this type as somebody can make it who has these ids and no secret: in secured modes with a guess where keys belong. */
  forged(type: FrameTypeName, ids: Ids): Uint8Array {
    return this.seal(frameOf(sessionFrame(type, ids)));
  }

  /** As {@link forged}, of a frame with what the attacker wants to say. */
  seal(frame: Frame): Uint8Array {
    if (this.#mac1 === undefined || frame.type === FrameType.RESET) return encodeFrame(frame);
    if (!endsWithMac1(frame.type)) return encodeFrame(frame, this.#guessedSeal);
    const { flags, streamId, sessionTag, attempt } = frame;
    const header = { flags, streamId, sessionTag, attempt };
    const noise = (length: number): Uint8Array => this.noise(length);
    switch (frame.type) {
      case FrameType.START: {
        const cookie = frame.cookie === undefined ? {} : { cookie: frame.cookie };
        const length = this.mode === 'psk' ? 48 : 96;
        const start = { ...header, ...cookie, type: FrameType.START, versions: frame.versions };
        return encodeFrame({ ...start, handshake: noise(length) }, this.#mac1);
      }
      case FrameType.START_ACK:
        return encodeFrame({ ...header, type: FrameType.START_ACK, handshake: noise(84) }, this.#mac1);
      case FrameType.START_CONFIRM:
        return encodeFrame(
          { ...header, type: FrameType.START_CONFIRM, handshake: noise(this.mode === 'psk' ? 16 : 64) },
          this.#mac1,
        );
      default:
        return encodeFrame(frame, this.#mac1);
    }
  }

  /** A stranger's program: a viewer by the book, without a secret of its own that the camera knows. */
  stranger(): InitiatorEndpoint {
    const security = this.#strangerCredentials === undefined ? {} : { security: this.#strangerCredentials };
    return new InitiatorEndpoint({
      profile: profiles.default,
      entropy: new Prng(this.#seed, this.prng.u32()),
      peer: cameraPeer,
      ...security,
    });
  }

  /** A START that is all right but for who made it. */
  strangersStart(): Uint8Array {
    return controlSent(this.stranger().step({ kind: 'start' }, 0))[0] ?? new Uint8Array(0);
  }

  /** Random bytes. */
  noise(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.prng.fill(bytes);
    return bytes;
  }

  /** 1..2^64-1. */
  guess(): bigint {
    return (BigInt(this.prng.u32()) << 32n) | BigInt(this.prng.u32()) | 1n;
  }

  /** S2 on all that was on the wire so far; only addresses of honest viewers are trusted, from the confirm on. */
  ledger(): AnswerLedger {
    const ledger = new AnswerLedger();
    const honest = new Set(this.simulation.viewers.map(({ host }) => host.peer.address));
    for (const event of this.simulation.events) {
      if (event.kind === 'arrived' && event.host === 'camera') ledger.received(event.from, event.bytes.length);
      else if (event.kind === 'sent' && event.from === cameraPeer && event.plane !== 'stranger') {
        ledger.sent(event.to, event.bytes.length);
      } else if (
        event.kind === 'told' &&
        (event.output.kind === 'streaming' || event.output.kind === 'moved') &&
        'peer' in event.output
      ) {
        if (honest.has(event.output.peer.address)) ledger.trust(event.output.peer);
      }
    }
    return ledger;
  }

  /**
   * The viewer still has the session that it had, and media; nobody but honest viewers ever had any; S2 held, and so did every
   * other promise that a watch can see.
   */
  expectUnharmed(viewer: SimulatedViewer, ids: Ids): void {
    const { frameCount } = viewer;
    this.simulation.run(1000);
    expect(viewer.state).toBe('Streaming');
    expect(this.idsOf(viewer)).toEqual(ids);
    expect(viewer.frameCount).toBeGreaterThan(frameCount + 20);
    this.expectHeld();
  }

  /** S2 held, no media went to anybody but honest viewers, and no other promise was broken. */
  expectHeld(): void {
    const honest = new Set(this.simulation.viewers.map(({ host }) => host.peer.address));
    const astray = this.sentSince().filter(({ plane, to }) => plane === 'media' && !honest.has(to.address));
    expect(astray, 'S1').toEqual([]);
    this.ledger().expectHeld();
    expect(this.simulation.violations.filter(({ detail }) => !this.#unjudged(detail))).toEqual([]);
  }

  /**
   * In mode `keys` the attacker makes frames with a right MAC1. The watch takes for a frame only what an endpoint sent, and so takes
   * these for noise that the camera answers, or opens a candidate by; the ledger judges that.
   */
  #unjudged(detail: string): boolean {
    if (this.mode !== 'keys') return false;
    return detail.endsWith('answers what is no frame') || detail.startsWith('a malformed datagram changed the camera');
  }

  get #guessedSeal(): FrameTrailer {
    return {
      flags: FrameFlag.SECURED,
      counterBytes: 8,
      bytes: 16,
      complete: (datagram) => {
        // A counter that is not too far away, and any tag.
        datagram.set([0, 0, 0, 0, 0, 0, 0, 20 + this.prng.below(40)], 24);
        datagram.set(this.noise(16), datagram.length - 16);
      },
    };
  }
}

/** Control datagrams among an initiator's outputs. */
export function controlSent(outputs: readonly InitiatorOutput[]): Uint8Array[] {
  return outputs.flatMap((output) =>
    output.kind === 'send' && output.plane === 'control' ? [output.bytes.slice()] : [],
  );
}

function strangerCredentials(mode: 'psk' | 'keys', seed: number): InitiatorCredentials {
  if (mode === 'psk') return pskCredentials(counting(0x33));
  const { peerKey } = securedEnds(mode, seed).viewer.security;
  if (peerKey === undefined) throw new Error('a viewer in mode keys has no key of its camera');
  return viewerCredentials(KeyPair.of(counting(0x55)), peerKey);
}
