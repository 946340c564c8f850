import { EARLY_MEDIA_DATAGRAMS_MAX } from '../protocol/constants.ts';
import type { InitiatorOutput, Peer } from './io-types.ts';
import type { MediaInlet } from './media-inlet.ts';
import { drop, type SessionHost } from './session-host.ts';

/** Media that overtook START_ACK: nobody knows yet whose it is. The first 64 datagrams are kept, each dropped one is counted. */
export class EarlyMedia {
  readonly #host: SessionHost<InitiatorOutput>;
  readonly #peer: Peer;
  #datagrams: Uint8Array[] = [];

  constructor(host: SessionHost<InitiatorOutput>, peer: Peer) {
    this.#host = host;
    this.#peer = peer;
  }

  keep(datagram: Uint8Array | undefined): void {
    if (datagram === undefined) return;
    if (this.#datagrams.length < EARLY_MEDIA_DATAGRAMS_MAX) this.#datagrams.push(datagram);
    else drop(this.#host, 'mediaEarly', this.#peer, datagram.length);
  }

  /**
   * START_ACK has named the SSRC, and in a secured session brought the keys.
   *
   * @param granted without it nothing that came before can be media of this session.
   */
  settle(inlet: MediaInlet | undefined, granted: boolean, nowMs: number): void {
    if (this.#datagrams.length === 0) return;
    if (!granted || inlet === undefined) return this.forget();
    const datagrams = this.#datagrams;
    this.#datagrams = [];
    for (const datagram of datagrams) {
      const packet = inlet.take(datagram, nowMs);
      if (typeof packet === 'string') drop(this.#host, packet, this.#peer, datagram.length);
      else inlet.receive(packet, nowMs);
    }
  }

  /** None of it is media of this session. */
  forget(): void {
    for (const { length } of this.#datagrams) drop(this.#host, 'mediaEarly', this.#peer, length);
    this.#datagrams = [];
  }
}
