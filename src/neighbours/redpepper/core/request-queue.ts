import { AnswerKeeper } from '../../core/answer-keeper.ts';
import type { Part } from '../../core/part.ts';
import { encodeMessage, MessageType, type Request } from './message.ts';
import type { SessionOptions } from './session-options.ts';

/** What the peer's requests ask of their session. */
export interface RequestQueueHost {
  execute(request: Request): void;
  /** @param bytes of the whole Response. */
  answer(bytes: Uint8Array): void;
  /** A copy of a request came. */
  duplicate(): void;
  /** A request was refused, as too many wait. */
  busy(): void;
}

/** The peer's requests: worked on one after the other in the order in which they came, each once. */
export class RequestQueue implements Part {
  readonly #keeper: AnswerKeeper<Request, Uint8Array>;
  readonly #host: RequestQueueHost;
  /** The first is being worked on. */
  #queue: Request[] = [];

  constructor({ workingMax, keepMs }: Required<Pick<SessionOptions, 'workingMax' | 'keepMs'>>, host: RequestQueueHost) {
    this.#host = host;
    this.#keeper = new AnswerKeeper<Request, Uint8Array>(
      { workingMax, keepMs },
      {
        execute: (_, request) => this.#enqueue(request),
        sendAnswer: (_, bytes) => host.answer(bytes),
      },
    );
  }

  deadlineMs(): number {
    return this.#keeper.deadlineMs();
  }

  timeout(nowMs: number): void {
    this.#keeper.timeout(nowMs);
  }

  /** A request, or a copy of one, came. */
  request(request: Request, nowMs: number): void {
    const { duplicate } = this.#keeper.counters;
    if (!this.#keeper.request(request.id, request, nowMs)) {
      this.#host.busy();
      return this.#host.answer(
        encodeMessage({ t: MessageType.RESPONSE, id: request.id, success: false, data: 'too many requests' }),
      );
    }
    if (this.#keeper.counters.duplicate > duplicate) this.#host.duplicate();
  }

  /** The work on the first is done. @param bytes of the whole Response. */
  finished(id: string, bytes: Uint8Array, nowMs: number): void {
    if (this.#queue[0]?.id !== id) return;
    this.#keeper.answer(id, bytes, bytes.length, nowMs);
    this.#queue.shift();
    const [next] = this.#queue;
    if (next !== undefined) this.#host.execute(next);
  }

  /** Nothing is worked on any more. */
  end(nowMs: number): void {
    for (const { id } of this.#queue.splice(0)) this.#keeper.forget(id, nowMs);
  }

  #enqueue(request: Request): void {
    this.#queue.push(request);
    if (this.#queue.length === 1) this.#host.execute(request);
  }
}
