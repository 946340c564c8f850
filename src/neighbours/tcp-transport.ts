import { once } from 'node:events';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import {
  connect as connectTlsSocket,
  createServer as createTlsServer,
  type TLSSocket,
  type ConnectionOptions as TlsConnectionOptions,
  type TlsOptions,
} from 'node:tls';
import { StreamTransport, type StreamTransportOptions } from './stream-transport.ts';

/** Connections that a listener serves at the same time by default. */
export const CONNECTIONS_MAX = 64;

/** Where to listen, and for how many. */
export interface ListenOptions extends StreamTransportOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 for any. */
  readonly port: number;
  /** Default 64; more are closed at once. */
  readonly connectionsMax?: number;
}

/** Something that listens. */
export interface TransportListener {
  /** Where. */
  readonly port: number;
  /** Connections that were closed at once because there were too many. */
  readonly refused: number;
  /** Stops listening; connections go on. */
  close(): Promise<void>;
}

/** Where to connect. */
export interface ConnectOptions extends StreamTransportOptions {
  readonly host?: string;
  readonly port: number;
  readonly signal?: AbortSignal;
}

/** Connects by TCP. Rejects with the operating system's error. */
export async function connectTcp(options: ConnectOptions): Promise<StreamTransport> {
  const { host = '127.0.0.1', port, signal } = options;
  const socket = connectSocket({ host, port, noDelay: true, allowHalfOpen: true });
  await established(socket, 'connect', signal);
  return new StreamTransport(socket, socket, options);
}

/** Connects by TLS. Rejects with the operating system's error, or with that of the certificates. */
export async function connectTls(options: ConnectOptions, tls: TlsConnectionOptions): Promise<StreamTransport> {
  const { host = '127.0.0.1', port, signal } = options;
  const socket = connectTlsSocket({ ...tls, host, port });
  socket.setNoDelay(true);
  await established(socket, 'secureConnect', signal);
  return new StreamTransport(socket, socket, options);
}

/** Listens for TCP. Rejects with the operating system's error, such as EADDRINUSE. */
export function listenTcp(
  options: ListenOptions,
  accept: (transport: StreamTransport, socket: Socket) => void,
): Promise<TransportListener> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  return listen(server, 'connection', options, accept);
}

/** Listens for TLS; `accept` is called after the handshake, also where the peer's certificate is to be judged there. */
export function listenTls(
  options: ListenOptions,
  tls: TlsOptions,
  accept: (transport: StreamTransport, socket: TLSSocket) => void,
): Promise<TransportListener> {
  const server = createTlsServer({ ...tls, noDelay: true });
  // A peer that fails the handshake is no reason to end.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return listen(server, 'secureConnection', options, accept as (transport: StreamTransport, socket: Socket) => void);
}

async function established(socket: Socket, event: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await once(socket, event, signal === undefined ? {} : { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function listen(
  server: Server,
  event: 'connection' | 'secureConnection',
  options: ListenOptions,
  accept: (transport: StreamTransport, socket: Socket) => void,
): Promise<TransportListener> {
  const { host = '127.0.0.1', port, connectionsMax = CONNECTIONS_MAX } = options;
  let refused = 0;
  server.maxConnections = connectionsMax;
  server.on('drop', () => {
    refused++;
  });
  server.on(event, (socket: Socket) => accept(new StreamTransport(socket, socket, options), socket));
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    get refused() {
      return refused;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {});
        resolve();
      }),
  };
}
