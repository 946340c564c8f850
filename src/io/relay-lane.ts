import type { Peer } from '../engine/io-types.ts';
import { Link, type LinkCounters } from '../sim/link.ts';
import type { LinkModel, LossReason } from '../sim/link-model.ts';
import { Prng } from '../sim/prng.ts';
import type { DatagramSocket } from './datagram-socket.ts';

/** Which way a datagram goes through a relay. */
export type Direction = 'toCamera' | 'toViewer';

/** Both of them. */
export const directions: readonly Direction[] = ['toCamera', 'toViewer'];

/** Datagrams that a lane keeps until its socket is bound, at most. */
const UNBOUND_MAX = 64;

/** One viewer at a relay: its link each way, and its socket towards the camera. */
export class RelayLane {
  readonly number: number;
  readonly viewer: Peer;
  readonly links: Readonly<Record<Direction, Link>>;
  lastUsedMs: number;
  #socket: DatagramSocket | undefined;
  #unbound: Uint8Array[] = [];
  #closed = false;

  /** @param number from 0; with the seed it decides all that chance does to this lane. */
  constructor(
    number: number,
    viewer: Peer,
    seed: number,
    models: Readonly<Record<Direction, LinkModel>>,
    nowMs: number,
  ) {
    this.number = number;
    this.viewer = viewer;
    this.lastUsedMs = nowMs;
    this.links = {
      toCamera: new Link(models.toCamera, new Prng(seed, 2 * number)),
      toViewer: new Link(models.toViewer, new Prng(seed, 2 * number + 1)),
    };
  }

  /** Port towards the camera; `undefined` until it is bound. */
  get cameraSidePort(): number | undefined {
    return this.#socket?.local.port;
  }

  /** The socket is bound: what waited for it goes. */
  bound(socket: DatagramSocket, camera: Peer): void {
    this.#socket = socket;
    for (const bytes of this.#unbound.splice(0)) socket.send(bytes, camera, 'media');
    if (this.#closed) void socket.close();
  }

  /** @returns why it does not go; `undefined` when it does. */
  toCamera(bytes: Uint8Array, camera: Peer): LossReason | undefined {
    if (this.#socket !== undefined) this.#socket.send(bytes, camera, 'media');
    else if (this.#unbound.length < UNBOUND_MAX) this.#unbound.push(bytes);
    else return 'bufferFull';
    return undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unbound = [];
    await this.#socket?.close();
  }
}

/** The figures of several links as one. */
export function sumOf(counters: readonly LinkCounters[]): LinkCounters {
  const sum = { carried: 0, duplicated: 0, corrupted: 0, reordered: 0 };
  const lost: Partial<Record<LossReason, number>> = {};
  for (const each of counters) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += each[name];
    for (const [reason, count] of Object.entries(each.lost) as [LossReason, number][]) {
      lost[reason] = (lost[reason] ?? 0) + count;
    }
  }
  return { ...sum, lost };
}
