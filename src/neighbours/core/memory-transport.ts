import type { EventQueue } from '../../sim/event-queue.ts';
import { Link } from '../../sim/link.ts';
import type { LinkModel } from '../../sim/link-model.ts';
import { Prng } from '../../sim/prng.ts';
import { LengthPrefixReader, MESSAGE_BYTES_MAX, withPrefix } from './framing.ts';
import { Tally } from './tally.ts';
import {
  CLOSE_MS,
  DATAGRAM_MESSAGE_BYTES_MAX,
  QUEUE_BYTES_MAX,
  type Refusal,
  type Transport,
  type TransportCounter,
  type TransportEnd,
  type TransportEvents,
  type TransportLimits,
  transportCounters,
} from './transport.ts';

/** After this long, in ms, a piece of a byte stream that was lost is sent again. */
const RESEND_MS = 200;
/** Pieces or datagrams that a paused end keeps; a byte stream never has more, and of datagrams what comes then is lost. */
const UNREAD_MAX = 65_536;

/** Two transports that lead to each other over a simulated link. */
export interface MemoryPairOptions extends TransportLimits {
  /** The world's time. */
  readonly queue: EventQueue;
  /** Decides what the link loses, and where it cuts a byte stream. */
  readonly seed: number;
  /** `stream`: a byte stream that loses nothing and is cut anywhere. `datagram`: whatever the link does. */
  readonly kind: 'stream' | 'datagram';
  /** Both directions. Default perfect and without delay. */
  readonly link?: LinkModel;
  /** Longest piece into which a byte stream is cut; each is drawn. Default 1,460; 1 cuts it into single bytes. */
  readonly pieceBytesMax?: number;
}

/** Two ends and the links between them, which can be changed or partitioned at any time. */
export interface MemoryPair {
  readonly left: MemoryTransport;
  readonly right: MemoryTransport;
  /** From left to right. */
  readonly there: Link;
  /** From right to left. */
  readonly back: Link;
}

/** Makes two transports that lead to each other. */
export function memoryPair(options: MemoryPairOptions): MemoryPair {
  const there = new Link(options.link ?? {}, new Prng(options.seed, 1));
  const back = new Link(options.link ?? {}, new Prng(options.seed, 2));
  const left = new MemoryTransport(options, there, new Prng(options.seed, 3));
  const right = new MemoryTransport(options, back, new Prng(options.seed, 4));
  left.lead(right);
  right.lead(left);
  return { left, right, there, back };
}

type Piece = { readonly bytes: Uint8Array; readonly last: boolean };

/** One end of a {@link memoryPair}. */
export class MemoryTransport implements Transport {
  readonly reliable: boolean;
  readonly messageBytesMax: number;
  readonly #options: MemoryPairOptions;
  readonly #link: Link;
  readonly #prng: Prng;
  readonly #reader: LengthPrefixReader;
  readonly #counters = new Tally(transportCounters);
  #peer: MemoryTransport | undefined;
  #events: TransportEvents | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #pieces: Piece[] = [];
  #pumping = false;
  #queuedBytes = 0;
  #refused = false;
  #lastArrivalMs = 0;
  #paused = false;
  #ended = false;
  #faulty = false;
  #unread: (() => void)[] = [];

  constructor(options: MemoryPairOptions, link: Link, prng: Prng) {
    this.reliable = options.kind === 'stream';
    this.messageBytesMax = options.messageBytesMax ?? (this.reliable ? MESSAGE_BYTES_MAX : DATAGRAM_MESSAGE_BYTES_MAX);
    this.#options = options;
    this.#link = link;
    this.#prng = prng;
    this.#reader = new LengthPrefixReader(this.messageBytesMax);
  }

  /** Where it leads. Called once. */
  lead(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  get counters(): Readonly<Record<TransportCounter, number>> {
    return this.#counters.snapshot();
  }

  open(events: TransportEvents): void {
    this.#events = events;
    this.#catchUp();
  }

  send(message: Uint8Array): Refusal | undefined {
    const refusal = this.#refusalOf(message);
    this.#counters.add(refusal ?? 'sent');
    if (refusal !== undefined) return refusal;
    if (this.reliable) this.write(withPrefix(message));
    else this.#sendDatagram(message);
    return undefined;
  }

  /** Sends bytes that need not be messages, as a hand-made peer does. Byte streams only. */
  write(bytes: Uint8Array): void {
    const { pieceBytesMax = 1460 } = this.#options;
    this.#queuedBytes += bytes.length;
    for (let offset = 0; offset < bytes.length; ) {
      const length = Math.min(1 + this.#prng.below(pieceBytesMax), bytes.length - offset);
      this.#pieces.push({ bytes: bytes.slice(offset, offset + length), last: false });
      offset += length;
    }
    this.#pump();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#options.queue.at(this.#options.queue.nowMs, () => this.#catchUp());
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const { queue } = this.#options;
    if (!this.reliable) return queue.at(queue.nowMs, () => this.#over('local'));
    this.#pieces.push({ bytes: new Uint8Array(0), last: true });
    queue.at(queue.nowMs + CLOSE_MS, () => this.#over('local'));
    this.#pump();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    const { queue } = this.#options;
    this.#pieces = [];
    if (this.reliable) {
      // A reset is lost with the link, and nothing repeats it.
      this.#link.carry(new Uint8Array(1), queue.nowMs, (_, atMs) =>
        queue.at(atMs, () => this.#peer?.hear(() => this.#peer?.fail())),
      );
    }
    this.#state = 'closing';
    queue.at(queue.nowMs, () => this.#over('local'));
  }

  /** Something arrived for this end; it is taken at once, after `resume`, or, once this end is closed, thrown away. */
  hear(what: () => void): void {
    if (this.#state !== 'open' || (this.#events !== undefined && !this.#paused)) what();
    else if (this.#unread.length < UNREAD_MAX) this.#unread.push(what);
  }

  /** The peer's reset. */
  fail(): void {
    this.#over('failed', 'ECONNRESET');
  }

  #catchUp(): void {
    while (this.#events !== undefined && !this.#paused && this.#state === 'open') {
      const next = this.#unread.shift();
      if (next === undefined) return;
      next();
    }
  }

  #refusalOf(message: Uint8Array): Refusal | undefined {
    if (this.#state !== 'open') return 'closed';
    if (message.length === 0) return 'empty';
    if (message.length > this.messageBytesMax) return 'tooLarge';
    if (this.#queuedBytes + message.length <= (this.#options.queueBytesMax ?? QUEUE_BYTES_MAX)) return undefined;
    this.#refused = true;
    return 'queueFull';
  }

  #sendDatagram(message: Uint8Array): void {
    const { queue } = this.#options;
    this.#link.carry(message, queue.nowMs, (bytes, atMs) =>
      queue.at(atMs, () => this.#peer?.hear(() => this.#peer?.message(bytes))),
    );
  }

  /** A whole message arrived. */
  message(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    this.#counters.add('received');
    this.#events?.message(bytes);
    return (this.#state as string) === 'open';
  }

  /** A piece of the byte stream arrived. */
  piece({ bytes, last }: Piece): void {
    if (this.#state !== 'open' || this.#faulty) return;
    if (last) {
      this.#ended = true;
      return this.#events?.ended(this.#reader.pendingBytes > 0);
    }
    const fault = this.#reader.read(bytes, (message) => this.message(message));
    if (fault === undefined) return;
    this.#faulty = true;
    this.#counters.add('malformed');
    this.#events?.malformed(fault);
  }

  #pump(): void {
    if (this.#pumping) return;
    const { queue } = this.#options;
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      const sent = piece;
      let atMs: number | undefined;
      const lost = this.#link.carry(sent.last ? new Uint8Array(1) : sent.bytes, queue.nowMs, (_, ms) => {
        atMs = Math.min(atMs ?? ms, ms);
      });
      if (lost !== undefined || atMs === undefined) {
        this.#pumping = true;
        return queue.at(queue.nowMs + RESEND_MS, () => {
          this.#pumping = false;
          this.#pump();
        });
      }
      this.#pieces.shift();
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs);
      queue.at(this.#lastArrivalMs, () => this.#arrived(sent));
    }
  }

  #arrived(piece: Piece): void {
    this.#peer?.hear(() => {
      this.#peer?.piece(piece);
      this.#taken(piece);
    });
    if (piece.last) this.#over('local');
  }

  #taken(piece: Piece): void {
    this.#queuedBytes -= piece.bytes.length;
    if (!this.#refused || this.#state !== 'open') return;
    this.#refused = false;
    this.#events?.writable();
  }

  #over(cause: TransportEnd['cause'], detail?: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#pieces = [];
    for (const unread of this.#unread.splice(0)) unread();
    const truncated = this.#reader.pendingBytes > 0;
    this.#events?.closed({ cause: this.#ended ? 'ended' : cause, truncated, detail });
  }
}
