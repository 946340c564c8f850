import { createSocket, type Socket } from 'node:dgram';
import type { Peer } from '../../src/engine/io-types.ts';
import { Prng } from '../../src/sim/prng.ts';

/** What a link does to datagrams; each fraction is drawn per datagram, 0..1. */
export interface LinkFaults {
  /** Fraction lost. */
  readonly loss?: number;
  /** Each datagram is held back for a time drawn from this range, in ms. */
  readonly delayMs?: readonly [least: number, most: number];
  /** Fraction delivered twice. */
  readonly duplicate?: number;
  /** Fraction with one bit turned over. */
  readonly corrupt?: number;
  /** Fraction held back by further 5 to 20 ms, so that later ones overtake them. */
  readonly reorder?: number;
}

/** Which way a datagram goes. */
export type Direction = 'toCamera' | 'toViewer';

/** One datagram at the relay. */
export interface TapRecord {
  /** Monotonic ms. */
  readonly atMs: number;
  readonly direction: Direction;
  /** It came in, or was handed to the socket that sends it on. What is lost comes in only. */
  readonly at: 'arrived' | 'left';
  /** Which viewer: 0 for the first that was seen. */
  readonly lane: number;
  readonly bytes: Uint8Array;
}

/** How to set up a relay. */
export interface RelayOptions {
  /** Where datagrams of viewers go. */
  readonly camera: Peer;
  /** The same seed makes the same decisions for the n-th datagram of a lane and direction. */
  readonly seed: number;
  readonly toCamera?: LinkFaults;
  readonly toViewer?: LinkFaults;
}

const TAP_BYTES_MAX = 256 * 1024 * 1024;
const TAP_RECORDS_MAX = 500_000;
const HELD_MAX = 8192;
const LANES_MAX = 1024;
const REORDER_MS = [5, 20] as const;

interface Lane {
  readonly number: number;
  readonly viewer: Peer;
  readonly toCamera: Socket;
  readonly bound: Promise<void>;
  readonly random: Readonly<Record<Direction, Prng>>;
  readonly tap: TapRecord[];
}

/**
 * A UDP relay on loopback that makes the way worse, reproducibly, and writes down every datagram. Viewers send to
 * {@link address}; each has a port of its own towards the camera, so that their tuples stay distinct there. Memory is bounded:
 * what is beyond the tap's limits is counted in {@link tapOverflow}, what is beyond those of the held datagrams is lost.
 */
export class UdpRelay {
  /** Everything so far, in order. What leaves is written down before it is handed to the socket, so that causes come first. */
  readonly tap: TapRecord[] = [];
  /** Datagrams that were not written down because the tap was full. */
  tapOverflow = 0;
  /** Nothing passes any more while it is true: the peers are cut off from each other. */
  severed = false;
  readonly #options: RelayOptions;
  readonly #front: Socket;
  readonly #lanes = new Map<string, Lane>();
  readonly #held = new Set<NodeJS.Timeout>();
  #tapBytes = 0;
  #closed = false;

  private constructor(options: RelayOptions, front: Socket) {
    this.#options = options;
    this.#front = front;
    front.on('message', (bytes, { address, port }) => {
      const lane = this.#laneOf({ address, port });
      if (lane !== undefined) this.#arrived('toCamera', lane, bytes);
    });
    front.on('error', () => {});
  }

  /** Opens a relay on a free port of 127.0.0.1. */
  static async open(options: RelayOptions): Promise<UdpRelay> {
    const front = createSocket('udp4');
    await bound(front);
    return new UdpRelay(options, front);
  }

  /** Where viewers send to. */
  get address(): string {
    const { address, port } = this.#front.address();
    return `${address}:${port}`;
  }

  /** Ports towards the camera, in order of the lanes. */
  get cameraSidePorts(): readonly number[] {
    return [...this.#lanes.values()].map(({ toCamera }) => toCamera.address().port);
  }

  /** What the tap saw of the viewer that sent a datagram which matches; empty if none did. */
  laneWhere(match: (bytes: Uint8Array) => boolean): readonly TapRecord[] {
    const lanes = [...this.#lanes.values()];
    return (
      lanes.find(({ tap }) => tap.some(({ direction, bytes }) => direction === 'toCamera' && match(bytes)))?.tap ?? []
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#held) clearTimeout(timer);
    const lanes = [...this.#lanes.values()];
    await Promise.all(lanes.map(async (lane) => lane.bound.then(() => closed(lane.toCamera))));
    await closed(this.#front);
  }

  #laneOf(viewer: Peer): Lane | undefined {
    const key = `${viewer.address} ${viewer.port}`;
    const known = this.#lanes.get(key);
    if (known !== undefined || this.#lanes.size >= LANES_MAX) return known;
    const number = this.#lanes.size;
    const { seed } = this.#options;
    const toCamera = createSocket('udp4');
    const random = { toCamera: new Prng(seed, 2 * number), toViewer: new Prng(seed, 2 * number + 1) };
    const lane: Lane = { number, viewer, toCamera, bound: bound(toCamera), random, tap: [] };
    toCamera.on('message', (bytes) => this.#arrived('toViewer', lane, bytes));
    toCamera.on('error', () => {});
    this.#lanes.set(key, lane);
    return lane;
  }

  #arrived(direction: Direction, lane: Lane, bytes: Uint8Array): void {
    this.#note('arrived', direction, lane, bytes);
    const random = lane.random[direction];
    const { loss = 0, delayMs, duplicate = 0, corrupt = 0, reorder = 0 } = this.#options[direction] ?? {};
    // Always the same number of draws, so that one decision does not shift those behind it.
    const [lost, twice, damaged, overtaken] = [loss, duplicate, corrupt, reorder].map((chance) =>
      random.chance(chance),
    );
    const [place, wait, furtherWait] = [random.unit(), random.unit(), random.unit()];
    if (lost || this.severed) return;
    const sent = damaged ? turned(bytes, place) : bytes;
    const base = delayMs === undefined ? 0 : delayMs[0] + wait * (delayMs[1] - delayMs[0]);
    const further = overtaken ? REORDER_MS[0] + furtherWait * (REORDER_MS[1] - REORDER_MS[0]) : 0;
    for (let copy = 0; copy < (twice ? 2 : 1); copy++) this.#pass(direction, lane, sent, base + further + copy);
  }

  #pass(direction: Direction, lane: Lane, bytes: Uint8Array, waitMs: number): void {
    if (waitMs < 1) return this.#leave(direction, lane, bytes);
    if (this.#held.size >= HELD_MAX) return;
    const timer = setTimeout(() => {
      this.#held.delete(timer);
      this.#leave(direction, lane, bytes);
    }, waitMs);
    this.#held.add(timer);
  }

  #leave(direction: Direction, lane: Lane, bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#note('left', direction, lane, bytes);
    if (direction === 'toViewer') this.#front.send(bytes, lane.viewer.port, lane.viewer.address);
    else this.#toCamera(lane, bytes);
  }

  /** dgram queues what comes before the port is bound. */
  #toCamera(lane: Lane, bytes: Uint8Array): void {
    const { address, port } = this.#options.camera;
    lane.toCamera.send(bytes, port, address);
  }

  #note(at: TapRecord['at'], direction: Direction, lane: Lane, bytes: Uint8Array): void {
    if (this.tap.length >= TAP_RECORDS_MAX || this.#tapBytes + bytes.length > TAP_BYTES_MAX) {
      this.tapOverflow++;
      return;
    }
    // The bytes are shared by both records of a datagram.
    if (at === 'arrived') this.#tapBytes += bytes.length;
    const record = { atMs: performance.now(), direction, at, lane: lane.number, bytes };
    this.tap.push(record);
    lane.tap.push(record);
  }
}

function turned(bytes: Uint8Array, place: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  const bit = Math.floor(place * 8 * copy.length);
  const index = bit >> 3;
  if (index < copy.length) copy[index] = (copy[index] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function bound(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      socket.off('error', reject);
      socket.setRecvBufferSize(4 * 1024 * 1024);
      resolve();
    });
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.close(resolve);
  });
}
