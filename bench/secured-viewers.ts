import { InitiatorEndpoint } from '../src/engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer } from '../src/engine/io-types.ts';
import { srtpMedia } from '../src/engine/srtp-media.ts';
import { monotonicMs } from '../src/io/clock.ts';
import type { DescribedSocket } from '../src/io/datagram-socket.ts';
import { cryptoEntropy } from '../src/io/entropy.ts';
import { UdpSocket } from '../src/io/udp-socket.ts';
import { ErrorCode, errorCodeName } from '../src/protocol/error-code.ts';
import { profiles } from '../src/protocol/profiles.ts';
import { type Credentials, pskCredentials } from '../src/security/credentials.ts';

/** What a viewer wants to send again is looked for so often, ms. */
const LOOK_MS = 10;
/** What viewers have begun is given so long to end, ms. */
const END_MS = 500;

/** Viewers in mode `psk`, of which so many shake hands at a time. */
export interface SecuredLoad {
  readonly port: number;
  readonly window: number;
  /** Before what counts, ms. */
  readonly warmUpMs: number;
  readonly runMs: number;
}

/** What was counted. Datagrams are those of handshakes that ended meanwhile. */
export interface SecuredReport {
  readonly elapsedMs: number;
  /** Handshakes that came to evidence that the confirm arrived. */
  readonly ready: number;
  readonly datagramsSent: number;
  readonly bytesSent: number;
  readonly datagramsReceived: number;
  readonly bytesReceived: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** Counted from the beginning. */
interface Tally {
  ready: number;
  datagramsSent: number;
  bytesSent: number;
  datagramsReceived: number;
  bytesReceived: number;
}

/** One place of the window: a socket, and one viewer after the other on it. */
class Place {
  readonly #peer: Peer;
  readonly #security: Credentials;
  readonly #tally: Tally;
  readonly #failed: (reason: string) => void;
  #socket: DescribedSocket | undefined;
  #endpoint: InitiatorEndpoint | undefined;
  #ending = false;

  constructor(peer: Peer, security: Credentials, tally: Tally, failed: (reason: string) => void) {
    this.#peer = peer;
    this.#security = security;
    this.#tally = tally;
    this.#failed = failed;
  }

  async open(): Promise<void> {
    this.#socket = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0, remote: this.#peer },
      {
        datagram: (bytes, from) => this.#step({ kind: 'datagram', bytes, from }),
        sendFailed: (to, hint, bytes) => this.#step({ kind: 'sendFailed', to, hint, bytes }),
        failed: () => this.#step({ kind: 'socketFailed' }),
        dropped() {},
      },
    );
  }

  /** The next viewer comes. */
  begin(): void {
    this.#endpoint = new InitiatorEndpoint({
      profile: profiles.default,
      entropy: cryptoEntropy,
      peer: this.#peer,
      security: this.#security,
      protectMedia: srtpMedia,
    });
    this.#step({ kind: 'start' });
  }

  look(nowMs: number): void {
    if ((this.#endpoint?.deadlineMs() ?? Number.POSITIVE_INFINITY) <= nowMs) this.#step({ kind: 'timeout' });
  }

  /** Nobody comes any more. @returns whether nobody is there. */
  end(): boolean {
    this.#ending = true;
    return this.#endpoint === undefined;
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }

  #step(input: InitiatorInput): void {
    for (const output of this.#endpoint?.step(input, monotonicMs()) ?? []) this.#take(output);
  }

  #take(output: InitiatorOutput): void {
    if (output.kind === 'send') this.#socket?.send(output.bytes, output.to, output.plane);
    else if (output.kind === 'streaming') {
      this.#tally.ready++;
      this.#step({ kind: 'close', code: ErrorCode.NO_ERROR });
    } else if (output.kind === 'closed') {
      this.#count();
      if (!output.wasStreaming) this.#failed(errorCodeName(output.code));
      this.#endpoint = undefined;
      // Not from within the step of the one that left.
      if (!this.#ending) setImmediate(() => this.begin());
    }
  }

  #count(): void {
    const counters = this.#endpoint?.counters.snapshot().counters;
    if (counters === undefined) return;
    this.#tally.datagramsSent += counters.datagramsSent;
    this.#tally.bytesSent += counters.bytesSent;
    this.#tally.datagramsReceived += counters.datagramsReceived;
    this.#tally.bytesReceived += counters.bytesReceived;
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs the load once, in this process.
 *
 * @param psk at least 32 bytes.
 * @param counting called when it begins to count, and when it has.
 */
export async function runSecuredLoad(
  { port, window, warmUpMs, runMs }: SecuredLoad,
  psk: Uint8Array,
  counting: () => void,
): Promise<SecuredReport> {
  const tally: Tally = { ready: 0, datagramsSent: 0, bytesSent: 0, datagramsReceived: 0, bytesReceived: 0 };
  const failures: Record<string, number> = {};
  const failed = (reason: string): void => {
    failures[reason] = (failures[reason] ?? 0) + 1;
  };
  const security = pskCredentials(psk);
  const places = Array.from(
    { length: window },
    () => new Place({ address: '127.0.0.1', port }, security, tally, failed),
  );
  const timer = setInterval(() => {
    const nowMs = monotonicMs();
    for (const place of places) place.look(nowMs);
  }, LOOK_MS);
  try {
    for (const place of places) await place.open();
    for (const place of places) place.begin();
    await sleep(warmUpMs);
    const before = { ...tally };
    const fromMs = monotonicMs();
    counting();
    await sleep(runMs);
    const elapsedMs = monotonicMs() - fromMs;
    const { ready, datagramsSent, bytesSent, datagramsReceived, bytesReceived } = tally;
    counting();
    const untilMs = monotonicMs() + END_MS;
    while (places.filter((place) => !place.end()).length > 0 && monotonicMs() < untilMs) await sleep(LOOK_MS);
    return {
      elapsedMs,
      ready: ready - before.ready,
      datagramsSent: datagramsSent - before.datagramsSent,
      bytesSent: bytesSent - before.bytesSent,
      datagramsReceived: datagramsReceived - before.datagramsReceived,
      bytesReceived: bytesReceived - before.bytesReceived,
      failures,
    };
  } finally {
    clearInterval(timer);
    await Promise.all(places.map((place) => place.close()));
  }
}
