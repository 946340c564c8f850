import { isIPv6 } from 'node:net';
import { isLoopback } from '../config/address.ts';
import type { Peer } from '../engine/io-types.ts';
import type { LinkCounters } from '../sim/link.ts';
import type { LinkModel, LossReason } from '../sim/link-model.ts';
import { monotonicMs } from './clock.ts';
import type { SocketEvents } from './datagram-socket.ts';
import { DelayLine, type Lateness } from './delay-line.ts';
import { type Direction, directions, RelayLane, sumOf } from './relay-lane.ts';
import { UdpSocket } from './udp-socket.ts';

/** One datagram at a relay. */
export interface RelayRecord {
  /** Monotonic ms. */
  readonly atMs: number;
  readonly direction: Direction;
  /** It came in, or is handed to the socket that sends it on. What is lost comes in only. */
  readonly at: 'arrived' | 'left';
  /** Which viewer: 0 for the first that was seen. */
  readonly lane: number;
  /** Must not be changed. */
  readonly bytes: Uint8Array;
}

/** How to set up a relay. */
export interface UdpRelayOptions {
  /** Where datagrams of viewers go; a numeric address. */
  readonly camera: Peer;
  /** Where viewers send to; a numeric address, port 0 for any. Default 127.0.0.1, any port. */
  readonly listen?: Peer;
  /** u32. The same seed makes the same decisions for the n-th datagram of a lane and direction, as in the simulator. */
  readonly seed: number;
  /** Default: a perfect link. */
  readonly toCamera?: LinkModel;
  /** Default: a perfect link. */
  readonly toViewer?: LinkModel;
  /** Default: {@link relayLimits}. */
  readonly limits?: Partial<RelayLimits>;
  /** Sees every datagram, twice if it leaves; before it is handed to the socket, so that causes come first. */
  readonly trace?: (record: RelayRecord) => void;
}

/** What became of the datagrams of one direction. */
export interface RelayCounters extends LinkCounters {
  /** Handed to the socket, copies included. */
  readonly left: number;
}

/** Figures of a relay since it was opened. */
export interface RelayStats {
  /** Viewers that have a lane now. */
  readonly lanes: number;
  /** Lanes given up for new viewers after they had been idle. */
  readonly lanesEvicted: number;
  /** Datagrams of viewers for which there was no lane. */
  readonly lanesRefused: number;
  /** Datagrams on their way now. */
  readonly held: number;
  /** Their bytes. */
  readonly heldBytes: number;
  readonly toCamera: RelayCounters;
  readonly toViewer: RelayCounters;
  /** What this machine adds to the delays that were asked for. */
  readonly lateness: Lateness;
}

/** What a relay keeps at most. */
export interface RelayLimits {
  /** Viewers at a time. */
  readonly lanesMax: number;
  /**
   * A lane may be given up for a new viewer when nothing passed it for this long, in ms: as long as a NAT must keep a UDP mapping
   * (RFC 4787, REQ-5).
   */
  readonly laneIdleMs: number;
  /** Datagrams on their way; those beyond are lost. */
  readonly heldMax: number;
  /** Their bytes. */
  readonly heldBytesMax: number;
}

/** Limits of a relay unless told otherwise. */
export const relayLimits: RelayLimits = {
  lanesMax: 1024,
  laneIdleMs: 120_000,
  heldMax: 16_384,
  heldBytesMax: 64 * 1024 * 1024,
};

const SEND_QUEUE = { datagramsMax: 8192, bytesMax: 16 * 1024 * 1024 };

/**
 * A UDP relay that makes a way worse, reproducibly, by the same link model as the simulator: loss, bursts, delay, jitter, reordering,
 * duplicates, damage, a bottleneck, a black hole for large datagrams. Viewers send to {@link local}; each has a socket of its own towards the
 * camera, so that their tuples stay distinct there. Chance decides alike for the same seed; a bottleneck's queue depends on when datagrams come.
 */
export class UdpRelay implements AsyncDisposable {
  /** Settles when it is closed: with the error that closed it, or `undefined` when that was {@link close}. */
  readonly closed: Promise<Error | undefined>;
  readonly #settle: (failure: Error | undefined) => void;
  readonly #options: UdpRelayOptions;
  readonly #limits: RelayLimits;
  readonly #line: DelayLine;
  readonly #lanes = new Map<string, RelayLane>();
  readonly #severed = { toCamera: false, toViewer: false };
  readonly #left = { toCamera: 0, toViewer: 0 };
  /** Those of lanes that were given up. */
  readonly #before: Record<Direction, LinkCounters> = { toCamera: sumOf([]), toViewer: sumOf([]) };
  #front: UdpSocket | undefined;
  #numbers = 0;
  #lanesEvicted = 0;
  #lanesRefused = 0;
  #closed = false;

  private constructor(options: UdpRelayOptions) {
    const { promise, resolve } = deferred();
    this.closed = promise;
    this.#settle = resolve;
    this.#options = options;
    this.#limits = { ...relayLimits, ...options.limits };
    this.#line = new DelayLine({ datagramsMax: this.#limits.heldMax, bytesMax: this.#limits.heldBytesMax });
  }

  /** Opens a relay. Rejects as {@link UdpSocket.bind} does. */
  static async open(options: UdpRelayOptions): Promise<UdpRelay> {
    const relay = new UdpRelay(options);
    const { address, port } = options.listen ?? { address: '127.0.0.1', port: 0 };
    relay.#front = await UdpSocket.bind({ address, port, sendQueue: SEND_QUEUE }, relay.#frontEvents());
    return relay;
  }

  /** Where viewers send to. */
  get local(): Peer {
    if (this.#front === undefined) throw new Error('the relay is not bound');
    return this.#front.local;
  }

  /** Ports towards the camera, in order of the lanes. */
  get cameraSidePorts(): readonly number[] {
    return [...this.#lanes.values()].flatMap(({ cameraSidePort }) => cameraSidePort ?? []);
  }

  /** See {@link RelayStats}. */
  get stats(): RelayStats {
    const [toCamera, toViewer] = directions.map((direction): RelayCounters => {
      const links = [...this.#lanes.values()].map(({ links }) => links[direction].counters);
      return { left: this.#left[direction], ...sumOf([this.#before[direction], ...links]) };
    }) as [RelayCounters, RelayCounters];
    const { held, heldBytes, lateness } = this.#line;
    const { size: lanes } = this.#lanes;
    const [lanesEvicted, lanesRefused] = [this.#lanesEvicted, this.#lanesRefused];
    return { lanes, lanesEvicted, lanesRefused, held, heldBytes, toCamera, toViewer, lateness };
  }

  /** Nothing that comes in from now on passes this way, by default neither; what is on its way still arrives. */
  sever(...ways: readonly Direction[]): void {
    this.#partition(ways, true);
  }

  /** The reverse of {@link sever}. */
  heal(...ways: readonly Direction[]): void {
    this.#partition(ways, false);
  }

  /**
   * Forgets all viewers, as a NAT that starts anew forgets its mappings: what the camera sends to their ports leads nowhere, and what they
   * send next comes from others.
   */
  forget(): void {
    for (const [key, lane] of this.#lanes) this.#forget(key, lane);
  }

  /** Drops what is on its way and closes all sockets. */
  close(): Promise<void> {
    return this.#end(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(failure: Error | undefined): Promise<void> {
    this.#closed = true;
    this.#line.close();
    await Promise.all([...[...this.#lanes.values()].map((lane) => lane.close()), this.#front?.close()]);
    this.#settle(failure);
  }

  #partition(ways: readonly Direction[], partitioned: boolean): void {
    for (const way of ways.length === 0 ? directions : ways) {
      this.#severed[way] = partitioned;
      for (const { links } of this.#lanes.values()) links[way].partitioned = partitioned;
    }
  }

  #laneOf(viewer: Peer, nowMs: number): RelayLane | undefined {
    const key = `${viewer.address} ${viewer.port}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      if (this.#lanes.size >= this.#limits.lanesMax && !this.#evict(nowMs)) {
        this.#lanesRefused++;
        return undefined;
      }
      const { seed, toCamera = {}, toViewer = {} } = this.#options;
      lane = new RelayLane(this.#numbers++, viewer, seed, { toCamera, toViewer }, nowMs);
      for (const way of directions) lane.links[way].partitioned = this.#severed[way];
      this.#lanes.set(key, lane);
      void this.#bind(lane, key);
    }
    lane.lastUsedMs = nowMs;
    return lane;
  }

  async #bind(lane: RelayLane, key: string): Promise<void> {
    const { camera } = this.#options;
    const any = isIPv6(camera.address) ? { loopback: '::1', all: '::' } : { loopback: '127.0.0.1', all: '0.0.0.0' };
    const address = isLoopback(camera.address) ? any.loopback : any.all;
    const options = { address, port: 0, remote: camera, sendQueue: SEND_QUEUE };
    try {
      lane.bound(await UdpSocket.bind(options, this.#laneEvents(lane, key)), camera);
    } catch {
      // Out of ports or descriptors: the viewer may try again.
      lane.links.toCamera.lose('sendFailed');
      this.#forget(key, lane);
    }
  }

  /** Gives up the lane that was idle for longest, if it was so for long enough. */
  #evict(nowMs: number): boolean {
    let oldest: readonly [key: string, lane: RelayLane] | undefined;
    for (const entry of this.#lanes) {
      if (oldest === undefined || entry[1].lastUsedMs < oldest[1].lastUsedMs) oldest = entry;
    }
    if (oldest === undefined || nowMs - oldest[1].lastUsedMs < this.#limits.laneIdleMs) return false;
    this.#lanesEvicted++;
    this.#forget(...oldest);
    return true;
  }

  #forget(key: string, lane: RelayLane): void {
    if (!this.#lanes.delete(key)) return;
    for (const way of directions) this.#before[way] = sumOf([this.#before[way], lane.links[way].counters]);
    void lane.close();
  }

  #arrived(direction: Direction, lane: RelayLane, bytes: Uint8Array, nowMs: number): void {
    this.#options.trace?.({ atMs: nowMs, direction, at: 'arrived', lane: lane.number, bytes });
    const link = lane.links[direction];
    link.carry(bytes, nowMs, (copy, atMs) => {
      if (atMs <= nowMs) this.#leave(direction, lane, copy);
      else if (!this.#line.hold(atMs, copy.length, () => this.#leave(direction, lane, copy))) link.lose('heldFull');
    });
  }

  #leave(direction: Direction, lane: RelayLane, bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#left[direction]++;
    this.#options.trace?.({ atMs: monotonicMs(), direction, at: 'left', lane: lane.number, bytes });
    if (direction === 'toViewer') return this.#front?.send(bytes, lane.viewer, 'media');
    const lost = lane.toCamera(bytes, this.#options.camera);
    if (lost !== undefined) lane.links.toCamera.lose(lost);
  }

  #frontEvents(): SocketEvents {
    const lose = (reason: LossReason): void => {
      this.#before.toViewer = sumOf([this.#before.toViewer, { ...sumOf([]), lost: { [reason]: 1 } }]);
    };
    return {
      datagram: (bytes, viewer) => {
        const nowMs = monotonicMs();
        const lane = this.#laneOf(viewer, nowMs);
        if (lane !== undefined) this.#arrived('toCamera', lane, bytes, nowMs);
      },
      sendFailed: () => lose('sendFailed'),
      failed: (error) => void this.#end(error),
      dropped: () => lose('bufferFull'),
    };
  }

  #laneEvents(lane: RelayLane, key: string): SocketEvents {
    const { toCamera } = lane.links;
    return {
      datagram: (bytes) => {
        const nowMs = monotonicMs();
        lane.lastUsedMs = nowMs;
        this.#arrived('toViewer', lane, bytes, nowMs);
      },
      sendFailed: () => void toCamera.lose('sendFailed'),
      failed: () => this.#forget(key, lane),
      dropped: () => void toCamera.lose('bufferFull'),
    };
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function deferred(): {
  readonly promise: Promise<Error | undefined>;
  readonly resolve: (failure: Error | undefined) => void;
} {
  let resolve: (failure: Error | undefined) => void = () => {};
  const promise = new Promise<Error | undefined>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
