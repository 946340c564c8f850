import { InitiatorEndpoint, type InitiatorEndpointOptions } from '../../engine/initiator-endpoint.ts';
import type { InitiatorOutput, Peer } from '../../engine/io-types.ts';
import { profiles } from '../../protocol/profiles.ts';
import { Prng } from '../prng.ts';
import { cameraPeer } from '../world.ts';
import { type EndpointStep, fuzzPeers, passTime, type Subject } from './subject.ts';
import { FuzzFailure } from './target.ts';

/** One attempt and its session are over so long after the last datagram, in ms. */
const ALL_OVER_MS = 60_000;
/** Sends that one datagram may lead to: an answer, and what NACKs and exchanges have to say. */
const SENDS_MAX = 8;

/**
 * A viewer that asks for a stream. Checked after each datagram: it speaks to its camera alone, what comes from elsewhere changes
 * nothing (S7), once closed it is silent for good; at the end that it came to an end (L1).
 */
export class ViewerSubject implements Subject {
  readonly endpoint: InitiatorEndpoint;
  /** Told everything that it sends. */
  readonly sent: (bytes: Uint8Array, to: Peer) => void;
  #nowMs = 0;
  #closed = false;
  #last: { readonly bytes: Uint8Array; readonly from: Peer } | undefined;

  constructor(
    options: Pick<InitiatorEndpointOptions, 'security' | 'protectMedia' | 'fast'>,
    seed: number,
    sent: (bytes: Uint8Array, to: Peer) => void,
  ) {
    this.sent = sent;
    const entropy = new Prng(seed);
    this.endpoint = new InitiatorEndpoint({
      profile: profiles.default,
      entropy,
      peer: cameraPeer,
      ...options,
      trace: false,
    });
    this.#perform(this.endpoint.step({ kind: 'start' }, 0));
  }

  pass({ afterMs }: EndpointStep): void {
    const untilMs = this.#nowMs + afterMs;
    passTime(this.endpoint, this.#nowMs, untilMs, (outputs) => this.#perform(outputs));
    this.#nowMs = untilMs;
  }

  take(step: EndpointStep): void {
    // Most of it comes in the camera's name.
    const from = step.from < fuzzPeers.length ? cameraPeer : (fuzzPeers[step.from % fuzzPeers.length] ?? cameraPeer);
    const before = this.#shown();
    const outputs = this.endpoint.step({ kind: 'datagram', bytes: step.bytes, from }, this.#nowMs);
    const sends = outputs.filter(({ kind }) => kind === 'send').length;
    if (sends > SENDS_MAX) throw new FuzzFailure(`S12: one datagram was answered by ${sends}`);
    if (from !== cameraPeer && (outputs.length > 0 || this.#shown() !== before)) {
      throw new FuzzFailure(`S7: a datagram of ${from.address} changed ${before} to ${this.#shown()}`);
    }
    this.#last = outputs.length === 0 && this.#shown() === before ? { bytes: step.bytes, from } : undefined;
    this.#perform(outputs);
  }

  finish(): void {
    passTime(this.endpoint, this.#nowMs, this.#nowMs + ALL_OVER_MS, (outputs) => this.#perform(outputs));
    const { state } = this.endpoint;
    if (state !== 'Closed') throw new FuzzFailure(`L1: ${ALL_OVER_MS} ms later the viewer is in ${state}`);
    if (this.endpoint.deadlineMs() !== Number.POSITIVE_INFINITY) throw new FuzzFailure('a timer runs after the end');
  }

  again(): (() => void) | undefined {
    const last = this.#last;
    if (last === undefined) return undefined;
    const input = { kind: 'datagram', ...last } as const;
    return () => this.endpoint.step(input, this.#nowMs);
  }

  #shown(): string {
    const { state, streamId, sessionTag } = this.endpoint;
    return `${state} ${streamId} ${sessionTag} ${this.endpoint.deadlineMs()}`;
  }

  #perform(outputs: readonly InitiatorOutput[]): void {
    for (const output of outputs) {
      if (this.#closed) throw new FuzzFailure(`${output.kind} after the end`);
      if (output.kind === 'closed') this.#closed = true;
      if (output.kind !== 'send') continue;
      const { to } = output;
      if (to.address !== cameraPeer.address || to.port !== cameraPeer.port) {
        throw new FuzzFailure(`a viewer sent to ${to.address}`);
      }
      this.sent(output.bytes, to);
    }
  }
}
