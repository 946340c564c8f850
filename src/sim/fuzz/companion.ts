import { InitiatorEndpoint } from '../../engine/initiator-endpoint.ts';
import type { InitiatorOutput, Peer, ResponderOutput } from '../../engine/io-types.ts';
import { ResponderEndpoint } from '../../engine/responder-endpoint.ts';
import { StreamFeed } from '../../media/stream-feed.ts';
import { makeTestFrame } from '../../media/test-frames.ts';
import { profiles } from '../../protocol/profiles.ts';
import { Prng } from '../prng.ts';
import type { SecuredEnds } from '../simulated-security.ts';
import { cameraPeer } from '../world.ts';
import { passTime } from './subject.ts';

/** Genuine datagrams that wait; the oldest goes first. */
const QUEUE_MAX = 16;

/** The other end of what is fuzzed: a real one, whose datagrams are delivered as they are or as mutants. */
export interface Companion {
  /** The next genuine datagram that the subject has not had. */
  next(): Uint8Array | undefined;
  /** Takes what the subject sends. */
  take(bytes: Uint8Array): void;
  /** Time goes on. */
  pass(nowMs: number): void;
}

/** What both companions do. */
abstract class Queued {
  readonly #queue: Uint8Array[] = [];
  readonly #said: (bytes: Uint8Array) => void;

  /** @param said is told all that it sends. */
  constructor(said: (bytes: Uint8Array) => void) {
    this.#said = said;
  }

  next(): Uint8Array | undefined {
    return this.#queue.shift();
  }

  protected say(bytes: Uint8Array): void {
    // Memory of its own: the engine cuts datagrams out of larger pieces.
    const own = bytes.slice();
    if (this.#queue.length >= QUEUE_MAX) this.#queue.shift();
    this.#queue.push(own);
    this.#said(own);
  }
}

/** A viewer that asks the camera which is fuzzed. */
export class CompanionViewer extends Queued implements Companion {
  readonly #endpoint: InitiatorEndpoint;
  #nowMs = 0;

  constructor(ends: SecuredEnds | undefined, seed: number, said: (bytes: Uint8Array) => void) {
    super(said);
    this.#endpoint = new InitiatorEndpoint({
      profile: profiles.default,
      entropy: new Prng(seed, 1),
      peer: cameraPeer,
      streamName: 'door',
      ...ends?.viewer,
      trace: false,
    });
    this.#perform(this.#endpoint.step({ kind: 'start' }, 0));
  }

  take(bytes: Uint8Array): void {
    this.#perform(this.#endpoint.step({ kind: 'datagram', bytes, from: cameraPeer }, this.#nowMs));
    if (this.#endpoint.state !== 'Streaming') return;
    const ask = { kind: 'ask', call: 1, method: 'stats', body: new Uint8Array(20) } as const;
    this.#perform(this.#endpoint.step({ kind: 'exchange', input: ask }, this.#nowMs));
  }

  pass(nowMs: number): void {
    passTime(this.#endpoint, this.#nowMs, nowMs, (outputs) => this.#perform(outputs));
    this.#nowMs = nowMs;
  }

  #perform(outputs: readonly InitiatorOutput[]): void {
    for (const output of outputs) if (output.kind === 'send') this.say(output.bytes);
  }
}

/** A camera that says yes to the viewer which is fuzzed, and sends it a picture. */
export class CompanionCamera extends Queued implements Companion {
  readonly #endpoint: ResponderEndpoint;
  readonly #feed = new StreamFeed({ format: 'generic' });
  readonly #viewer: Peer = { address: '10.1.0.0', port: 40_000 };
  #nowMs = 0;

  constructor(ends: SecuredEnds | undefined, seed: number, said: (bytes: Uint8Array) => void) {
    super(said);
    this.#endpoint = new ResponderEndpoint({
      profile: profiles.default,
      entropy: new Prng(seed, 1),
      ...ends?.camera,
      trace: false,
    });
    const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes: 2000, keyframe: true });
    this.#feed.push({ units: [frame], timestamp: 0, keyframe: true }, 0, 40);
  }

  take(bytes: Uint8Array): void {
    this.#perform(this.#endpoint.step({ kind: 'datagram', bytes, from: this.#viewer }, this.#nowMs));
  }

  pass(nowMs: number): void {
    passTime(this.#endpoint, this.#nowMs, nowMs, (outputs) => this.#perform(outputs));
    this.#nowMs = nowMs;
  }

  #perform(outputs: readonly ResponderOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'send' || output.kind === 'media') this.say(output.bytes);
      if (output.kind !== 'reserve') continue;
      const yes = { kind: 'reserved', session: output.session, feed: this.#feed, sdp: 'v=0\r\n' } as const;
      this.#perform(this.#endpoint.step(yes, this.#nowMs));
    }
  }
}
