import type { DropReason } from './counters.ts';
import type { Peer, SessionHandle } from './io-types.ts';
import { addressPrefix } from './prefix.ts';
import { type BucketRate, PrefixBucket } from './prefix-bucket.ts';
import type { Random } from './random.ts';
import type { CandidateSecurity } from './responder-security.ts';

/** A START that passed admission. */
export interface AdmittedStart {
  readonly handle: SessionHandle;
  readonly peer: Peer;
  readonly tupleKey: string;
  readonly streamId: bigint;
  readonly attempt: number;
  readonly streamName: string | undefined;
  /** Absent in mode `none`. */
  readonly security: CandidateSecurity | undefined;
}

/** Limits on strangers (docs/PROTOCOL.md, section 6). Every one is an option: a load test comes from one address. */
export interface AdmissionLimits {
  /** New STARTs, and STARTs and RESETs for unknown ids, per IPv4 address or IPv6 /64. Default 200/s, burst 200. */
  readonly prefixRate: BucketRate;
  /** Half-open sessions per prefix. Default 64. */
  readonly pendingPerPrefixMax: number;
  /** Half-open sessions in all. Default 1,024. */
  readonly pendingMax: number;
}

/** See {@link AdmissionLimits}. */
export const defaultAdmissionLimits: AdmissionLimits = {
  prefixRate: { perSecond: 200, burst: 200 },
  pendingPerPrefixMax: 64,
  pendingMax: 1024,
};

/** Plain code before any state: decides whether a stranger's START may cost a session, and keeps count of half-open ones. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #bucket: PrefixBucket;
  readonly #pendingByPrefix = new Map<string | number, number>();
  #pending = 0;

  constructor(limits: AdmissionLimits, random: Random) {
    this.#limits = limits;
    this.#bucket = new PrefixBucket(random.bytes(8), limits.prefixRate);
  }

  /** Half-open sessions now. */
  get pending(): number {
    return this.#pending;
  }

  /** One token for anything that answers a stranger. */
  takeToken(address: string, nowMs: number): boolean {
    return this.#bucket.take(addressPrefix(address), nowMs);
  }

  /** Why there is no room for one more half-open session of this address, `undefined` when there is. */
  full(address: string): Extract<DropReason, 'pendingPerPrefix' | 'pendingFull'> | undefined {
    const ofPrefix = this.#pendingByPrefix.get(prefixKey(address)) ?? 0;
    if (ofPrefix >= this.#limits.pendingPerPrefixMax) return 'pendingPerPrefix';
    return this.#pending >= this.#limits.pendingMax ? 'pendingFull' : undefined;
  }

  /** A session became half-open. */
  enter(address: string): void {
    const key = prefixKey(address);
    this.#pendingByPrefix.set(key, (this.#pendingByPrefix.get(key) ?? 0) + 1);
    this.#pending++;
  }

  /** It was confirmed or ended. */
  leave(address: string): void {
    const key = prefixKey(address);
    const left = (this.#pendingByPrefix.get(key) ?? 0) - 1;
    if (left > 0) this.#pendingByPrefix.set(key, left);
    else this.#pendingByPrefix.delete(key);
    this.#pending--;
  }
}

/** A number for IPv4, where a text would be made for each stranger; texts for the others. */
function prefixKey(address: string): string | number {
  const prefix = addressPrefix(address);
  if (prefix.length !== 4) return prefix.join('.');
  const [a = 0, b = 0, c = 0, d = 0] = prefix;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
