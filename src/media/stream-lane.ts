/** Datagrams of a frame that are due together, unless one burst each {@link MEDIA_SLOT_MS} would not be enough. */
export const FRAME_BURST_DATAGRAMS = 4;
/** Bursts but a frame's first are due at whole multiples of this time, in ms, so that those of many streams leave together. */
export const MEDIA_SLOT_MS = 1;

/** Stands for a datagram that is no longer kept. */
const gone = new Uint8Array(0);

/** When the datagrams of a frame are due. */
export interface FramePace {
  /** Its first burst is due now, monotonic ms. */
  readonly nowMs: number;
  /** Over how long its bursts are spread, in ms. */
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
  readonly #freed: ((memory: ArrayBufferLike) => void) | undefined;
  #datagrams: Uint8Array[] = [];
  #dueMs: number[] = [];
  #frames: number[] = [];
  /** Index of the first place in the arrays; those before the base are given up. */
  #origin = 0;
  #base = 0;
  #group = -1;
  #nextFrame: number;

  /**
   * @param nextFrame number of the frame that will be appended first.
   * @param freed is told of the memory of each frame of which nothing is kept any more; its datagrams have it in common.
   */
  constructor(datagramBytesMax: number, keptMin: number, nextFrame: number, freed?: (memory: ArrayBufferLike) => void) {
    this.#freed = freed;
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
    return this.#origin + this.#datagrams.length;
  }

  /** Index of the first datagram of the newest decodable group, -1 when none is kept. */
  get group(): number {
    return this.#group;
  }

  /** Number of the oldest frame of which anything is kept, or else of the next. */
  get firstFrame(): number {
    return this.frameOf(this.#base);
  }

  /** The datagram at an index; `undefined` for one not kept or not there yet. Belongs to the log: copy before writing. */
  at(index: number): Uint8Array | undefined {
    return index < this.#base ? undefined : this.#datagrams[index - this.#origin];
  }

  /** When the datagram at an index is due, monotonic ms. */
  dueMs(index: number): number {
    return (index < this.#base ? undefined : this.#dueMs[index - this.#origin]) ?? Number.POSITIVE_INFINITY;
  }

  /** Number of the frame that an index belongs to; the next frame's at the end. */
  frameOf(index: number): number {
    return (index < this.#base ? undefined : this.#frames[index - this.#origin]) ?? this.#nextFrame;
  }

  /** A frame begins at this index, so far as is known: its predecessor is of another frame. */
  beginsFrame(index: number): boolean {
    return index === this.#base ? index === this.#group : this.frameOf(index - 1) !== this.frameOf(index);
  }

  /** Index of the first kept datagram of this frame or a later one. */
  startOfFrame(frame: number): number {
    let low = this.#base - this.#origin;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#frames[middle] ?? 0) < frame) low = middle + 1;
      else high = middle;
    }
    return this.#origin + low;
  }

  /** Adds a frame's datagrams; a keyframe begins a new group. */
  append(frame: number, datagrams: readonly Uint8Array[], keyframe: boolean, pace: FramePace): void {
    // What the source lost before a keyframe is no part of the new group.
    if (keyframe) this.#group = this.next + (datagrams[0]?.length === 0 ? 1 : 0);
    this.#evict();
    const bursts = burstsOf(datagrams.length, pace.spreadMs);
    datagrams.forEach((datagram, index) => {
      this.#datagrams.push(datagram);
      this.#dueMs.push(burstDueMs(Math.floor((index * bursts) / datagrams.length), bursts, pace));
      this.#frames.push(frame);
    });
    this.#nextFrame = frame + 1;
  }

  /** The group has become too large to be kept. */
  forgetGroup(): void {
    this.#group = -1;
  }

  #free(from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const memory = this.#datagrams[at]?.buffer;
      if (memory !== undefined && memory !== this.#datagrams[at + 1]?.buffer) this.#freed?.(memory);
    }
  }

  #evict(): void {
    const beforeGroup = (this.#group < 0 ? this.next : this.#group) - this.#base;
    const excess = Math.min(this.next - this.#base - this.#keptMin, beforeGroup);
    if (excess <= 0) return;
    const from = this.#base - this.#origin;
    if (this.#freed !== undefined) this.#free(from, from + excess);
    this.#datagrams.fill(gone, from, from + excess);
    this.#base += excess;
    // Places are given up by the half, so that each is moved once on average.
    const free = this.#base - this.#origin;
    if (2 * free < this.#datagrams.length) return;
    this.#datagrams.splice(0, free);
    this.#dueMs.splice(0, free);
    this.#frames.splice(0, free);
    this.#origin = this.#base;
  }
}

/** How many bursts a frame leaves in: no two of them in one slot. */
function burstsOf(datagrams: number, spreadMs: number): number {
  const wanted = Math.ceil(datagrams / FRAME_BURST_DATAGRAMS);
  return Math.max(1, Math.min(wanted, Math.floor(spreadMs / MEDIA_SLOT_MS)));
}

function burstDueMs(burst: number, bursts: number, { nowMs, spreadMs }: FramePace): number {
  if (burst === 0) return nowMs;
  return Math.floor((nowMs + (spreadMs * burst) / bursts) / MEDIA_SLOT_MS) * MEDIA_SLOT_MS;
}
