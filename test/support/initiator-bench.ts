import { encodeFrame } from '../../src/codec/encode.ts';
import type { MetricsSnapshot } from '../../src/engine/counters.ts';
import { InitiatorEndpoint, type InitiatorEndpointOptions } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer } from '../../src/engine/io-types.ts';
import { type Frame, FrameFlag, FrameType, type FrameTypeName } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { type Ids, sessionFrame } from './frames.ts';
import { framesOf, type SentDatagram } from './responder-bench.ts';

const camera: Peer = { address: '192.0.2.9', port: 4444 };

/** One viewer endpoint on a table: the camera's part is played by hand. */
export class InitiatorBench {
  readonly endpoint: InitiatorEndpoint;
  readonly outputs: { readonly atMs: number; readonly output: InitiatorOutput }[] = [];
  readonly sent: SentDatagram[] = [];
  nowMs = 0;

  constructor(options: Partial<InitiatorEndpointOptions> = {}) {
    this.endpoint = new InitiatorEndpoint({
      profile: profiles.default,
      entropy: new Prng(2),
      peer: camera,
      ...options,
    });
  }

  get metrics(): MetricsSnapshot {
    return this.endpoint.counters.snapshot();
  }

  get ids(): Ids {
    return { streamId: this.endpoint.streamId, sessionTag: this.endpoint.sessionTag };
  }

  /** Gives an input now; the datagrams that were sent because of it. */
  step(input: InitiatorInput): readonly SentDatagram[] {
    const from = this.sent.length;
    for (const output of this.endpoint.step(input, this.nowMs)) {
      if (output.kind === 'send') {
        this.sent.push({ atMs: this.nowMs, to: output.to, bytes: output.bytes, plane: output.plane });
      } else {
        this.outputs.push({ atMs: this.nowMs, output });
      }
    }
    return this.sent.slice(from);
  }

  receive(bytes: Uint8Array, from: Peer = camera): readonly SentDatagram[] {
    return this.step({ kind: 'datagram', bytes, from });
  }

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

  start(): readonly SentDatagram[] {
    return this.step({ kind: 'start' });
  }

  /** START_ACK for the given attempt of the current StreamId. */
  startAck(sessionTag: bigint, { attempt = 1, ssrc = 7, token = 0xaa } = {}): readonly SentDatagram[] {
    return this.receive(
      encodeFrame({
        type: FrameType.START_ACK,
        flags: FrameFlag.ACK_REQUIRED,
        streamId: this.endpoint.streamId,
        sessionTag,
        attempt,
        resetToken: new Uint8Array(16).fill(token),
        ssrc,
      }),
    );
  }

  retry(attempt: number, cookie: number): readonly SentDatagram[] {
    return this.receive(
      encodeFrame({
        type: FrameType.RETRY,
        flags: 0,
        streamId: this.endpoint.streamId,
        sessionTag: 0n,
        attempt,
        cookie: new Uint8Array(20).fill(cookie),
      }),
    );
  }

  error(errorCode: number, more: { retryAfterMs?: number; reason?: string } = {}): readonly SentDatagram[] {
    const { streamId, sessionTag } = this.ids;
    return this.receive(
      encodeFrame({ type: FrameType.ERROR, flags: 0, streamId, sessionTag, attempt: 1, errorCode, ...more }),
    );
  }

  reset(token: number): readonly SentDatagram[] {
    const resetToken = new Uint8Array(16).fill(token);
    return this.receive(
      encodeFrame({ type: FrameType.RESET, flags: 0, ...this.ids, attempt: 0, resetToken, errorCode: 9 }),
    );
  }

  /** A frame with the session's ids. */
  frame(type: FrameTypeName): readonly SentDatagram[] {
    return this.receive(sessionFrame(type, this.ids));
  }

  /** Goes to Streaming: start, START_ACK, READY, all at one time. */
  stream(sessionTag = 5n): void {
    this.start();
    this.startAck(sessionTag);
    this.frame('READY');
  }

  /** Frames of one type sent so far. */
  sentFrames(name: FrameTypeName): Frame[] {
    return framesOf(this.sent, name);
  }

  /** How it ended, `undefined` while it has not. */
  get closed(): (InitiatorOutput & { readonly kind: 'closed' }) | undefined {
    return this.outputs.map(({ output }) => output).find((output) => output.kind === 'closed');
  }

  get closedAtMs(): number | undefined {
    return this.outputs.find(({ output }) => output.kind === 'closed')?.atMs;
  }

  count(kind: InitiatorOutput['kind']): number {
    return this.outputs.filter(({ output }) => output.kind === kind).length;
  }
}
