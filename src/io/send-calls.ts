import { type LibcMemory, loadLibc, MSG_DONTWAIT } from './libc.ts';

/** What a {@link BatchSocket} asks of the operating system. */
export interface SendCalls {
  /** Messages to be sent are written here. */
  readonly memory: LibcMemory;
  /**
   * `sendmmsg(2)` on the first `messages` of the memory, without waiting.
   *
   * @returns how many were taken, or the negative `errno` when the first was refused.
   */
  send(fd: number, messages: number): number;
  /** Whether the kernel cuts a message into datagrams (UDP_SEGMENT, Linux 4.18); asked of the socket, see udp(7). */
  segments(fd: number): boolean;
}

/** Bytes that {@link loadSendCalls} asks for: 64 messages and about 200 datagrams of 1,200 bytes. */
export const SEND_MEMORY_BYTES = 256 * 1024;

const MSG_NOSIGNAL = 0x4000;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

let loaded: Promise<SendCalls> | undefined;

/**
 * Loads libc's calls, once per thread. All messages are copied (23 ns for 1,200 bytes) into one piece of memory that all sockets share:
 * a call has read it when it returns.
 *
 * @throws as {@link loadLibc} does.
 */
export function loadSendCalls(): Promise<SendCalls> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<SendCalls> {
  const libc = await loadLibc();
  // Handed over as numbers, so that koffi neither copies nor pins anything.
  const sendmmsg = libc.function('sendmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int']);
  const getsockopt = libc.function('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']);
  const memory = libc.memory(SEND_MEMORY_BYTES);
  memory.bytes.fill(0);
  const { address } = memory;
  const option = libc.memory(8);
  const optionValue = new Uint32Array(option.bytes.buffer);
  return {
    memory,
    send: (fd, messages) => {
      const sent: number = sendmmsg(fd, address, messages, MSG_DONTWAIT | MSG_NOSIGNAL);
      return sent >= 0 ? sent : -libc.errno();
    },
    segments: (fd) => {
      optionValue.set([0, 4]);
      return getsockopt(fd, SOL_UDP, UDP_SEGMENT, option.address, option.address + 4n) === 0;
    },
  };
}
