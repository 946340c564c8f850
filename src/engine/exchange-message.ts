import { EXCHANGE_BURST_PARTS, EXCHANGE_PART_BYTES_STEPS, EXCHANGE_SENDS_PER_STEP } from '../protocol/constants.ts';
import type { Fragment } from '../protocol/frame.ts';

/** A part of a message as a frame carries it: FRAGMENT is left out where the part is the whole. */
export interface MessagePart {
  readonly fragment?: Fragment;
  readonly body: Uint8Array;
}

/** Parts beyond a gap that are kept at most; what comes beyond is sent again anyway. */
const AHEAD_MAX = 2 * EXCHANGE_BURST_PARTS;
const EMPTY = new Uint8Array(0);

/** A message of an exchange on its way out, in parts of which only a few are on their way at once. */
export class OutgoingMessage {
  readonly #body: Uint8Array;
  #step = 0;
  #received = 0;
  #sentTo = 0;

  /** @param body copied: what is repeated must not change (S13). */
  constructor(body: Uint8Array) {
    this.#body = body.slice();
  }

  /** All of it is there. */
  get received(): boolean {
    return this.#received === this.#body.length;
  }

  /** The other side has so much without a gap. @returns whether that is news, or all there is. */
  advance(offset: number): boolean {
    if (offset > this.#body.length) return false;
    const news = offset > this.#received || offset === this.#body.length;
    this.#received = Math.max(this.#received, offset);
    return news;
  }

  /** The parts that may go out now and did not yet. */
  more(): MessagePart[] {
    const parts: MessagePart[] = [];
    const { length } = this.#body;
    const end = Math.min(length, this.#received + EXCHANGE_BURST_PARTS * this.#partBytes);
    this.#sentTo = Math.max(this.#sentTo, this.#received);
    if (this.received) return [this.#part(length, length)];
    while (this.#sentTo < end) {
      const to = Math.min(length, this.#sentTo + this.#partBytes);
      parts.push(this.#part(this.#sentTo, to));
      this.#sentTo = to;
    }
    return parts;
  }

  /**
   * What is not known to be there goes out again. Of a message that is all there only its end goes, which asks for nothing but an answer.
   *
   * @param sends times that it went out since there was progress: parts that are too large for the path become smaller.
   */
  again(sends: number): MessagePart[] {
    const steps = Math.floor((sends - 1) / EXCHANGE_SENDS_PER_STEP);
    this.#step = Math.min(Math.max(this.#step, steps), EXCHANGE_PART_BYTES_STEPS.length - 1);
    this.#sentTo = this.#received;
    return this.more();
  }

  /** The first part that is not known to be there. */
  first(): MessagePart {
    const from = this.#received;
    return this.#part(from, Math.min(this.#body.length, from + this.#partBytes));
  }

  get #partBytes(): number {
    return EXCHANGE_PART_BYTES_STEPS[this.#step] ?? EXCHANGE_PART_BYTES_STEPS[0];
  }

  #part(from: number, to: number): MessagePart {
    const total = this.#body.length;
    const body = this.#body.subarray(from, to);
    return from === 0 && to === total ? { body } : { fragment: { offset: from, total }, body };
  }
}

/** A message of an exchange on its way in. Memory grows with what came, never with what was announced. */
export class IncomingMessage {
  /** Announced length, in bytes. */
  readonly total: number;
  readonly #parts: Uint8Array[] = [];
  readonly #ahead: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #received = 0;

  constructor(total: number) {
    this.total = total;
  }

  /** Bytes that are here without a gap. */
  get received(): number {
    return this.#received;
  }

  get whole(): boolean {
    return this.#received === this.total;
  }

  /**
   * Takes a part; it may overlap others, as parts become smaller on a bad path.
   *
   * @param bytes copied.
   * @returns whether there was anything new in it.
   */
  add(offset: number, bytes: Uint8Array): boolean {
    if (offset + bytes.length <= this.#received) return false;
    if (offset > this.#received) return this.#keep(offset, bytes);
    this.#append(offset, bytes);
    for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext())
      this.#append(next.offset, next.bytes);
    return true;
  }

  /** All bytes; call once it is whole. */
  bytes(): Uint8Array {
    const [only = EMPTY, ...others] = this.#parts;
    if (others.length === 0) return only;
    const all = new Uint8Array(this.#received);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #keep(offset: number, bytes: Uint8Array): boolean {
    if (this.#ahead.length >= AHEAD_MAX) return false;
    if (this.#ahead.some((kept) => kept.offset === offset && kept.bytes.length >= bytes.length)) return false;
    this.#ahead.push({ offset, bytes: bytes.slice() });
    return true;
  }

  #append(offset: number, bytes: Uint8Array): void {
    const news = bytes.slice(this.#received - offset);
    this.#parts.push(news);
    this.#received += news.length;
  }

  /** A part that closes a gap, or that others have overtaken: of that nothing is left to append. */
  #takeNext(): { readonly offset: number; readonly bytes: Uint8Array } | undefined {
    const index = this.#ahead.findIndex(({ offset }) => offset <= this.#received);
    return index < 0 ? undefined : this.#ahead.splice(index, 1)[0];
  }
}

/** Where a frame's part begins and how long the whole is; `undefined` when the frame contradicts itself. */
export function partOf(frame: {
  readonly fragment?: Fragment;
  readonly body?: Uint8Array;
}): { readonly offset: number; readonly total: number; readonly bytes: Uint8Array } | undefined {
  const bytes = frame.body ?? EMPTY;
  const { offset, total } = frame.fragment ?? { offset: 0, total: bytes.length };
  return offset + bytes.length > total ? undefined : { offset, total, bytes };
}
