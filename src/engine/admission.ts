import type { RedeemedToken } from '../security/tokens.ts';
import { Cookies } from './cookies.ts';
import type { DropReason } from './counters.ts';
import type { Peer, SessionHandle } from './io-types.ts';
import { type LoadCause, LoadMeter, type LoadThresholds } from './load-meter.ts';
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
  /** It came with a cookie that was good: its sender can read what is sent to its address. */
  readonly proven: boolean;
  readonly streamName: string | undefined;
  /** It showed a token, and media may leave before the confirm. */
  readonly redeemed: RedeemedToken | undefined;
  /** Absent in mode `none`. */
  readonly security: CandidateSecurity | undefined;
}

/** Limits on strangers (docs/PROTOCOL.md, section 6). Every one is an option: a load test comes from one address. */
export interface AdmissionLimits {
  /** New STARTs, and STARTs and RESETs for unknown ids, per IPv4 address or IPv6 /64. Default 200/s, burst 200. */
  readonly prefixRate: BucketRate;
  /** The same under load. Default 20/s, burst 20. */
  readonly prefixRateUnderLoad: BucketRate;
  /** Half-open sessions per prefix from which on a cookie is demanded. Default 16. */
  readonly pendingPerPrefixSoft: number;
  /** Half-open sessions per prefix. Default 64. */
  readonly pendingPerPrefixMax: number;
  /** Half-open sessions in all. Default 1,024. */
  readonly pendingMax: number;
  /** From where on every stranger needs a cookie. */
  readonly load: LoadThresholds;
  /** Fraction of strangers that are asked for a cookie though there is no load, so that this path is always used; 0..1, default 0. */
  readonly retryFraction: number;
}

/** See {@link AdmissionLimits}. */
export const defaultAdmissionLimits: AdmissionLimits = {
  prefixRate: { perSecond: 200, burst: 200 },
  prefixRateUnderLoad: { perSecond: 20, burst: 20 },
  pendingPerPrefixSoft: 16,
  pendingPerPrefixMax: 64,
  pendingMax: 1024,
  load: { pending: 128, startsPerSecond: 500, lateMs: 50 },
  retryFraction: 0,
};

/** What becomes of a START that is no copy: a session, proven to be wanted by its address or not; a RETRY; or why neither. */
export type Verdict =
  | 'new'
  | 'proven'
  | 'retry'
  | Extract<DropReason, 'prefixRate' | 'pendingPerPrefix' | 'pendingFull'>;

/** What a START is judged by. */
export interface Stranger {
  readonly streamId: bigint;
  readonly cookie?: Uint8Array;
}

/** Plain code before any state: decides whether a stranger's START may cost a session, and keeps count of half-open ones. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #random: Random;
  readonly #bucket: PrefixBucket;
  readonly #cookies: Cookies;
  readonly #load: LoadMeter;
  readonly #loadBegan: (cause: LoadCause) => void;
  readonly #pendingByPrefix = new Map<string | number, number>();
  #pending = 0;

  /**
   * @param loadBegan is told when load mode begins, and why.
   * @param cookieKey see {@link Cookies}.
   */
  constructor(limits: AdmissionLimits, random: Random, loadBegan: (cause: LoadCause) => void, cookieKey?: Uint8Array) {
    this.#limits = limits;
    this.#random = random;
    this.#bucket = new PrefixBucket(random.bytes(8), limits.prefixRate);
    this.#cookies = new Cookies(random, cookieKey);
    this.#load = new LoadMeter(limits.load);
    this.#loadBegan = loadBegan;
  }

  /** Half-open sessions now. */
  get pending(): number {
    return this.#pending;
  }

  /** Every stranger needs a cookie. */
  get underLoad(): boolean {
    return this.#load.under;
  }

  /** When {@link timeout} is due; Infinity for never. */
  deadlineMs(): number {
    return this.#load.calmAtMs;
  }

  /** One token for anything that answers a stranger. */
  takeToken(address: string, nowMs: number): boolean {
    const { prefixRate, prefixRateUnderLoad } = this.#limits;
    return this.#bucket.take(addressPrefix(address), nowMs, this.#load.under ? prefixRateUnderLoad : prefixRate);
  }

  /** @param tupleFull whether its tuple has as many candidates as it may. */
  judge(start: Stranger, from: Peer, tupleFull: boolean, nowMs: number): Verdict {
    this.#sign(this.#load.start(nowMs));
    const { pendingPerPrefixSoft, pendingPerPrefixMax, pendingMax } = this.#limits;
    const proven = start.cookie !== undefined && this.#cookies.valid(start.cookie, from, start.streamId, nowMs);
    if (!proven && !this.takeToken(from.address, nowMs)) return 'prefixRate';
    const ofPrefix = this.#pendingByPrefix.get(prefixKey(from.address)) ?? 0;
    if (!proven && (this.#load.under || tupleFull || ofPrefix >= pendingPerPrefixSoft || this.#chosen()))
      return 'retry';
    if (ofPrefix >= pendingPerPrefixMax) return 'pendingPerPrefix';
    if (this.#pending >= pendingMax) return 'pendingFull';
    return proven ? 'proven' : 'new';
  }

  /** The cookie of a RETRY, 20 bytes. */
  cookie(to: Peer, streamId: bigint, nowMs: number): Uint8Array {
    return this.#cookies.make(to, streamId, nowMs);
  }

  /** A session became half-open. */
  enter(address: string, nowMs: number): void {
    const key = prefixKey(address);
    this.#pendingByPrefix.set(key, (this.#pendingByPrefix.get(key) ?? 0) + 1);
    this.#sign(this.#load.pending(++this.#pending, nowMs));
  }

  /** It was confirmed or ended. */
  leave(address: string, nowMs: number): void {
    const key = prefixKey(address);
    const left = (this.#pendingByPrefix.get(key) ?? 0) - 1;
    if (left > 0) this.#pendingByPrefix.set(key, left);
    else this.#pendingByPrefix.delete(key);
    // There were more until now, so that calm begins here.
    this.#sign(this.#load.pending(this.#pending--, nowMs));
  }

  /** The process did not come to what was due for so long. */
  late(lateMs: number, nowMs: number): void {
    this.#sign(this.#load.late(lateMs, nowMs));
  }

  /** Time has passed. @returns whether load mode ended. */
  timeout(nowMs: number): boolean {
    this.#load.pending(this.#pending, nowMs);
    return this.#load.calm(nowMs);
  }

  #sign(cause: LoadCause | undefined): void {
    if (cause !== undefined) this.#loadBegan(cause);
  }

  #chosen(): boolean {
    const { retryFraction } = this.#limits;
    return retryFraction > 0 && this.#random.unit() < retryFraction;
  }
}

/** A number for IPv4, where a text would be made for each stranger; texts for the others. */
function prefixKey(address: string): string | number {
  const prefix = addressPrefix(address);
  if (prefix.length !== 4) return prefix.join('.');
  const [a = 0, b = 0, c = 0, d = 0] = prefix;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
