import { DecodableChain, type UnitContent } from './decodable-chain.ts';
import { type DeliverFrame, type Depacketizer, ReassemblyBuffer } from './depacketizer.ts';
import { annexBStartCodeBytes, isVcl, NalType } from './h264.ts';
import { type ReceiveCounters, receiveCounters } from './receive-stats.ts';
import { rtpMarker, rtpPayloadRange, rtpTimestamp } from './rtp.ts';

const FU_HEADERS_BYTES = 2;
const NAL_TYPE_MAX = 23;

/**
 * H.264 from RTP (RFC 6184): single NAL unit packets, STAP-A and FU-A, the packet kinds of packetization modes 0 and 1.
 *
 * An access unit is what has one timestamp, up to the marker. It is whole if nothing in it is missing or malformed and its
 * start is known: nothing was lost right before it, or the one lost datagram was the end of the unit before, or it begins with
 * an access unit delimiter, or with a sequence parameter set in a stream that showed no delimiter yet. Otherwise the loss may
 * have taken its beginning.
 */
export class H264Depacketizer implements Depacketizer {
  private readonly counters: ReceiveCounters;
  private readonly deliver: DeliverFrame;
  private readonly bytesMax: number;
  private readonly buffer: ReassemblyBuffer;
  private readonly chain = new DecodableChain();
  private delimiterSeen = false;
  private markerSeen = false;
  /** Datagrams lost since the last one that had a payload or ended a unit. */
  private gap = 0;
  private open = false;
  private damaged = false;
  private timestamp = 0;
  private arrivedAtMs = 0;
  /** Type of the NAL unit whose fragments are being joined, 0 for none. */
  private fragmentedType = 0;
  private unitCount = 0;
  private picture = false;
  private idr = false;
  private sps = false;
  private pps = false;

  /**
   * @param counters counts here, shared with the caller.
   * @param bytesMax most bytes of one access unit.
   */
  constructor(counters: ReceiveCounters, deliver: DeliverFrame, bytesMax: number) {
    this.counters = counters;
    this.deliver = deliver;
    this.bytesMax = bytesMax;
    this.buffer = new ReassemblyBuffer(bytesMax);
  }

  trial(deliver: DeliverFrame): H264Depacketizer {
    const trial = new H264Depacketizer(receiveCounters(), deliver, this.bytesMax);
    trial.delimiterSeen = this.delimiterSeen;
    return trial;
  }

  lost(count: number): void {
    this.gap += count;
    this.chain.lost();
  }

  push(datagram: Uint8Array, arrivedAtMs: number): void {
    const range = rtpPayloadRange(datagram);
    if (range === undefined) return;
    const { start, end } = range;
    const timestamp = rtpTimestamp(datagram);
    const marker = rtpMarker(datagram);
    if (this.open && timestamp !== this.timestamp) {
      if (this.gap === 1 && (this.fragmentedType !== 0 || this.markerSeen)) {
        this.damaged = true;
        this.gap = 0;
      }
      this.close(this.gap === 0);
    }
    if (start < end) {
      const firstType = firstNalType(datagram, start, end);
      if (this.open && startsUnit(firstType) && (this.picture || this.damaged)) this.close(this.gap === 0);
      if (this.open) this.damaged ||= this.gap > 0;
      else this.begin(timestamp, firstType);
      this.gap = 0;
      this.arrivedAtMs = Math.max(this.arrivedAtMs, arrivedAtMs);
      if (!this.damaged && !this.take(datagram, start, end)) {
        this.damaged = true;
        this.counters.malformedPayloads++;
      }
    }
    if (marker) {
      this.markerSeen = true;
      if (this.open) this.close(this.gap === 0);
      this.gap = 0;
    }
  }

  end(): void {
    if (this.open) this.close(false);
  }

  private begin(timestamp: number, firstType: number): void {
    const startKnown =
      this.gap === 0 || firstType === NalType.accessUnitDelimiter || (firstType === NalType.sps && !this.delimiterSeen);
    this.open = true;
    this.damaged = !startKnown;
    this.timestamp = timestamp;
    this.arrivedAtMs = 0;
    this.fragmentedType = 0;
    this.unitCount = 0;
    this.picture = false;
    this.idr = false;
    this.sps = false;
    this.pps = false;
    this.buffer.clear();
  }

  private close(ended: boolean): void {
    this.open = false;
    if (!ended || this.damaged || this.fragmentedType !== 0) {
      if (this.chain.incomplete(this.timestamp)) this.counters.framesRepeated++;
      else this.counters.framesIncomplete++;
      return;
    }
    const { timestamp, picture, idr } = this;
    const content: UnitContent = { timestamp, picture, idr, parameterSets: this.sps && this.pps };
    const verdict = this.chain.complete(content);
    if (verdict === 'repeated') {
      this.counters.framesRepeated++;
      return;
    }
    this.deliver({
      payload: this.buffer.copy(),
      timestamp,
      keyframe: verdict === 'keyframe',
      decodable: verdict !== 'undecodable',
      completedAtMs: this.arrivedAtMs,
    });
  }

  /** Adds a payload of at least one byte to the open access unit; false if it cannot be part of one. */
  private take(datagram: Uint8Array, start: number, end: number): boolean {
    const type = (datagram[start] ?? 0) & 0x1f;
    if (type === NalType.fuA) return this.takeFragment(datagram, start, end);
    if (this.fragmentedType !== 0) return false;
    if (type === NalType.stapA) return this.takeAggregate(datagram, start + 1, end);
    return this.beginNal(datagram[start] ?? 0) && this.buffer.append(datagram, start + 1, end);
  }

  private takeAggregate(datagram: Uint8Array, start: number, end: number): boolean {
    let offset = start;
    do {
      const size = ((datagram[offset] ?? 0) << 8) | (datagram[offset + 1] ?? 0);
      offset += 2;
      if (size === 0 || offset + size > end || !this.beginNal(datagram[offset] ?? 0)) return false;
      if (!this.buffer.append(datagram, offset + 1, offset + size)) return false;
      offset += size;
    } while (offset < end);
    return true;
  }

  private takeFragment(datagram: Uint8Array, start: number, end: number): boolean {
    if (end - start <= FU_HEADERS_BYTES) return false;
    const header = datagram[start + 1] ?? 0;
    const type = header & 0x1f;
    const first = (header & 0x80) !== 0;
    const last = (header & 0x40) !== 0;
    if (first) {
      if (last || this.fragmentedType !== 0) return false;
      if (!this.beginNal(((datagram[start] ?? 0) & 0xe0) | type)) return false;
      this.fragmentedType = type;
    } else if (this.fragmentedType === 0 || this.fragmentedType !== type) {
      return false;
    }
    if (last) this.fragmentedType = 0;
    return this.buffer.append(datagram, start + FU_HEADERS_BYTES, end);
  }

  /** Writes start code and NAL unit header; false for types that stand for no NAL unit here, and for lack of room. */
  private beginNal(header: number): boolean {
    const type = header & 0x1f;
    if (type === 0 || type > NAL_TYPE_MAX) return false;
    this.picture ||= isVcl(type);
    this.idr ||= type === NalType.idr;
    this.sps ||= type === NalType.sps;
    this.pps ||= type === NalType.pps;
    this.delimiterSeen ||= type === NalType.accessUnitDelimiter;
    const zeros = annexBStartCodeBytes(type, this.unitCount++ === 0) - 1;
    return this.buffer.appendByte(zeros, 1) && this.buffer.appendByte(0, header);
  }
}

/** Type of the NAL unit that a payload begins with, 0 if it begins amid one. */
function firstNalType(datagram: Uint8Array, start: number, end: number): number {
  const type = (datagram[start] ?? 0) & 0x1f;
  if (type === NalType.stapA) return start + 3 < end ? (datagram[start + 3] ?? 0) & 0x1f : 0;
  if (type !== NalType.fuA) return type;
  const header = start + 1 < end ? (datagram[start + 1] ?? 0) : 0;
  return (header & 0x80) !== 0 ? header & 0x1f : 0;
}

/** An access unit delimiter or a sequence parameter set, behind a picture, begins the next access unit (H.264, 7.4.1.2.3). */
function startsUnit(type: number): boolean {
  return type === NalType.accessUnitDelimiter || type === NalType.sps;
}
