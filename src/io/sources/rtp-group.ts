import { isVcl, NalType } from '../../media/h264.ts';
import { rtpPayloadRange, rtpTimestamp } from '../../media/rtp.ts';

const FU_START = 0x80;

/**
 * Finds where groups of pictures begin in H.264 RTP packets (RFC 6184): at the first packet of an access unit that has an SPS or an
 * IDR slice in it. Parameter sets that come under a timestamp of their own belong to the picture after them.
 *
 * Picks up the newest SPS and PPS on the way.
 */
export class RtpGroupFinder {
  #sps: Uint8Array | undefined;
  #pps: Uint8Array | undefined;
  #groupTimestamp: number | undefined;
  #sliceSeen = true;

  /** SPS and PPS as last seen; empty until both came. */
  get parameterSets(): readonly Uint8Array[] {
    return this.#sps === undefined || this.#pps === undefined ? [] : [this.#sps, this.#pps];
  }

  /** Takes the next packet; true if a group begins with it. */
  push(packet: Uint8Array): boolean {
    const range = rtpPayloadRange(packet);
    if (range === undefined) return false;
    let start = false;
    let slice = false;
    for (const { type, from, to } of nalsOf(packet, range.start, range.end)) {
      start ||= type === NalType.sps || type === NalType.idr;
      slice ||= isVcl(type);
      if (type === NalType.sps && from < to) this.#sps = Uint8Array.from(packet.subarray(from, to));
      if (type === NalType.pps && from < to) this.#pps = Uint8Array.from(packet.subarray(from, to));
    }
    const timestamp = rtpTimestamp(packet);
    const begins = start && this.#sliceSeen && timestamp !== this.#groupTimestamp;
    if (begins) {
      this.#groupTimestamp = timestamp;
      this.#sliceSeen = false;
    }
    this.#sliceSeen ||= slice;
    return begins;
  }
}

/** Where a NAL unit lies in a packet; empty for a fragment. */
interface NalRange {
  readonly type: number;
  readonly from: number;
  readonly to: number;
}

/** NAL units that begin in a payload, as far as its lengths make sense. */
function* nalsOf(packet: Uint8Array, start: number, end: number): Generator<NalRange> {
  const type = typeAt(packet, start, end);
  if (type === NalType.fuA) {
    const header = start + 1 < end ? (packet[start + 1] ?? 0) : 0;
    if ((header & FU_START) !== 0) yield { type: header & 0x1f, from: start, to: start };
  } else if (type === NalType.stapA) {
    for (let offset = start + 1; offset + 2 < end; ) {
      const size = ((packet[offset] ?? 0) << 8) | (packet[offset + 1] ?? 0);
      offset += 2;
      if (size === 0 || offset + size > end) return;
      yield { type: typeAt(packet, offset, end), from: offset, to: offset + size };
      offset += size;
    }
  } else if (start < end) {
    yield { type, from: start, to: end };
  }
}

function typeAt(packet: Uint8Array, offset: number, end: number): number {
  return offset < end ? (packet[offset] ?? 0) & 0x1f : 0;
}
