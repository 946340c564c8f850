import type { SocketChoice } from '../config/settings.ts';
import { ConfigError } from '../errors.ts';
import { BatchSocket } from './batch-socket.ts';
import type { DatagramSocket, DescribedSocket, SocketEvents } from './datagram-socket.ts';
import { loadReceiveCalls } from './receive-calls.ts';
import { loadSendCalls } from './send-calls.ts';
import { UdpSocket, type UdpSocketOptions } from './udp-socket.ts';

/** Binds a socket of one datagram at a time. */
export type OpenSocket = (options: UdpSocketOptions, events: SocketEvents) => Promise<DescribedSocket>;

const openUdp: OpenSocket = (options, events) => UdpSocket.bind(options, events);

/**
 * Binds a socket.
 *
 * @param choice `auto`: the batch socket where it works.
 * @param notice hears, in one line, why `auto` is not the batch socket, or why that one is not as fast as it could be.
 * @param open default: {@link UdpSocket.bind}.
 * @throws the operating system's error, such as EADDRINUSE; with `batch` also a ConfigError that says why it does not work here.
 */
export async function bindSocket(
  options: UdpSocketOptions,
  events: SocketEvents,
  choice: SocketChoice,
  notice: (text: string) => void,
  open: OpenSocket = openUdp,
): Promise<DatagramSocket> {
  const udp = await open(options, events);
  if (choice === 'dgram') return udp;
  try {
    const socket = BatchSocket.over(udp, events, options, await loadSendCalls(), notice);
    await receiveTogether(udp, notice);
    return socket;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (choice === 'auto') {
      notice(`no batch socket: ${reason}`);
      return udp;
    }
    await udp.close();
    throw new ConfigError([{ setting: 'socket', problem: reason, tryInstead: "use 'auto' or 'dgram'" }]);
  }
}

/** A socket that sends in batches is one also where it receives one by one. */
async function receiveTogether(udp: DescribedSocket, notice: (text: string) => void): Promise<void> {
  try {
    udp.receiveTogether?.(await loadReceiveCalls());
  } catch (error) {
    notice(`the batch socket receives each datagram alone: ${error instanceof Error ? error.message : String(error)}`);
  }
}
