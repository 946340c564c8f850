import { InitiatorEndpoint } from '../../engine/initiator-endpoint.ts';
import type { InitiatorOutput, Peer, ResponderOutput } from '../../engine/io-types.ts';
import { ResponderEndpoint } from '../../engine/responder-endpoint.ts';
import { rtpSsrc } from '../../media/rtp.ts';
import { StreamFeed } from '../../media/stream-feed.ts';
import { makeTestFrame } from '../../media/test-frames.ts';
import { FrameType } from '../../protocol/frame.ts';
import { profiles } from '../../protocol/profiles.ts';
import { Prng } from '../prng.ts';
import type { SecuredEnds } from '../simulated-security.ts';
import { cameraPeer } from '../world.ts';
import type { KnownIds } from './blind-datagrams.ts';
import { passTime } from './subject.ts';
import { FuzzFailure } from './target.ts';

/** Where the viewers are, by how far they came, and somebody who asks from an address that is not his. */
export const blindPeers = {
  streaming: { address: '10.1.0.1', port: 40_000 },
  halfOpen: { address: '10.1.0.2', port: 40_000 },
  asking: { address: '10.1.0.3', port: 40_000 },
  nobody: { address: '10.1.0.4', port: 40_000 },
} as const;

/** One of the viewers that a blind attacker sends to. */
export type BlindViewer = 'streaming' | 'halfOpen' | 'asking';

/** What a camera may answer a stranger: that it knows nothing of him, that he must ask again, that it is busy. */
const toStrangers: ReadonlySet<number> = new Set([FrameType.RESET, FrameType.RETRY, FrameType.ERROR]);

/**
 * A camera with a session that streams and one that is half-open, and three viewers: that of each, and one whose STARTs get lost. What is
 * injected comes through the endpoints' one entrance for datagrams. Accepted is whatever changes a session or its deadlines, makes one,
 * is not counted as dropped, or brings any answer but those to strangers.
 */
export class BlindWorld {
  readonly camera: ResponderEndpoint;
  readonly viewers: Readonly<Record<BlindViewer, InitiatorEndpoint>>;
  nowMs = 0;
  /** Of the media of the session that streams. */
  ssrc = 0;
  readonly #feed = new StreamFeed({ format: 'generic' });
  #frames = 0;
  #framesSeen = 0;
  /** START_CONFIRM of the half-open session, which never arrived. */
  #confirm: Uint8Array | undefined;
  readonly #dropped = new Map<ResponderEndpoint | InitiatorEndpoint, number>();
  #before = '';

  constructor(ends: SecuredEnds | undefined, seed: number) {
    // RETRY without a valid cookie, always: who guesses one would get a session.
    const limits = { retryFraction: 1 };
    this.camera = new ResponderEndpoint({
      profile: profiles.default,
      entropy: new Prng(seed, 1),
      limits,
      ...ends?.camera,
      trace: false,
    });
    const viewer = (stream: number): InitiatorEndpoint =>
      new InitiatorEndpoint({
        profile: profiles.default,
        entropy: new Prng(seed, stream),
        peer: cameraPeer,
        ...ends?.viewer,
        trace: false,
      });
    this.viewers = { streaming: viewer(2), halfOpen: viewer(3), asking: viewer(4) };
    for (const name of ['streaming', 'halfOpen', 'asking'] as const) {
      this.#viewerDid(name, this.viewers[name].step({ kind: 'start' }, 0));
    }
    this.pass(1);
    this.frame();
    this.pass(1);
    const states = [this.viewers.streaming.state, this.viewers.halfOpen.state, this.viewers.asking.state];
    if (states.join() !== 'Streaming,AwaitingStartConfirm,AwaitingStartAck')
      throw new FuzzFailure(`began in ${states}`);
  }

  /** What is known of a viewer's session. */
  idsOf(viewer: BlindViewer): KnownIds {
    const { streamId, sessionTag } = this.viewers[viewer];
    return { streamId, sessionTag };
  }

  /** Takes a datagram that nobody sent. @param from for the camera; viewers hear it in the camera's name. */
  inject(bytes: Uint8Array, to: 'camera' | BlindViewer, from: Peer): void {
    if (to !== 'camera') {
      const outputs = this.viewers[to].step({ kind: 'datagram', bytes, from: cameraPeer }, this.nowMs);
      if (outputs.length > 0) throw new FuzzFailure(`accepted: the ${to} viewer did ${outputs[0]?.kind}`);
      return;
    }
    for (const output of this.camera.step({ kind: 'datagram', bytes, from }, this.nowMs)) {
      // That load mode begins is told; it changes nothing for a session.
      if (output.kind === 'load') continue;
      const stranger = output.kind === 'send' && output.to === from && toStrangers.has(output.bytes[2] ?? 0);
      if (!stranger) throw new FuzzFailure(`accepted: the camera did ${output.kind}`);
    }
  }

  /** Call before a number of injections. */
  remember(): void {
    this.#before = this.#shown();
    for (const endpoint of [this.camera, ...Object.values(this.viewers)]) this.#dropped.set(endpoint, drops(endpoint));
  }

  /** Call after them. @throws FuzzFailure unless they left everything as it was, and each was dropped. */
  check(injected: number): void {
    const now = this.#shown();
    if (now !== this.#before) throw new FuzzFailure(`accepted: ${this.#before} became ${now}`);
    let dropped = 0;
    for (const [endpoint, before] of this.#dropped) dropped += drops(endpoint) - before;
    if (dropped !== injected) throw new FuzzFailure(`accepted: of ${injected} only ${dropped} were dropped`);
  }

  /** Time passes: the session that streams lives on, what the others send gets lost. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    passTime(this.camera, this.nowMs, untilMs, (outputs, atMs) => {
      this.nowMs = atMs;
      this.#cameraDid(outputs);
    });
    for (const name of ['streaming', 'halfOpen', 'asking'] as const) {
      passTime(this.viewers[name], this.nowMs, untilMs, (outputs, atMs) => {
        this.nowMs = atMs;
        this.#viewerDid(name, outputs);
      });
    }
    this.nowMs = untilMs;
  }

  /** One more frame of the stream. */
  frame(): void {
    const bytes = makeTestFrame({ frameNumber: this.#frames, timestampMs: 0, bytes: 600, keyframe: true });
    this.#feed.push({ units: [bytes], timestamp: 3600 * this.#frames, keyframe: true }, this.nowMs, 0);
    this.#frames++;
    this.#cameraDid(this.camera.step({ kind: 'media', feed: this.#feed }, this.nowMs));
  }

  /** After all of it the stream goes on, and the half-open session can still be confirmed. @throws FuzzFailure */
  finish(): void {
    const seen = this.#framesSeen;
    this.frame();
    this.pass(1);
    if (this.#framesSeen === seen) throw new FuzzFailure('the stream does not go on');
    const bytes = this.#confirm ?? new Uint8Array(0);
    const outputs = this.camera.step({ kind: 'datagram', bytes, from: blindPeers.halfOpen }, this.nowMs);
    if (!outputs.some(({ kind }) => kind === 'streaming')) throw new FuzzFailure('START_CONFIRM comes to nothing');
  }

  #shown(): string {
    const { camera, viewers } = this;
    const shown = [`${camera.sessionCount} sessions, ${camera.pendingCount} half-open, ${camera.tombstoneCount} over`];
    for (const { state, streamId, sessionTag, attempts } of Object.values(viewers)) {
      shown.push(`${state} ${streamId} ${sessionTag} ${attempts}`);
    }
    for (const viewer of Object.values(viewers)) shown.push(String(viewer.deadlineMs()));
    return shown.join('; ');
  }

  #viewerDid(name: BlindViewer, outputs: readonly InitiatorOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'frame') this.#framesSeen++;
      if (output.kind !== 'send' || name === 'asking') continue;
      if (name === 'halfOpen' && output.bytes[2] === FrameType.START_CONFIRM) this.#confirm ??= output.bytes.slice();
      else
        this.#cameraDid(
          this.camera.step({ kind: 'datagram', bytes: output.bytes, from: blindPeers[name] }, this.nowMs),
        );
    }
  }

  #cameraDid(outputs: readonly ResponderOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'reserve') {
        const yes = { kind: 'reserved', session: output.session, feed: this.#feed } as const;
        this.#cameraDid(this.camera.step(yes, this.nowMs));
      }
      if (output.kind !== 'send' && output.kind !== 'media') continue;
      if (output.kind === 'media') this.ssrc = rtpSsrc(output.bytes);
      const name = (['streaming', 'halfOpen'] as const).find((one) => blindPeers[one].address === output.to.address);
      if (name === undefined) continue;
      const input = { kind: 'datagram', bytes: output.bytes, from: cameraPeer } as const;
      this.#viewerDid(name, this.viewers[name].step(input, this.nowMs));
    }
  }
}

/** Datagrams that came to nothing, or to a RETRY. */
function drops({ counters }: ResponderEndpoint | InitiatorEndpoint): number {
  const { drops: dropped, counters: counted } = counters.snapshot();
  let sum = counted.retriesSent;
  for (const times of Object.values(dropped)) sum += times;
  return sum;
}
