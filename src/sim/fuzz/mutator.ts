/**
 * Makes datagrams out of datagrams: knows where a control frame's header, TLVs and trailer are, and changes just enough of them
 * for the rest to stay right, so that a mutant gets past the checks that come before the one that it is about.
 */
import { u16At } from '../../codec/big-endian.ts';
import { crc32 } from '../../codec/crc.ts';
import { headerOffset } from '../../codec/header.ts';
import {
  CONTROL_BYTES_MAX,
  CONTROL_FIRST_BYTE,
  CRC_TRAILER_BYTES,
  HEADER_BYTES,
  SEALED_COUNTER_BYTES,
  SECURED_TRAILER_BYTES,
  TLV_HEADER_BYTES,
} from '../../protocol/constants.ts';
import { FrameFlag, FrameType } from '../../protocol/frame.ts';
import type { Prng } from '../prng.ts';

/** Longest mutant, in bytes: some are too long for a control frame. */
export const MUTANT_BYTES_MAX = 1280;
/** TLVs that a walk through a body goes past. */
const PLACES_MAX = 64;
/** Bases that are kept besides the first ones. */
export const LEARNT_MAX = 32;
/** A base becomes a mutant by up to so many changes. */
const CHANGES_MAX = 4;

/** Numbers at which lengths, counters and ids turn over. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0x100, 0x4b0, 0x7ffe, 0x7fff, 0x8000, 0xfffe, 0xffff];

/** Finishes a mutant in place: trailers that need keys. @returns false to leave it to the mutator's own CRC. */
export type Finish = (mutant: Uint8Array) => boolean;

/** A source of mutants. One buffer is used for all of them: a mutant is gone when the next one is made. */
export class Mutator {
  readonly #buffer = new Uint8Array(2 * MUTANT_BYTES_MAX);
  /** By length; to make one each time would cost more than to change the bytes. */
  readonly #views: Uint8Array[] = [];
  readonly #bases: Uint8Array[];
  readonly #given: number;
  /** Whole TLVs of all bases, to be put into others. */
  readonly #tlvs: Uint8Array[];
  readonly #places = new Int32Array(PLACES_MAX + 1);
  readonly #finish: Finish | undefined;
  #length = 0;
  /** Before the TLVs: the header, of a sealed frame its counter too. */
  #bodyAt = HEADER_BYTES;
  #trailerBytes = CRC_TRAILER_BYTES;
  /** The announced length of the body stays wrong. */
  #lies = false;

  /**
   * @param bases whole datagrams; at least one.
   * @param finish default: a clear frame gets its CRC.
   */
  constructor(bases: readonly Uint8Array[], finish?: Finish) {
    if (bases.length === 0) throw new RangeError('a mutator needs a datagram to begin with');
    for (let length = 0; length <= MUTANT_BYTES_MAX; length++) this.#views.push(this.#buffer.subarray(0, length));
    this.#bases = [...bases];
    this.#given = bases.length;
    this.#finish = finish;
    this.#tlvs = bases.flatMap((base) => this.#tlvsOf(base));
  }

  /** One more base, of which the newest {@link LEARNT_MAX} are kept besides the first ones. The array must not change. */
  learn(base: Uint8Array): void {
    if (this.#bases.length - this.#given >= LEARNT_MAX) this.#bases.splice(this.#given, 1);
    this.#bases.push(base);
  }

  /** Forgets what it learnt. */
  forget(): void {
    this.#bases.length = this.#given;
  }

  /** The next mutant: valid only until the next one. */
  next(prng: Prng): Uint8Array {
    const base = this.#bases[prng.below(this.#bases.length)] ?? this.#buffer;
    this.#take(base);
    // One in 16 stays as it was: what a valid frame leads to is the ground for what comes after it.
    const changes = prng.below(16) === 0 ? 0 : 1 + prng.below(CHANGES_MAX);
    for (let change = 0; change < changes; change++) this.#change(prng);
    const dice = prng.u32();
    if (this.#length >= HEADER_BYTES + this.#trailerBytes && (dice & 15) !== 0) this.#repair((dice & 0xf0) !== 0);
    return this.#view();
  }

  /** The same, of a given base. */
  of(base: Uint8Array, prng: Prng): Uint8Array {
    this.#take(base);
    for (let change = prng.below(CHANGES_MAX); change >= 0; change--) this.#change(prng);
    if (this.#length >= HEADER_BYTES + this.#trailerBytes) this.#repair(true);
    return this.#view();
  }

  /** TLVs by themselves, such as those inside a sealed frame. */
  body(base: Uint8Array, prng: Prng): Uint8Array {
    this.#length = Math.min(base.length, CONTROL_BYTES_MAX);
    this.#buffer.set(base.subarray(0, this.#length));
    this.#bodyAt = 0;
    this.#trailerBytes = 0;
    this.#lies = true;
    for (let change = prng.below(CHANGES_MAX); change >= 0; change--) {
      if (prng.below(4) === 0) this.#changeAnywhere(prng);
      else this.#changeTlv(prng);
    }
    return this.#view();
  }

  #view(): Uint8Array {
    return this.#views[this.#length] ?? this.#buffer;
  }

  #take(base: Uint8Array): void {
    this.#length = Math.min(base.length, MUTANT_BYTES_MAX);
    this.#buffer.set(this.#length === base.length ? base : base.subarray(0, this.#length));
    const secured = ((base[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0;
    this.#trailerBytes = secured ? SECURED_TRAILER_BYTES : CRC_TRAILER_BYTES;
    this.#bodyAt =
      secured && isSealed(base[headerOffset.type] ?? 0) ? HEADER_BYTES + SEALED_COUNTER_BYTES : HEADER_BYTES;
    this.#lies = false;
  }

  #change(prng: Prng): void {
    if (this.#buffer[0] !== CONTROL_FIRST_BYTE) return this.#changeAnywhere(prng);
    const kind = prng.below(8);
    if (kind === 0) this.#changeHeader(prng);
    else if (kind < 3) this.#changeAnywhere(prng);
    else if (kind === 3) this.#changeFrame(prng);
    else this.#changeTlv(prng);
  }

  #changeHeader(prng: Prng): void {
    const buffer = this.#buffer;
    switch (prng.below(8)) {
      case 0:
        buffer[headerOffset.type] = prng.below(40);
        return;
      case 1:
        buffer[headerOffset.flags] = (buffer[headerOffset.flags] ?? 0) ^ (1 << prng.below(8));
        return;
      case 2:
        buffer[headerOffset.attempt] = prng.u32();
        return;
      case 3:
        buffer[headerOffset.version] = prng.below(4);
        return;
      case 4:
        return this.#fill(prng.below(2) === 0 ? headerOffset.streamIdZero : headerOffset.sessionTag, 8, prng);
      case 5:
        this.#lies = true;
        return this.#u16(headerOffset.bodyLength, edge(prng));
      case 6:
        this.#lies = true;
        return this.#u16(headerOffset.bodyLength, u16At(buffer, headerOffset.bodyLength) + prng.below(9) - 4);
      default:
        buffer[prng.below(HEADER_BYTES)] = prng.u32();
    }
  }

  #changeAnywhere(prng: Prng): void {
    if (this.#length === 0) return;
    const at = prng.below(this.#length);
    const buffer = this.#buffer;
    switch (prng.below(6)) {
      case 0:
        buffer[at] = (buffer[at] ?? 0) ^ (1 << prng.below(8));
        return;
      case 1:
        buffer[at] = edge(prng);
        return;
      case 2:
        return this.#u16(at, edge(prng));
      case 3:
        return this.#fill(at, 1 + prng.below(8), prng);
      case 4:
        return this.#remove(at, 1 + prng.below(prng.below(4) === 0 ? 64 : 4));
      default:
        return this.#insert(at, 1 + prng.below(prng.below(4) === 0 ? 64 : 4), prng);
    }
  }

  /** Of another frame a head or a tail; or its own end goes. */
  #changeFrame(prng: Prng): void {
    const other = this.#bases[prng.below(this.#bases.length)] ?? this.#buffer;
    switch (prng.below(3)) {
      case 0:
        // The ids and the type of one frame with the body of another.
        for (let at = 0; at < headerOffset.bodyLength; at++) this.#buffer[at] = other[at] ?? 0;
        return;
      case 1: {
        const at = prng.below(Math.min(this.#length, other.length) + 1);
        const end = Math.min(other.length, MUTANT_BYTES_MAX);
        this.#buffer.set(other.subarray(at, end), at);
        this.#length = end;
        return;
      }
      default:
        this.#length = prng.below(this.#length + 1);
    }
  }

  #changeTlv(prng: Prng): void {
    const count = this.#walk();
    const buffer = this.#buffer;
    const pick = prng.below(count + 1);
    const at = this.#places[pick] ?? 0;
    const end = pick < count ? (this.#places[pick + 1] ?? at) : at;
    const kind = prng.below(10);
    if (kind < 3 || end === at) return this.#insertTlv(at, kind, prng);
    switch (kind) {
      case 3:
        return this.#remove(at, end - at);
      case 4:
        return this.#u16(at + 2, edge(prng));
      case 5:
        return this.#u16(at + 2, u16At(buffer, at + 2) + prng.below(9) - 4);
      case 6:
        buffer[at] = (buffer[at] ?? 0) ^ 0x80;
        return;
      case 7:
        return this.#u16(at, prng.below(2) === 0 ? prng.below(24) : edge(prng));
      case 8: {
        // A value that is shorter or longer, and says so.
        const length = end - at - TLV_HEADER_BYTES;
        const to = Math.max(0, prng.below(2) === 0 ? length + prng.below(9) - 4 : prng.below(length + 65));
        if (to < length) this.#remove(at + TLV_HEADER_BYTES + to, length - to);
        else if (to > length) this.#insert(end, to - length, prng);
        return this.#u16(at + 2, to);
      }
      default:
        return this.#fill(at + TLV_HEADER_BYTES + prng.below(end - at), 1 + prng.below(4), prng);
    }
  }

  /** A TLV of any frame, or one of its own once more: where its type belongs, or where it happens to be. */
  #insertTlv(at: number, kind: number, prng: Prng): void {
    const tlv = this.#tlvs[prng.below(this.#tlvs.length)];
    if (tlv === undefined || this.#length + tlv.length > MUTANT_BYTES_MAX) return;
    const place = kind === 0 ? at : this.#placeOf(u16At(tlv, 0) & 0x7fff);
    this.#buffer.copyWithin(place + tlv.length, place, this.#length);
    this.#buffer.set(tlv, place);
    this.#length += tlv.length;
  }

  #placeOf(type: number): number {
    const count = this.#walk();
    for (let tlv = 0; tlv < count; tlv++) {
      const at = this.#places[tlv] ?? 0;
      if ((u16At(this.#buffer, at) & 0x7fff) >= type) return at;
    }
    return this.#places[count] ?? 0;
  }

  /** Where each TLV begins, and behind the last one the end. @returns how many there are. */
  #walk(): number {
    const end = this.#length - this.#trailerBytes;
    let count = 0;
    let at = Math.min(this.#bodyAt, this.#length);
    while (count < PLACES_MAX && at + TLV_HEADER_BYTES <= end) {
      const next = at + TLV_HEADER_BYTES + u16At(this.#buffer, at + 2);
      if (next > end) break;
      this.#places[count++] = at;
      at = next;
    }
    this.#places[count] = at;
    return count;
  }

  #u16(at: number, value: number): void {
    if (at + 2 > this.#length) return;
    this.#buffer[at] = value >> 8;
    this.#buffer[at + 1] = value;
  }

  #fill(at: number, count: number, prng: Prng): void {
    const end = Math.min(this.#length, at + count);
    for (let place = at; place < end; place++) this.#buffer[place] = prng.u32();
  }

  #remove(at: number, count: number): void {
    const removed = Math.min(count, this.#length - at);
    this.#buffer.copyWithin(at, at + removed, this.#length);
    this.#length -= removed;
  }

  #insert(at: number, count: number, prng: Prng): void {
    const inserted = Math.min(count, MUTANT_BYTES_MAX - this.#length);
    this.#buffer.copyWithin(at + inserted, at, this.#length);
    this.#length += inserted;
    if (prng.below(2) === 0) this.#buffer.fill(0, at, at + inserted);
    else this.#fill(at, inserted, prng);
  }

  /** The announced length, unless it is what was changed, and the trailer. @param trailer leave that as it is: false. */
  #repair(trailer: boolean): void {
    if (this.#buffer[0] !== CONTROL_FIRST_BYTE) return;
    if (!this.#lies) this.#u16(headerOffset.bodyLength, this.#length - HEADER_BYTES - this.#trailerBytes);
    if (!trailer || this.#finish?.(this.#view()) === true) return;
    if (((this.#buffer[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0) return;
    const end = this.#length - CRC_TRAILER_BYTES;
    const crc = crc32(this.#buffer, end);
    this.#u16(end, crc >>> 16);
    this.#u16(end + 2, crc & 0xffff);
  }

  #tlvsOf(base: Uint8Array): Uint8Array[] {
    if (base[0] !== CONTROL_FIRST_BYTE) return [];
    this.#take(base);
    const count = this.#walk();
    return Array.from({ length: count }, (_, tlv) => base.slice(this.#places[tlv] ?? 0, this.#places[tlv + 1] ?? 0));
  }
}

/** Whether a secured frame of this type has a counter before its TLVs. */
function isSealed(type: number): boolean {
  return type > FrameType.RETRY && type !== FrameType.RESET;
}

function edge(prng: Prng): number {
  return EDGES[prng.below(EDGES.length)] ?? 0;
}
