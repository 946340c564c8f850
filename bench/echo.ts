import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Peer } from '../src/engine/io-types.ts';
import { monotonicMs } from '../src/io/clock.ts';
import { DelayLine } from '../src/io/delay-line.ts';

/** As long as a START. */
const PING_BYTES = 256;

/**
 * The other half of an echo pair: plain numbered datagrams, each timed by itself. What it measures is the round trip that a handshake could have
 * at best: same relay, same machine, same time, same kind of socket.
 */
export class EchoClient implements Disposable {
  readonly #socket: Socket;
  readonly #timers = new DelayLine({ datagramsMax: 4, bytesMax: 4 });
  readonly #sentAtMs: number[] = [];
  readonly #roundTripsMs: number[] = [];
  #arrived: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      const sentAtMs = this.#sentAtMs[bytes.readUInt32BE(0)];
      if (sentAtMs !== undefined) this.#roundTripsMs.push(monotonicMs() - sentAtMs);
      this.#arrived();
    });
  }

  /** A client of the echo at `to`. */
  static async open(to: Peer): Promise<EchoClient> {
    const socket = createSocket({ type: 'udp4', lookup: (address, _, done) => done(null, address, 4) });
    // Its own lookup answers at once, so that it may be connected before `connect` returns.
    const connected = once(socket, 'connect');
    socket.connect(to.port, to.address);
    await connected;
    return new EchoClient(socket);
  }

  /** Round trips of those that came back, in ms, in the order in which they came. */
  get roundTripsMs(): readonly number[] {
    return this.#roundTripsMs;
  }

  /** Sends one each `everyMs` from now on. */
  every(everyMs: number): void {
    const next = (dueMs: number): void => {
      this.#timers.hold(dueMs, 1, () => {
        this.#send();
        next(dueMs + everyMs);
      });
    };
    next(monotonicMs() + everyMs);
  }

  /** Sends `count` one after the other, each when the one before is back; for links without loss. */
  async inTurn(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      const arrived = new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
      this.#send();
      await arrived;
    }
  }

  #send(): void {
    const bytes = Buffer.alloc(PING_BYTES);
    bytes.writeUInt32BE(this.#sentAtMs.length, 0);
    this.#sentAtMs.push(monotonicMs());
    this.#socket.send(bytes);
  }

  [Symbol.dispose](): void {
    this.#timers.close();
    this.#socket.close();
  }
}
