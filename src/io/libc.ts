/** Errors of `sendmmsg(2)` and `recvmmsg(2)` that are not just hints, by their number on Linux for x64 and arm64. */
export const Errno = { EINTR: 4, EIO: 5, EAGAIN: 11, ENOSYS: 38, ENOBUFS: 105 } as const;
/** Of sendmmsg and recvmmsg: what cannot be done at once is refused with EAGAIN. */
export const MSG_DONTWAIT = 0x40;

/** Memory that never moves and is never freed. */
export interface LibcMemory {
  readonly bytes: Uint8Array;
  /** Where it is, in the process. */
  readonly address: bigint;
}

/** A function of C whose arguments and result are whole numbers. */
export type LibcFunction = (...values: readonly (number | bigint)[]) => number;

/** The C library, and memory to share with it. */
export interface Libc {
  /** @param types of C, as koffi names them. */
  function(name: string, result: string, types: readonly string[]): LibcFunction;
  /** `errno` of this thread's last call. */
  errno(): number;
  /** Takes memory of C for as long as the process lives; what is in it is not said. */
  memory(bytes: number): LibcMemory;
}

let loaded: Promise<Libc> | undefined;

/**
 * Loads libc through koffi, once per thread. No memory of V8 is ever given to the kernel by its address: an address keeps nothing
 * alive, and a buffer of which only the address was left was freed at the next collection and its memory given to the 16th buffer
 * after it (2,048 bytes each, Node 20.20.2 with --expose-gc). To send from such memory sends something else; to receive into it
 * overwrites somebody else's. So what calls read and write is memory of C that is never freed.
 *
 * @throws when this platform has other structures, when koffi is not installed, or when its binary does not load.
 */
export function loadLibc(): Promise<Libc> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Libc> {
  const { platform, arch } = process;
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) throw new Error(`not made for ${platform} ${arch}`);
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new Error('the package koffi is not installed, or does not load', { cause });
  });
  const libc = koffi.load(null);
  return {
    function: (name, result, types) => libc.func(name, result, [...types]),
    errno: () => koffi.errno(),
    memory: (bytes) => {
      const pointer = koffi.alloc('uint8_t', bytes);
      return { bytes: new Uint8Array(koffi.view(pointer, bytes)), address: koffi.address(pointer) };
    },
  };
}
