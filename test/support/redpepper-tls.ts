/** RedPepper's manager and agent over real TLS, and peers of theirs that are nothing but bytes. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import {
  customMethod,
  type RedPepperAgent,
  type RedPepperAgentOptions,
  type RedPepperManager,
  type RedPepperManagerOptions,
  RedPepperRefusal,
  redPepperAgent,
  redPepperManager,
  trialCommands,
  unsaltedSha256,
} from '../../src/neighbours/redpepper/index.ts';
import { type Certificates, certificates } from './certificates.ts';
import { Driver, type DriverClock } from './redpepper-player.ts';

/** Certificates, or the reason why there are none. */
export const made = certificates();
if (typeof made === 'string') process.stderr.write(`skipped: RedPepper over TLS: ${made}\n`);

/** Certificates for a test that is not run without them. */
export function keys(): Certificates {
  if (typeof made === 'string') throw new Error(made);
  return made;
}

/** Real time for a driver. */
export const realClock: DriverClock = {
  nowMs: () => performance.now(),
  at: (atMs, act) => void setTimeout(act, Math.max(0, atMs - performance.now())),
};

/** A manager as in the recordings: it knows `webserver1`. */
export function startManager(options: Partial<RedPepperManagerOptions> = {}): Promise<RedPepperManager> {
  const { ca, server } = keys();
  return redPepperManager({
    port: 0,
    tls: { ...server, ca },
    identities: { webserver1: { secret: unsaltedSha256('notasecret') } },
    methods: {
      custom: customMethod({
        data: ({ agent }) => agent ?? '',
        noop: () => {
          throw new RedPepperRefusal('This is a no-op template request module.');
        },
      }),
    },
    ...options,
  });
}

/** An agent as in the recordings: `webserver1`. */
export function startAgent(port: number, options: Partial<RedPepperAgentOptions> = {}): RedPepperAgent {
  const { ca, client } = keys();
  return redPepperAgent({
    port,
    id: 'webserver1',
    credentials: 'notasecret',
    tls: { ...client, ca },
    commands: trialCommands,
    ...options,
  });
}

/** A peer of a manager. @param how with which certificate, or without TLS. */
export async function rawAgent(
  port: number,
  how: 'certificate' | 'noCertificate' | 'plain' = 'certificate',
  answersPings = true,
): Promise<Driver & AsyncDisposable> {
  const { ca, client } = keys();
  const socket: Socket =
    how === 'plain'
      ? connectTcp({ port, host: '127.0.0.1' })
      : connect({ port, host: '127.0.0.1', ca, ...(how === 'certificate' ? client : {}) });
  // A reset is one way to be turned away.
  socket.on('error', () => {});
  await once(socket, how === 'plain' ? 'connect' : 'secureConnect');
  return driverOf(socket, answersPings);
}

function driverOf(socket: Socket | TLSSocket, answersPings: boolean): Driver & AsyncDisposable {
  socket.setNoDelay(true);
  const end = { write: (bytes: Uint8Array) => void socket.write(bytes), close: () => void socket.end() };
  const driver = new Driver(realClock, end, answersPings);
  socket.on('error', () => {});
  socket.on('data', (bytes: Uint8Array) => driver.received(bytes));
  socket.on('close', () => driver.closed());
  return Object.assign(driver, {
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  });
}

/** A peer of agents: hands out every connection that comes. */
export class RawManager implements AsyncDisposable {
  readonly drivers: Driver[] = [];
  readonly #server: Server;
  readonly #sockets: TLSSocket[] = [];
  #listeners: (() => void)[] = [];

  constructor() {
    const { ca, server } = keys();
    this.#server = createServer({ ...server, ca, requestCert: true, rejectUnauthorized: true }, (socket) => {
      this.#sockets.push(socket);
      this.drivers.push(driverOf(socket, true));
      for (const listener of this.#listeners) listener();
    });
  }

  /** @returns the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** The connection of that number, from 0. */
  async connection(number: number): Promise<Driver> {
    while (this.drivers[number] === undefined) {
      await new Promise<void>((resolve) => {
        this.#listeners = [...this.#listeners, resolve];
      });
    }
    return this.drivers[number];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
