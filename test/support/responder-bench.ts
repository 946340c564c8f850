import type { MetricsSnapshot } from '../../src/engine/counters.ts';
import type { Peer, ResponderInput, ResponderOutput, SessionHandle } from '../../src/engine/io-types.ts';
import { ResponderEndpoint, type ResponderEndpointOptions } from '../../src/engine/responder-endpoint.ts';
import type { Frame, FrameTypeName } from '../../src/protocol/frame.ts';
import { assertInvariant } from '../../src/protocol/invariants.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { AnswerLedger } from './answer-ledger.ts';
import { type TestStream, testStream } from './camera-application.ts';
import { frameOf, type Ids, kindOf, sessionFrame, startBytes } from './frames.ts';

/** A datagram that an endpoint sent. */
export interface SentDatagram {
  readonly atMs: number;
  readonly to: Peer;
  readonly bytes: Uint8Array;
  readonly plane: 'control' | 'feedback' | 'media';
}

/** What the bench's application does with a reservation. */
export type ReserveAnswer =
  | 'yes'
  | 'never'
  | { readonly code: number; readonly retryAfterMs?: number; readonly reason?: string };

/** A viewer's address when the test needs no other. */
export const somePeer: Peer = { address: '192.0.2.1', port: 5000 };

/** One camera endpoint on a table: datagrams by hand, time by hand, everything it puts out kept, and S2 watched in every test. */
export class ResponderBench {
  readonly endpoint: ResponderEndpoint;
  readonly stream: TestStream = testStream();
  readonly outputs: { readonly atMs: number; readonly output: ResponderOutput }[] = [];
  readonly sent: SentDatagram[] = [];
  readonly #ledger = new AnswerLedger();
  answer: ReserveAnswer = 'yes';
  sdp: string | undefined = 'v=0\r\n';
  nowMs = 0;

  constructor(options: Partial<ResponderEndpointOptions> = {}, answer: ReserveAnswer = 'yes') {
    this.endpoint = new ResponderEndpoint({ profile: profiles.default, entropy: new Prng(1), ...options });
    this.answer = answer;
  }

  get metrics(): MetricsSnapshot {
    return this.endpoint.counters.snapshot();
  }

  /** Gives an input now; the datagrams that were sent because of it. */
  step(input: ResponderInput): readonly SentDatagram[] {
    const from = this.sent.length;
    if (input.kind === 'datagram') this.#ledger.received(input.from, input.bytes.length);
    const outputs = this.endpoint.step(input, this.nowMs);
    // Who has confirmed is told behind the READY for it.
    for (const output of outputs) if (output.kind === 'streaming') this.#ledger.trust(output.peer);
    for (const output of outputs) this.#take(output);
    return this.sent.slice(from);
  }

  receive(bytes: Uint8Array, from: Peer = somePeer): readonly SentDatagram[] {
    return this.step({ kind: 'datagram', bytes, from });
  }

  /** Lets time pass, with a `timeout` at each deadline; the datagrams that were sent meanwhile. */
  run(forMs: number): readonly SentDatagram[] {
    const from = this.sent.length;
    const untilMs = this.nowMs + forMs;
    for (let atMs = this.endpoint.deadlineMs(); atMs <= untilMs; atMs = this.endpoint.deadlineMs()) {
      this.nowMs = Math.max(this.nowMs, atMs);
      this.step({ kind: 'timeout' });
    }
    this.nowMs = untilMs;
    return this.sent.slice(from);
  }

  /** Opens a candidate: its ids from START_ACK, and the SSRC. */
  candidate(streamId: bigint, from: Peer = somePeer): Ids & { readonly ssrc: number } {
    const ack = this.receive(startBytes(streamId), from).map(({ bytes }) => frameOf(bytes))[0];
    if (ack === undefined || !('ssrc' in ack)) throw new Error('no START_ACK');
    return { streamId, sessionTag: ack.sessionTag, ssrc: ack.ssrc };
  }

  /** Opens and confirms a session. */
  streaming(streamId: bigint, from: Peer = somePeer): Ids & { readonly ssrc: number } {
    const ids = this.candidate(streamId, from);
    this.receive(sessionFrame('START_CONFIRM', ids), from);
    return ids;
  }

  /** Handles that the application was asked about. */
  get reserved(): readonly SessionHandle[] {
    return this.outputs.flatMap(({ output }) => (output.kind === 'reserve' ? [output.session] : []));
  }

  /** Codes of the sessions that were closed, in order. */
  get closedCodes(): readonly number[] {
    return this.outputs.flatMap(({ output }) => (output.kind === 'closed' ? [output.code] : []));
  }

  count(kind: ResponderOutput['kind']): number {
    return this.outputs.filter(({ output }) => output.kind === kind).length;
  }

  #take(output: ResponderOutput): void {
    if (output.kind === 'send' || output.kind === 'media') {
      const plane = output.kind === 'media' ? 'media' : output.plane;
      this.sent.push({ atMs: this.nowMs, to: output.to, bytes: output.bytes, plane });
      this.#ledger.sent(output.to, output.bytes.length);
      assertInvariant('S2', this.#ledger.excess.length === 0, this.#ledger.excess.join());
      return;
    }
    this.outputs.push({ atMs: this.nowMs, output });
    if (output.kind !== 'reserve' || this.answer === 'never') return;
    if (this.answer === 'yes') {
      const { feed } = this.stream;
      const { sdp } = this;
      this.step({ kind: 'reserved', session: output.session, feed, ...(sdp === undefined ? {} : { sdp }) });
    } else {
      this.step({ kind: 'refused', session: output.session, ...this.answer });
    }
  }
}

/** Names of the frames, `RTP` and `RTCP` among them. */
export function kinds(sent: readonly { readonly bytes: Uint8Array }[]): (FrameTypeName | 'RTP' | 'RTCP' | undefined)[] {
  return sent.map(({ bytes }) => kindOf(bytes));
}

/** The frames of one type among datagrams. */
export function framesOf(sent: readonly { readonly bytes: Uint8Array }[], name: FrameTypeName): Frame[] {
  return sent.filter(({ bytes }) => kindOf(bytes) === name).map(({ bytes }) => frameOf(bytes));
}
