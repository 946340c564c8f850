import koffi from 'koffi';

/** Where Debian and others have it; the first that loads. */
const names = ['libsrt.so.1.5', 'libsrt-openssl.so.1.5', 'libsrt-gnutls.so.1.5', 'libsrt.so.1.4', 'libsrt.so'] as const;

/** Socket options by their numbers in srt.h, all of 4 bytes. */
export const SrtOption = { SNDSYN: 1, RCVSYN: 2, TSBPDMODE: 22, TLPKTDROP: 31, CONNTIMEO: 36 } as const;

/** Bits of an event. */
export const SrtEvent = { IN: 1, OUT: 4, ERR: 8 } as const;

/** Events told at once at most. */
const EVENTS_MAX = 256;
/** From syslog.h: nothing that happens here. */
const LOG_EMERGENCY = 0;
/** How long it waits for one before it looks whether it should go on, ms. */
const WAIT_MS = 100;

/** libsrt’s calls, as far as a comparison needs them. Numbers below 0 are failures. */
export interface Srt {
  create(): number;
  set(socket: number, option: number, value: number): void;
  bind(socket: number, address: string, port: number): number;
  /** The port that it is bound to. */
  port(socket: number): number;
  listen(socket: number, backlog: number): number;
  accept(socket: number): number;
  connect(socket: number, address: string, port: number): number;
  send(socket: number, bytes: Uint8Array): number;
  /** The number of bytes of the next message; -1 when there is none. */
  receive(socket: number, into: Uint8Array): number;
  close(socket: number): void;
  /** What the last failure was. */
  complaint(): string;
  /** Tells `hear` of events of this socket, until it is closed. */
  watch(socket: number, events: number, hear: (events: number) => void): void;
  unwatch(socket: number): void;
}

/** Loads and starts it. @throws Error when none of its names is found. */
export function loadSrt(): Srt {
  const library = load();
  const int = ['int'] as const;
  const call = (name: string, parameters: readonly string[]) => library.func(name, 'int', [...parameters]);
  const [startup, create, close] = [call('srt_startup', []), call('srt_create_socket', []), call('srt_close', int)];
  const setFlag = call('srt_setsockflag', ['int', 'int', 'int *', 'int']);
  const [bind, connect] = [call('srt_bind', ['int', 'void *', 'int']), call('srt_connect', ['int', 'void *', 'int'])];
  const [listen, accept] = [call('srt_listen', ['int', 'int']), call('srt_accept', ['int', 'void *', 'void *'])];
  const getName = call('srt_getsockname', ['int', '_Out_ uint8_t *', '_Inout_ int *']);
  const send = call('srt_sendmsg', ['int', 'void *', 'int', 'int', 'int']);
  const receive = call('srt_recvmsg', ['int', '_Out_ uint8_t *', 'int']);
  const lastError = library.func('srt_getlasterror_str', 'str', []);
  const [poll, add, remove] = [
    call('srt_epoll_create', []),
    call('srt_epoll_add_usock', ['int', 'int', 'int *']),
    call('srt_epoll_remove_usock', ['int', 'int']),
  ];
  const wait = call('srt_epoll_uwait', ['int', 'uintptr_t', 'int', 'int64_t']);
  startup();
  // It complains of every accept() that finds nothing, which is how one learns that there is nothing.
  library.func('srt_setloglevel', 'void', ['int'])(LOG_EMERGENCY);
  const heard = new Map<number, (events: number) => void>();
  // Written by another thread while it waits: C memory, which stays where it is.
  const events = koffi.alloc('int', 2 * EVENTS_MAX);
  const told = new Int32Array(koffi.view(events, 8 * EVENTS_MAX));
  const address = koffi.address(events);
  const id = poll() as number;
  const waitOn = (): void =>
    wait.async(id, address, EVENTS_MAX, WAIT_MS, (_: unknown, count: number) => {
      const now = told.slice(0, 2 * Math.max(0, count));
      if (heard.size > 0) waitOn();
      for (let at = 0; at < now.length; at += 2) heard.get(now[at] ?? -1)?.(now[at + 1] ?? 0);
    });
  return {
    create: () => create(),
    set: (socket, option, value) => void setFlag(socket, option, [value], 4),
    bind: (socket, host, port) => bind(socket, socketAddress(host, port), 16),
    port(socket) {
      const name = Buffer.alloc(16);
      getName(socket, name, [16]);
      return name.readUInt16BE(2);
    },
    listen: (socket, backlog) => listen(socket, backlog),
    accept: (socket) => accept(socket, null, null),
    connect: (socket, host, port) => connect(socket, socketAddress(host, port), 16),
    send: (socket, bytes) => send(socket, bytes, bytes.length, -1, 1),
    receive: (socket, into) => receive(socket, into, into.length),
    close: (socket) => void close(socket),
    complaint: () => lastError(),
    watch(socket, wanted, hear) {
      heard.set(socket, hear);
      add(id, socket, [wanted | SrtEvent.ERR]);
      if (heard.size === 1) waitOn();
    },
    unwatch(socket) {
      if (heard.delete(socket)) remove(id, socket);
    },
  };
}

function load() {
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch {
      // Another name may load.
    }
  }
  throw new Error(`none of ${names.join(', ')} is here`);
}

/** A struct sockaddr_in, as it is on Linux for little-endian processors. */
function socketAddress(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(2, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(host.split('.').map(Number), 4);
  return bytes;
}
