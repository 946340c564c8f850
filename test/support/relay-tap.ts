import { type RelayRecord, UdpRelay, type UdpRelayOptions } from '../../src/io/udp-relay.ts';
import { addressText } from '../../src/observe/text.ts';
import { Witness } from './witness.ts';

const BYTES_MAX = 256 * 1024 * 1024;
const RECORDS_MAX = 500_000;

/** A relay on loopback with all that it saw. Memory is bounded: what is beyond the limits is counted in {@link overflow}. */
export class TappedRelay implements AsyncDisposable {
  readonly relay: UdpRelay;
  readonly #tap: Tap;

  private constructor(relay: UdpRelay, tap: Tap) {
    this.relay = relay;
    this.#tap = tap;
  }

  /** Opens a relay on a free port of 127.0.0.1. */
  static async open(options: UdpRelayOptions): Promise<TappedRelay> {
    const tap = new Tap();
    return new TappedRelay(await UdpRelay.open({ ...options, trace: (record) => tap.note(record) }), tap);
  }

  /** Where viewers send to. */
  get address(): string {
    const { address, port } = this.relay.local;
    return addressText(address, port);
  }

  /** Everything so far, in order. */
  get records(): readonly RelayRecord[] {
    return this.#tap.witness.seen;
  }

  /** The first record that matches, from the one numbered `from` on, whether it was seen already or is to come. */
  when(match: (record: RelayRecord) => boolean, limitMs: number, what: string, from = 0): Promise<RelayRecord> {
    return this.#tap.witness.when(match, limitMs, what, from);
  }

  /** Datagrams that were not written down because there was no room. */
  get overflow(): number {
    return this.#tap.overflow;
  }

  /** What was seen of the viewer that sent a datagram which matches; empty if none did. */
  laneWhere(match: (bytes: Uint8Array) => boolean): readonly RelayRecord[] {
    const lanes = [...this.#tap.lanes.values()];
    return lanes.find((lane) => lane.some(({ direction, bytes }) => direction === 'toCamera' && match(bytes))) ?? [];
  }

  close(): Promise<void> {
    return this.relay.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class Tap {
  readonly witness = new Witness<RelayRecord>(RECORDS_MAX);
  readonly lanes = new Map<number, RelayRecord[]>();
  overflow = 0;
  #bytes = 0;

  note(record: RelayRecord): void {
    if (this.witness.seen.length >= RECORDS_MAX || this.#bytes + record.bytes.length > BYTES_MAX) {
      this.overflow++;
      return;
    }
    this.#bytes += record.bytes.length;
    const lane = this.lanes.get(record.lane) ?? [];
    this.lanes.set(record.lane, lane);
    lane.push(record);
    this.witness.note(record);
  }
}
