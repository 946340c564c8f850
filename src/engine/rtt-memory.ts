/** Addresses remembered. */
const ADDRESSES_MAX = 256;
/** How long, in ms. */
const KEEP_MS = 600_000;

/** The last RTT to each of the last 256 peer addresses, for 10 min: profile `internet` begins its schedule with it. */
export class RttMemory {
  readonly #rtts = new Map<string, { readonly rttMs: number; readonly atMs: number }>();

  remember(address: string, rttMs: number, nowMs: number): void {
    this.#rtts.delete(address);
    this.#rtts.set(address, { rttMs, atMs: nowMs });
    if (this.#rtts.size <= ADDRESSES_MAX) return;
    const oldest = this.#rtts.keys().next();
    if (!oldest.done) this.#rtts.delete(oldest.value);
  }

  /** T1's first interval: 1.5 x RTT in ms, `undefined` when nothing is known of the address. */
  rtoInitialMs(address: string, nowMs: number): number | undefined {
    const known = this.#rtts.get(address);
    if (known === undefined || nowMs - known.atMs > KEEP_MS) return undefined;
    return 1.5 * known.rttMs;
  }
}
