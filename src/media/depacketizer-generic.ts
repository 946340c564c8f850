import { type DeliverFrame, type Depacketizer, ReassemblyBuffer } from './depacketizer.ts';
import { GENERIC_HEADER_BYTES, readGenericHeader } from './generic-payload.ts';
import { type ReceiveCounters, receiveCounters } from './receive-stats.ts';
import { rtpMarker, rtpPayloadRange, rtpTimestamp } from './rtp.ts';

/** Frame numbers that are further apart than this say nothing of each other: the source began anew. */
export const FRAME_NUMBER_STEP_MAX = 1024;

/**
 * Generic frames (docs/PROTOCOL.md, section 8). Each needs no other: it is decodable if all its fragments are there, one after the
 * other, the last with the marker. Frame numbers tell frames that were lost altogether, and frames that were sent again.
 */
export class GenericDepacketizer implements Depacketizer {
  private readonly counters: ReceiveCounters;
  private readonly deliver: DeliverFrame;
  private readonly bytesMax: number;
  private readonly buffer: ReassemblyBuffer;
  private open = false;
  private damaged = false;
  private repeated = false;
  private frameNumber = 0;
  private fragmentCount = 0;
  private nextIndex = 0;
  private timestamp = 0;
  private arrivedAtMs = 0;
  private newestNumber: number | undefined;
  private deliveredNumber: number | undefined;

  /**
   * @param counters counts here, shared with the caller.
   * @param bytesMax most bytes of one frame.
   */
  constructor(counters: ReceiveCounters, deliver: DeliverFrame, bytesMax: number) {
    this.counters = counters;
    this.deliver = deliver;
    this.bytesMax = bytesMax;
    this.buffer = new ReassemblyBuffer(bytesMax);
  }

  trial(deliver: DeliverFrame): GenericDepacketizer {
    return new GenericDepacketizer(receiveCounters(), deliver, this.bytesMax);
  }

  lost(): void {
    this.damaged = true;
  }

  push(datagram: Uint8Array, arrivedAtMs: number): void {
    const range = rtpPayloadRange(datagram);
    if (range === undefined || range.start === range.end) return;
    const header = readGenericHeader(datagram, range.start, range.end);
    const marker = rtpMarker(datagram);
    if (header === undefined || marker !== (header.fragmentIndex === header.fragmentCount - 1)) {
      this.counters.malformedPayloads++;
      this.damaged = true;
      return;
    }
    const timestamp = rtpTimestamp(datagram);
    if (this.open && (header.frameNumber !== this.frameNumber || header.fragmentIndex === 0)) this.close();
    if (!this.open) this.begin(header.frameNumber, header.fragmentCount, timestamp);
    if (header.fragmentIndex !== this.nextIndex || header.fragmentCount !== this.fragmentCount) this.damaged = true;
    if (timestamp !== this.timestamp) this.damaged = true;
    this.nextIndex++;
    this.arrivedAtMs = Math.max(this.arrivedAtMs, arrivedAtMs);
    const useful = !this.damaged && !this.repeated;
    if (useful && !this.buffer.append(datagram, range.start + GENERIC_HEADER_BYTES, range.end)) this.damaged = true;
    if (marker) this.close();
  }

  end(): void {
    if (this.open) this.close();
  }

  private begin(frameNumber: number, fragmentCount: number, timestamp: number): void {
    const ahead = numberDistance(frameNumber, this.deliveredNumber);
    this.repeated = ahead !== undefined && ahead <= 0;
    const step = numberDistance(frameNumber, this.newestNumber);
    if (step !== undefined && step > 1) this.counters.framesIncomplete += step - 1;
    if (step === undefined || step > 0) this.newestNumber = frameNumber;
    this.open = true;
    this.damaged = false;
    this.frameNumber = frameNumber;
    this.fragmentCount = fragmentCount;
    this.nextIndex = 0;
    this.timestamp = timestamp;
    this.arrivedAtMs = 0;
    this.buffer.clear();
  }

  private close(): void {
    this.open = false;
    if (this.repeated) {
      this.counters.framesRepeated++;
      return;
    }
    if (this.damaged || this.nextIndex !== this.fragmentCount) {
      this.counters.framesIncomplete++;
      return;
    }
    this.deliveredNumber = this.frameNumber;
    this.deliver({
      payload: this.buffer.copy(),
      timestamp: this.timestamp,
      keyframe: true,
      decodable: true,
      completedAtMs: this.arrivedAtMs,
    });
  }
}

/** How far `later` is ahead on the 32-bit circle, `undefined` if the two have nothing to do with each other. */
function numberDistance(later: number, earlier: number | undefined): number | undefined {
  if (earlier === undefined) return undefined;
  const distance = (later - earlier) | 0;
  return Math.abs(distance) <= FRAME_NUMBER_STEP_MAX ? distance : undefined;
}
