import { bindSocket } from '../../src/io/bind-socket.ts';
import type { DatagramSocket, SocketEvents, SocketKind } from '../../src/io/datagram-socket.ts';
import type { UdpSocketOptions } from '../../src/io/udp-socket.ts';

/** Told nothing. */
export const deaf: SocketEvents = { datagram() {}, sendFailed() {}, failed() {}, dropped() {} };

/** Why there is no batch socket here; `undefined` when there is one. */
export const batchMissing: string | undefined = await findReason();

/** The sockets that work here: what is tested on one is tested on each. */
export const socketKinds: readonly SocketKind[] = batchMissing === undefined ? ['dgram', 'batch'] : ['dgram'];

/** Binds a socket of one kind on a free port of 127.0.0.1, unless the options say otherwise. */
export function bindKind(
  kind: SocketKind,
  events: SocketEvents,
  options: Partial<UdpSocketOptions> = {},
): Promise<DatagramSocket> {
  return bindSocket({ address: '127.0.0.1', port: 0, ...options }, events, kind, () => {});
}

async function findReason(): Promise<string | undefined> {
  try {
    const socket = await bindKind('batch', deaf);
    await socket.close();
    return undefined;
  } catch (error) {
    const reason = String(error);
    process.stderr.write(`skipped: everything about the batch socket: ${reason}\n`);
    return reason;
  }
}
