import type { ReceivedFrame } from './access-unit.ts';

/** Most bytes of one frame while it is put together; a larger one counts as incomplete. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/** Takes the frames that a depacketizer completes, in order. */
export type DeliverFrame = (frame: ReceivedFrame) => void;

/** Makes frames of one format from a session's datagrams. Never throws, whatever they hold. */
export interface Depacketizer {
  /** So many datagrams right before the next one, of whatever payload type, were given up. */
  lost(count: number): void;
  /** Takes the next datagram in sequence, well-formed RTP, and when it arrived (monotonic ms). Keeps no reference to it. */
  push(datagram: Uint8Array, arrivedAtMs: number): void;
  /** The session is over: a frame that is not whole by now never will be. */
  end(): void;
  /** A new one that takes the same things for the start of a frame, to try out datagrams that still wait behind a gap. */
  trial(deliver: DeliverFrame): Depacketizer;
}

const FIRST_BYTES = 16 * 1024;
const NO_BYTES = new Uint8Array(0);

/** Where the bytes of one frame are put together: grows by doubling up to a limit, and is used again for the next frame. */
export class ReassemblyBuffer {
  private readonly bytesMax: number;
  private bytes = NO_BYTES;
  private used = 0;

  /** @param bytesMax most bytes of one frame. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Makes room for the next frame. */
  clear(): void {
    this.used = 0;
  }

  /** Appends `source[start..end)`; false, with nothing written, if the frame becomes too large by it. */
  append(source: Uint8Array, start: number, end: number): boolean {
    if (!this.reserve(end - start)) return false;
    this.bytes.set(source.subarray(start, end), this.used);
    this.used += end - start;
    return true;
  }

  /** Appends `zeros` zero bytes and then `byte`; false, with nothing written, if the frame becomes too large by it. */
  appendByte(zeros: number, byte: number): boolean {
    if (!this.reserve(zeros + 1)) return false;
    this.bytes.fill(0, this.used, this.used + zeros);
    this.used += zeros;
    this.bytes[this.used++] = byte;
    return true;
  }

  /** A copy of what was appended. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.used);
  }

  private reserve(more: number): boolean {
    const needed = this.used + more;
    if (needed > this.bytesMax) return false;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.bytesMax, Math.max(needed, 2 * this.bytes.length, FIRST_BYTES)));
      grown.set(this.bytes.subarray(0, this.used));
      this.bytes = grown;
    }
    return true;
  }
}
