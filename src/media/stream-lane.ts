/** Datagrams of a frame that are due at once; the rest are spread. */
export const FRAME_BURST_DATAGRAMS = 4;

/** When the datagrams of a frame are due. */
export interface FramePace {
  /** Its first datagrams are due now, monotonic ms. */
  readonly nowMs: number;
  /** Over how long the others are spread, in ms. */
  readonly spreadMs: number;
}

/**
 * A log of a stream's datagrams, cut for one datagram size. Every datagram has an absolute index, which grows by one and is never
 * used twice, and a due time. An empty datagram stands for one that the source lost: readers pass it by, and leave its
 * sequence number out, so that the receiver sees the loss.
 *
 * What is kept: the newest decodable group, and in any case the newest `keptMin` datagrams before the newest frame.
 */
export class StreamLane {
  /** No datagram is larger; infinite for pass-through. */
  readonly datagramBytesMax: number;
  readonly #keptMin: number;
  #datagrams: Uint8Array[] = [];
  #dueMs: number[] = [];
  #frames: number[] = [];
  #base = 0;
  #group = -1;
  #nextFrame: number;

  /** @param nextFrame number of the frame that will be appended first. */
  constructor(datagramBytesMax: number, keptMin: number, nextFrame: number) {
    this.datagramBytesMax = datagramBytesMax;
    this.#keptMin = keptMin;
    this.#nextFrame = nextFrame;
  }

  /** Index of the oldest datagram kept. */
  get base(): number {
    return this.#base;
  }

  /** Index that the next datagram will get. */
  get next(): number {
    return this.#base + this.#datagrams.length;
  }

  /** Index of the first datagram of the newest decodable group, -1 when none is kept. */
  get group(): number {
    return this.#group;
  }

  /** Number of the oldest frame of which anything is kept, or else of the next. */
  get firstFrame(): number {
    return this.#frames[0] ?? this.#nextFrame;
  }

  /** The datagram at an index; `undefined` for one not kept or not there yet. Belongs to the log: copy before writing. */
  at(index: number): Uint8Array | undefined {
    return this.#datagrams[index - this.#base];
  }

  /** When the datagram at an index is due, monotonic ms. */
  dueMs(index: number): number {
    return this.#dueMs[index - this.#base] ?? Number.POSITIVE_INFINITY;
  }

  /** Number of the frame that an index belongs to; the next frame's at the end. */
  frameOf(index: number): number {
    return this.#frames[index - this.#base] ?? this.#nextFrame;
  }

  /** A frame begins at this index, so far as is known: its predecessor is of another frame. */
  beginsFrame(index: number): boolean {
    return index === this.#base ? index === this.#group : this.frameOf(index - 1) !== this.frameOf(index);
  }

  /** Index of the first kept datagram of this frame or a later one. */
  startOfFrame(frame: number): number {
    let low = 0;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#frames[middle] ?? 0) < frame) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  /** Adds a frame's datagrams; a keyframe begins a new group. */
  append(frame: number, datagrams: readonly Uint8Array[], keyframe: boolean, pace: FramePace): void {
    // What the source lost before a keyframe is no part of the new group.
    if (keyframe) this.#group = this.next + (datagrams[0]?.length === 0 ? 1 : 0);
    this.#evict();
    const spreadOver = datagrams.length - FRAME_BURST_DATAGRAMS;
    datagrams.forEach((datagram, index) => {
      const late = Math.max(0, index + 1 - FRAME_BURST_DATAGRAMS);
      this.#datagrams.push(datagram);
      this.#dueMs.push(pace.nowMs + (late === 0 ? 0 : (pace.spreadMs * late) / spreadOver));
      this.#frames.push(frame);
    });
    this.#nextFrame = frame + 1;
  }

  /** The group has become too large to be kept. */
  forgetGroup(): void {
    this.#group = -1;
  }

  #evict(): void {
    const beforeGroup = (this.#group < 0 ? this.next : this.#group) - this.#base;
    const excess = Math.min(this.#datagrams.length - this.#keptMin, beforeGroup);
    if (excess <= 0) return;
    this.#datagrams.splice(0, excess);
    this.#dueMs.splice(0, excess);
    this.#frames.splice(0, excess);
    this.#base += excess;
  }
}
