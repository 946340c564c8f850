import type { Peer } from '../engine/io-types.ts';
import type { SocketEvents } from '../io/datagram-socket.ts';
import { UdpSocket } from '../io/udp-socket.ts';
import { Tally } from './core/tally.ts';
import {
  DATAGRAM_MESSAGE_BYTES_MAX,
  type Refusal,
  type Transport,
  type TransportCounter,
  type TransportEnd,
  type TransportEvents,
  type TransportLimits,
  transportCounters,
} from './core/transport.ts';

/** Peers that one port knows at the same time by default. */
export const PEERS_MAX = 64;

/** Datagrams of a peer that are kept until somebody listens; what comes then is lost. */
const EARLY_MAX = 16;

/** Where datagrams come in. */
export interface DatagramListenOptions extends TransportLimits {
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** 0 for any. */
  readonly port: number;
  /** Default 64. For one more, the peer that was silent longest is forgotten. */
  readonly peersMax?: number;
}

/** A port that datagrams come in at. */
export interface DatagramListener {
  readonly port: number;
  /** Peers that were forgotten because there were too many. */
  readonly forgotten: number;
  /** Closes the port; every transport of it ends. */
  close(): Promise<void>;
}

/** Sends to and hears from one peer; what others send is not received. */
export async function connectDatagrams(peer: Peer, limits: TransportLimits = {}): Promise<DatagramTransport> {
  let transport: DatagramTransport | undefined;
  const socket = await UdpSocket.bind(
    { address: peer.address.includes(':') ? '::' : '0.0.0.0', port: 0, remote: peer },
    {
      ...noEvents,
      datagram: (bytes) => transport?.receive(bytes),
      failed: (error) => transport?.over('failed', error.message),
    },
  );
  transport = new DatagramTransport(socket, peer, limits, () => void socket.close());
  return transport;
}

/** Hears from anyone: each new address is a transport of its own. No timer forgets it. */
export async function listenDatagrams(
  options: DatagramListenOptions,
  accept: (transport: DatagramTransport, peer: Peer) => void,
): Promise<DatagramListener> {
  const { address = '127.0.0.1', port, peersMax = PEERS_MAX } = options;
  /** The one that was heard from last comes last. */
  const peers = new Map<string, DatagramTransport>();
  let forgotten = 0;
  const socket: UdpSocket = await UdpSocket.bind({ address, port }, { ...noEvents, datagram: take, failed: endAll });
  return {
    port: socket.local.port,
    get forgotten() {
      return forgotten;
    },
    close: async () => {
      await socket.close();
      endAll();
    },
  };

  function take(bytes: Uint8Array, from: Peer): void {
    const key = `${from.address} ${from.port}`;
    const known = peers.get(key);
    const transport = known ?? new DatagramTransport(socket, from, options, () => peers.delete(key));
    peers.delete(key);
    peers.set(key, transport);
    if (known === undefined) {
      makeRoom();
      accept(transport, from);
    }
    transport.receive(bytes);
  }

  function makeRoom(): void {
    const [oldest] = peers.values();
    if (peers.size <= peersMax || oldest === undefined) return;
    forgotten++;
    oldest.close();
  }

  function endAll(): void {
    for (const transport of [...peers.values()]) transport.over('failed');
  }
}

const noEvents: SocketEvents = { datagram: () => {}, sendFailed: () => {}, failed: () => {}, dropped: () => {} };

/** One message in each datagram, to and from one peer. */
export class DatagramTransport implements Transport {
  readonly reliable = false;
  readonly messageBytesMax: number;
  readonly #socket: UdpSocket;
  readonly #peer: Peer;
  readonly #counters = new Tally(transportCounters);
  readonly #release: () => void;
  #events: TransportEvents | undefined;
  #early: Uint8Array[] = [];
  #open = true;
  #paused = false;

  /** @param release the transport is closed. */
  constructor(socket: UdpSocket, peer: Peer, limits: TransportLimits, release: () => void) {
    this.#socket = socket;
    this.#peer = peer;
    this.messageBytesMax = limits.messageBytesMax ?? DATAGRAM_MESSAGE_BYTES_MAX;
    this.#release = release;
  }

  get counters(): Readonly<Record<TransportCounter, number>> {
    return this.#counters.snapshot();
  }

  open(events: TransportEvents): void {
    this.#events = events;
    for (const bytes of this.#early.splice(0)) this.receive(bytes);
  }

  send(message: Uint8Array): Refusal | undefined {
    const refusal = this.#refusalOf(message);
    this.#counters.add(refusal ?? 'sent');
    if (refusal === undefined) this.#socket.send(message.slice(), this.#peer, 'control');
    return refusal;
  }

  /** What comes meanwhile is lost. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
    setImmediate(() => this.#tell({ cause: 'local', truncated: false }));
  }

  destroy(): void {
    this.close();
  }

  /** A datagram of the peer came. */
  receive(bytes: Uint8Array): void {
    if (!this.#open || this.#paused) return;
    if (this.#events === undefined) {
      if (this.#early.length < EARLY_MAX) this.#early.push(new Uint8Array(bytes));
      return;
    }
    this.#counters.add('received');
    this.#events.message(new Uint8Array(bytes));
  }

  /** The socket is gone. */
  over(cause: TransportEnd['cause'], detail?: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
    this.#tell({ cause, truncated: false, detail });
  }

  #refusalOf(message: Uint8Array): Refusal | undefined {
    if (!this.#open) return 'closed';
    if (message.length === 0) return 'empty';
    return message.length > this.messageBytesMax ? 'tooLarge' : undefined;
  }

  #tell(end: TransportEnd): void {
    this.#events?.closed(end);
  }
}
