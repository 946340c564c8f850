import { CATCH_UP_BURST } from '../media/catch-up.ts';
import type { DatagramMemory } from '../media/datagram-memory.ts';
import { DatagramSizeSearch } from '../media/datagram-size.ts';
import { MediaSender } from '../media/media-sender.ts';
import { decodeNack } from '../media/rtcp.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import { MEDIA_SLOT_MS } from '../media/stream-lane.ts';
import type { DropReason } from './counters.ts';
import type { Peer } from './io-types.ts';
import { type ConfirmProof, MediaGate, type MediaSend, type TokenProof } from './media-gate.ts';
import type { MediaProtection } from './media-protection.ts';
import type { PathProof } from './path-validation.ts';
import type { SessionHost } from './session-host.ts';

/**
 * Datagrams that one session sends in a slot of 1 ms, repairs included: twice the burst that a viewer begins with, so that only what a
 * stall or a NACK heaped up waits for the next slot.
 */
export const SESSION_SLOT_DATAGRAMS_MAX = 2 * CATCH_UP_BURST;

/** Whose media an outlet sends. */
export interface OutletOwner {
  readonly sessionTag: bigint;
  readonly tupleKey: string;
  readonly peer: Peer;
  readonly ssrc: number;
}

/** How it leaves. */
export interface OutletOptions {
  /** NACKs are answered. */
  readonly repair: boolean;
  /** First datagram size in bytes. */
  readonly datagramBytesMax: number;
  readonly secured: boolean;
  /** Default: fresh. */
  readonly memory?: DatagramMemory | undefined;
}

/** What a sender had counted when that was last passed on. */
interface Counted {
  repaired: number;
  refused: number;
  tailProbes: number;
  tooLarge: number;
  jumps: number;
}

/** One session's media on its way out: what is due (MediaSender), how large (DatagramSizeSearch), and whether at all (MediaGate). */
export class MediaOutlet {
  readonly #host: SessionHost<MediaSend>;
  readonly #gate: MediaGate;
  readonly #feed: StreamFeed;
  /** From the first group on: of those that watch a stream at rest there may be very many. */
  #sender: MediaSender | undefined;
  readonly #options: OutletOptions;
  #size: DatagramSizeSearch;
  readonly #ssrc: number;
  #protection: MediaProtection | undefined;
  #slotEndMs = Number.NEGATIVE_INFINITY;
  #sentInSlot = 0;
  #counted: Counted | undefined;

  constructor(host: SessionHost<MediaSend>, owner: OutletOwner, feed: StreamFeed, options: OutletOptions) {
    this.#host = host;
    this.#ssrc = owner.ssrc;
    this.#gate = new MediaGate(owner.sessionTag, owner.tupleKey, owner.peer);
    this.#options = options;
    this.#size = new DatagramSizeSearch(options.datagramBytesMax);
    this.#feed = feed;
  }

  /** Everything of an ended stream was sent, and repaired as far as it can be. */
  get finished(): boolean {
    return this.#sender === undefined ? this.#feed.ended && !this.#feed.hasGroup : this.#sender.finished;
  }

  /** The last PONG told of no full-size datagram: ask again soon. */
  get suspicious(): boolean {
    return this.#size.suspicious;
  }

  /** When media is due, Infinity while the gate is shut. */
  deadlineMs(nowMs: number): number {
    if (!this.#gate.isOpen(nowMs)) return Number.POSITIVE_INFINITY;
    const dueMs = this.#sender?.deadlineMs() ?? (this.#feed.hasGroup ? nowMs : Number.POSITIVE_INFINITY);
    return this.#sentInSlot < SESSION_SLOT_DATAGRAMS_MAX ? dueMs : Math.max(dueMs, this.#slotEndMs);
  }

  /** @param consentMs how long consent holds from now. @param protection of a secured session; without it none of its media leaves. */
  open(proof: ConfirmProof, consentMs: number, nowMs: number, protection: () => MediaProtection | undefined): void {
    // What protected media before the confirm goes on: a second one would use its packet numbers again (S11).
    if (this.#options.secured) this.#protection ??= protection();
    if (this.#options.secured && this.#protection === undefined) return;
    this.#gate.open(proof, nowMs + consentMs, this.#protection);
  }

  /** Before the confirm. @param receivedBytes of the candidate's STARTs. @param protection as in {@link open}. */
  openFast(proof: TokenProof, receivedBytes: number, nowMs: number, protection: MediaProtection | undefined): void {
    if (this.#options.secured && protection === undefined) return;
    this.#protection = protection;
    this.#gate.openFast(proof, receivedBytes, nowMs, protection);
  }

  /** A further START of the candidate came. */
  startReceived(bytes: number): void {
    this.#gate.startReceived(bytes);
  }

  #begin(nowMs: number): MediaSender {
    const { repair, memory } = this.#options;
    const sender = new MediaSender({
      feed: this.#feed,
      ssrc: this.#ssrc,
      repair,
      datagramBytesMax: this.#packetBytesMax,
      memory,
    });
    sender.start(nowMs);
    return sender;
  }

  /** Media goes elsewhere: nobody knows yet how large it may be there, and the viewer has lost some of it. */
  move(proof: PathProof, nowMs: number): void {
    this.#gate.move(proof);
    this.#size = new DatagramSizeSearch(this.#options.datagramBytesMax);
    this.#sender?.setDatagramBytesMax(this.#packetBytesMax, nowMs);
    this.#sender?.restartGroup(nowMs);
  }

  /** Consent holds until then. */
  refresh(consentUntilMs: number): void {
    this.#gate.refresh(consentUntilMs);
  }

  /** No media leaves any more. */
  close(): void {
    this.#gate.close();
    this.#count();
    this.#sender?.stop();
  }

  /** It waits for its first group, or is in the middle of it. */
  get opening(): boolean {
    return this.#sender?.opening !== false;
  }

  /**
   * Sends what is due, up to {@link SESSION_SLOT_DATAGRAMS_MAX}: the table's row for `app.mediaDue`, without a machine on the media path.
   *
   * @returns how many datagrams left.
   */
  pump(nowMs: number): number {
    if (nowMs >= this.#slotEndMs) {
      this.#slotEndMs = (Math.floor(nowMs / MEDIA_SLOT_MS) + 1) * MEDIA_SLOT_MS;
      this.#sentInSlot = 0;
    }
    const before = this.#sentInSlot;
    let bytes = 0;
    while (this.deadlineMs(nowMs) <= nowMs) {
      this.#sender ??= this.#begin(nowMs);
      const datagram = this.#sender.next(nowMs);
      if (datagram === undefined) break;
      const media = this.#gate.pass(datagram, nowMs);
      if (media === undefined) continue;
      const { length } = media.bytes;
      this.#size.sent(length);
      this.#sentInSlot++;
      bytes += length;
      this.#host.emit(media);
    }
    const datagrams = this.#sentInSlot - before;
    const { counters } = this.#host;
    if (datagrams > 0) {
      if (this.#sentInSlot === SESSION_SLOT_DATAGRAMS_MAX) counters.add('mediaPutOff');
      counters.add('datagramsSent', datagrams);
      counters.add('bytesSent', bytes);
      counters.add('mediaDatagramsSent', datagrams);
      counters.add('mediaBytesSent', bytes);
    }
    this.#count();
    if (this.#size.stepUpDue(nowMs) !== undefined) {
      this.#size.stepUp(nowMs);
      this.#resize('datagramSizeStepsUp', nowMs);
    }
    return datagrams;
  }

  /** RTCP of the viewer: only a NACK means anything. @returns why it has no effect. */
  feedback(datagram: Uint8Array, nowMs: number): DropReason | undefined {
    const packet = this.#options.secured
      ? (this.#protection?.unprotectFeedback(datagram, nowMs) ?? 'mediaForged')
      : datagram;
    if (typeof packet === 'string') return packet;
    const sequences = decodeNack(packet, this.#ssrc);
    if (sequences === undefined) return 'rtcpUnknown';
    this.#host.counters.add('nacksReceived');
    if (this.#sender === undefined) this.#host.counters.add('mediaRepairRefused', sequences.length);
    else this.#sender.nack(sequences, nowMs);
    return undefined;
  }

  /** The newest group is sent again. */
  refreshGroup(nowMs: number): void {
    this.#sender?.restartGroup(nowMs);
  }

  pingSent(nonce: bigint, nowMs: number): void {
    this.#size.pingSent(nonce, nowMs);
  }

  /** @returns false when not even the smallest datagrams arrive. */
  pong(nonce: bigint, largestSeenBytes: number, nowMs: number): boolean {
    const verdict = this.#size.pong(nonce, largestSeenBytes, nowMs);
    if (verdict === 'stepDown') this.#resize('datagramSizeStepsDown', nowMs);
    return verdict !== 'tooSmall';
  }

  /** The operating system refused a datagram of this size. */
  tooLarge(bytes: number, nowMs: number): void {
    if (this.#size.emsgsize(bytes) === 'stepDown') this.#resize('datagramSizeStepsDown', nowMs);
  }

  /** Passes on what the sender counted since the last time. */
  #count(): void {
    if (this.#sender === undefined) return;
    const { counters } = this.#sender;
    const { counters: total } = this.#host;
    this.#counted ??= { repaired: 0, refused: 0, tailProbes: 0, tooLarge: 0, jumps: 0 };
    const before = this.#counted;
    const refused = counters.repairRefusedBudget + counters.repairUnknown;
    total.add('mediaRepaired', counters.repairedDatagrams - before.repaired);
    total.add('mediaRepairRefused', refused - before.refused);
    total.add('mediaTailProbes', counters.tailProbes - before.tailProbes);
    total.add('mediaTooLarge', counters.droppedTooLarge - before.tooLarge);
    total.add('mediaJumps', counters.jumps - before.jumps);
    before.repaired = counters.repairedDatagrams;
    before.refused = refused;
    before.tailProbes = counters.tailProbes;
    before.tooLarge = counters.droppedTooLarge;
    before.jumps = counters.jumps;
  }

  #resize(counter: 'datagramSizeStepsDown' | 'datagramSizeStepsUp', nowMs: number): void {
    this.#host.counters.add(counter);
    this.#sender?.setDatagramBytesMax(this.#packetBytesMax, nowMs);
  }

  /** What the datagram size leaves for a packet. */
  get #packetBytesMax(): number {
    return this.#size.current - (this.#protection?.overheadBytes ?? 0);
  }
}
