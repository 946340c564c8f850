/** What a {@link BatchSocket} asks of the operating system. */
export interface SendCalls {
  /** Messages to be sent are written here. */
  readonly memory: SendMemory;
  /**
   * `sendmmsg(2)` on the first `messages` of the memory, without waiting.
   *
   * @returns how many were taken, or the negative `errno` when the first was refused.
   */
  send(fd: number, messages: number): number;
  /** Whether the kernel cuts a message into datagrams (UDP_SEGMENT, Linux 4.18); asked of the socket, see udp(7). */
  segments(fd: number): boolean;
}

/** Memory that never moves and is never freed. */
export interface SendMemory {
  readonly bytes: Uint8Array;
  /** Where it is, in the process. */
  readonly address: bigint;
}

/** Bytes that {@link loadSendCalls} asks for: 64 messages and about 200 datagrams of 1,200 bytes. */
export const SEND_MEMORY_BYTES = 256 * 1024;

/** Errors of `sendmmsg(2)` that are not just hints, by their number on Linux for x64 and arm64. */
export const Errno = { EINTR: 4, EIO: 5, EAGAIN: 11, ENOSYS: 38, ENOBUFS: 105 } as const;

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

let loaded: Promise<SendCalls> | undefined;

/**
 * Loads libc's calls through koffi, once per thread. No memory of V8 is ever given to the kernel by its address: an address keeps
 * nothing alive, and a buffer of which only the address was left was freed at the next collection and its memory given to the 16th
 * buffer after it (2,048 bytes each, Node 20.20.2 with --expose-gc). To send from such memory sends something else; to receive into
 * it overwrites somebody else's. So all messages are copied (23 ns for 1,200 bytes) into one piece of C memory that is never freed
 * and that all sockets share: a call has read it when it returns.
 *
 * @throws when this platform has other structures, when koffi is not installed, or when its binary does not load.
 */
export function loadSendCalls(): Promise<SendCalls> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<SendCalls> {
  const { platform, arch } = process;
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) throw new Error(`not made for ${platform} ${arch}`);
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new Error('the package koffi is not installed, or does not load', { cause });
  });
  const libc = koffi.load(null);
  // Handed over as numbers, so that koffi neither copies nor pins anything.
  const sendmmsg = libc.func('sendmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int']);
  const getsockopt = libc.func('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']);
  const pointer = koffi.alloc('uint8_t', SEND_MEMORY_BYTES);
  const bytes = new Uint8Array(koffi.view(pointer, SEND_MEMORY_BYTES)).fill(0);
  const address = koffi.address(pointer);
  const option = koffi.address(koffi.alloc('uint32_t', 2));
  const optionValue = new Uint32Array(koffi.view(option, 8));
  return {
    memory: { bytes, address },
    send: (fd, messages) => {
      const sent: number = sendmmsg(fd, address, messages, MSG_DONTWAIT | MSG_NOSIGNAL);
      return sent >= 0 ? sent : -koffi.errno();
    },
    segments: (fd) => {
      optionValue.set([0, 4]);
      return getsockopt(fd, SOL_UDP, UDP_SEGMENT, option, option + 4n) === 0;
    },
  };
}
