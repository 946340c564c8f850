import { spawn } from 'node:child_process';
import type { Transport } from '../../src/neighbours/core/transport.ts';
import { connectDatagrams, listenDatagrams } from '../../src/neighbours/datagram-transport.ts';
import { StreamTransport } from '../../src/neighbours/stream-transport.ts';
import { connectTcp, connectTls, listenTcp, listenTls } from '../../src/neighbours/tcp-transport.ts';
import { certificates } from './certificates.ts';

/** Two ends of one connection. */
export interface TransportPair {
  readonly near: Transport;
  /** There once the first datagram came, where it is of datagrams. */
  readonly far: Promise<Transport>;
  /** Closes both, and what they were made with. */
  close(): Promise<void>;
}

function awaited(): { readonly accept: (transport: Transport) => void; readonly far: Promise<Transport> } {
  let accept: (transport: Transport) => void = () => {};
  const far = new Promise<Transport>((resolve) => {
    accept = resolve;
  });
  return { accept, far };
}

async function pipes(): Promise<TransportPair> {
  // Each cat is two pipes of the operating system, one after the other.
  const [there, back] = [spawn('cat'), spawn('cat')];
  const near = new StreamTransport(back.stdout, there.stdin);
  const far = new StreamTransport(there.stdout, back.stdin);
  return {
    near,
    far: Promise.resolve(far),
    close: async () => {
      near.destroy();
      far.destroy();
      for (const cat of [there, back]) cat.kill();
    },
  };
}

async function tcp(): Promise<TransportPair> {
  const { accept, far } = awaited();
  const listener = await listenTcp({ port: 0 }, accept);
  const near = await connectTcp({ port: listener.port });
  return { near, far, close: () => closed(near, far, listener) };
}

async function tls(): Promise<TransportPair | string> {
  const made = certificates();
  if (typeof made === 'string') return made;
  const { ca, server, client } = made;
  const { accept, far } = awaited();
  const listener = await listenTls({ port: 0 }, { ...server, ca, requestCert: true, rejectUnauthorized: true }, accept);
  const near = await connectTls({ port: listener.port }, { ...client, ca });
  return { near, far, close: () => closed(near, far, listener) };
}

async function udp(): Promise<TransportPair> {
  const { accept, far } = awaited();
  const listener = await listenDatagrams({ port: 0 }, accept);
  const near = await connectDatagrams({ address: '127.0.0.1', port: listener.port });
  return { near, far, close: () => closed(near, far, listener) };
}

async function closed(near: Transport, far: Promise<Transport>, listener: { close(): Promise<void> }): Promise<void> {
  near.destroy();
  (await far).destroy();
  await listener.close();
}

/** Every real transport by its name; a text in place of a pair says why it cannot be had. */
export const transportPairs: Readonly<Record<string, () => Promise<TransportPair | string>>> = { pipes, tcp, tls, udp };
