import type { Prng } from './prng.ts';

/** What happens to datagrams in one direction. Fractions 0..1, times in ms. */
export interface LinkModel {
  /** Fraction that never arrives. Default 0. */
  readonly loss?: number;
  /** Time on the way. Default 0. */
  readonly oneWayMs?: number;
  /** Up to this much more, evenly drawn; later ones may overtake. Default 0. */
  readonly jitterMs?: number;
  /** Fraction that arrives twice. Default 0. */
  readonly duplication?: number;
  /** Fraction in which one bit is flipped. Default 0. */
  readonly corruption?: number;
  /** Larger datagrams never arrive, in bytes. Default none. */
  readonly datagramBytesMax?: number;
}

/** One copy of a datagram that will arrive. */
export interface Delivery {
  readonly bytes: Uint8Array;
  readonly afterMs: number;
}

/** One direction of a simulated link. */
export class Link {
  readonly #model: LinkModel;
  readonly #prng: Prng;
  /** Nothing passes while it is set. */
  partitioned = false;

  constructor(model: LinkModel, prng: Prng) {
    this.#model = model;
    this.#prng = prng;
  }

  /** The copies of a datagram that will arrive, none to two. */
  carry(bytes: Uint8Array): readonly Delivery[] {
    const { loss = 0, duplication = 0, datagramBytesMax = Number.POSITIVE_INFINITY } = this.#model;
    if (this.partitioned || this.#prng.chance(loss) || bytes.length > datagramBytesMax) return [];
    const copies = this.#prng.chance(duplication) ? 2 : 1;
    return Array.from({ length: copies }, () => this.#copy(bytes));
  }

  #copy(bytes: Uint8Array): Delivery {
    const { oneWayMs = 0, jitterMs = 0, corruption = 0 } = this.#model;
    const arrived = bytes.slice();
    if (arrived.length > 0 && this.#prng.chance(corruption)) {
      const bit = this.#prng.below(8 * arrived.length);
      arrived[bit >> 3] = (arrived[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
    return { bytes: arrived, afterMs: oneWayMs + jitterMs * this.#prng.unit() };
  }
}
