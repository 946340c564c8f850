import { type LibcMemory, loadLibc, MSG_DONTWAIT } from './libc.ts';
import { RECEIVE_MEMORY_BYTES, ReceiveVector } from './receive-vector.ts';

/** What a {@link BatchReceiver} asks of the operating system. */
export interface ReceiveCalls {
  /** What was received is read here, by one reader at a time. */
  readonly vector: ReceiveVector;
  /**
   * `recvmmsg(2)` into the first `messages` of the vector, without waiting.
   *
   * @returns how many came, or the negative `errno` when none did.
   */
  receive(fd: number, messages: number): number;
  /** The name of a network interface, such as `eth0`; its number where it has none. */
  interfaceName(index: number): string;
}

/** IF_NAMESIZE. */
const INTERFACE_NAME_BYTES = 16;

let loaded: Promise<ReceiveCalls> | undefined;

/**
 * Loads libc's calls, once per thread. All sockets share one vector: what a call has put there is copied before the next.
 *
 * @throws as {@link loadLibc} does.
 */
export function loadReceiveCalls(): Promise<ReceiveCalls> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<ReceiveCalls> {
  const libc = await loadLibc();
  const recvmmsg = libc.function('recvmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int', 'uintptr_t']);
  const nameOf = libc.function('if_indextoname', 'uintptr_t', ['uint', 'uintptr_t']);
  const memory = libc.memory(RECEIVE_MEMORY_BYTES);
  const name = libc.memory(INTERFACE_NAME_BYTES);
  return {
    vector: new ReceiveVector(memory),
    receive: (fd, messages) => {
      const received = recvmmsg(fd, memory.address, messages, MSG_DONTWAIT, 0);
      return received >= 0 ? received : -libc.errno();
    },
    interfaceName: (index) => (Number(nameOf(index, name.address)) === 0 ? String(index) : textOf(name)),
  };
}

function textOf({ bytes }: LibcMemory): string {
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}
