import type { InitiatorOutput, ResponderOutput, TracedFrame } from '../engine/io-types.ts';
import { frameTypeName } from '../protocol/frame.ts';

interface Message {
  readonly atMs: number;
  readonly way: string;
  readonly key: string;
  readonly frame: TracedFrame;
  readonly bytes: number;
  arrivedAtMs: number | undefined;
}

const WAYS = { initiator: 'viewer → camera', responder: 'camera → viewer' } as const;

/** Handshake messages told at most. */
const MESSAGES_MAX = 200;

/**
 * Every handshake message of one session as both ends saw it: when it was sent, and when it arrived or that it was lost. Only a
 * process that runs both ends on one clock can tell.
 */
export class DemoTimeline {
  readonly #messages: Message[] = [];
  #done = false;

  /** Takes an output of either end; ignored once {@link finish} was called. */
  add(role: 'initiator' | 'responder', nowMs: number, output: InitiatorOutput | ResponderOutput): void {
    if (output.kind !== 'traceFrame' || this.#done) return;
    const { frame, bytes, direction } = output;
    const sender = direction === 'sent' ? role : role === 'initiator' ? 'responder' : 'initiator';
    const key = `${sender} ${frame.type} ${frame.attempt} ${'nonce' in frame ? frame.nonce : ''}`;
    if (direction === 'received') {
      // Copies may be equal: on loopback the one that arrives is the last that was sent.
      const sent = this.#messages.findLast((message) => message.key === key && message.arrivedAtMs === undefined);
      if (sent !== undefined) sent.arrivedAtMs = nowMs;
    } else if (this.#messages.length < MESSAGES_MAX) {
      this.#messages.push({ atMs: nowMs, way: WAYS[sender], key, frame, bytes, arrivedAtMs: undefined });
    }
  }

  /** The handshake is over. @returns its lines. */
  finish(): string[] {
    this.#done = true;
    const startedAtMs = this.#messages[0]?.atMs ?? 0;
    return this.#messages.map(({ atMs, way, frame, bytes, arrivedAtMs }) => {
      const attempt = frame.attempt === 0 ? '' : `attempt ${frame.attempt}`;
      const fate =
        arrivedAtMs === undefined ? 'lost on the way' : `arrived after ${(arrivedAtMs - atMs).toFixed(1)} ms`;
      const at = (atMs - startedAtMs).toFixed(1).padStart(8);
      return `${at} ms  ${way}  ${(frameTypeName(frame.type) ?? '').padEnd(13)} ${attempt.padEnd(11)} ${`${bytes} B`.padStart(6)}  ${fate}`;
    });
  }
}
