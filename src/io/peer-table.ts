import type { Peer } from '../engine/io-types.ts';
import { AF_INET, IPV4_NAME_BYTES, ipv4Text, ipv6Text, NamedPeer, SOCKET_ADDRESS_BYTES } from './socket-address.ts';

/** Peers that are remembered at most. */
export const REMEMBERED_PEERS_MAX = 4096;

/** Of an address: family and port, of IPv4 the address, of IPv6 flow, four of the address, and the zone. */
const NAME_WORDS = 7;
const LINK_LOCAL = 0xfe80;

/**
 * Peers by the `sockaddr_in` or `sockaddr_in6` that they came from, so that the text of an address is made once and not for each
 * datagram. Each has one place, which another may take from it: a flood of strangers takes no more memory than there is.
 */
export class PeerTable {
  readonly #interfaceName: (index: number) => string;
  readonly #names = new Uint32Array(REMEMBERED_PEERS_MAX * NAME_WORDS);
  readonly #peers: (Peer | undefined)[] = new Array<Peer | undefined>(REMEMBERED_PEERS_MAX).fill(undefined);

  /** @param interfaceName see {@link ReceiveCalls}. */
  constructor(interfaceName: (index: number) => string) {
    this.#interfaceName = interfaceName;
  }

  /** The peer with this address, whose text is as node:dgram has it. @param name what the system wrote, which may change afterwards. */
  peerOf(name: Uint32Array): Peer {
    const words = ((name[0] ?? 0) & 0xffff) === AF_INET ? 2 : NAME_WORDS;
    const place = placeOf(name, words);
    const at = place * NAME_WORDS;
    const known = this.#peers[place];
    if (known !== undefined && this.#holds(at, name, words)) return known;
    for (let i = 0; i < words; i++) this.#names[at + i] = name[i] ?? 0;
    const peer = this.#read(name, words === 2);
    this.#peers[place] = peer;
    return peer;
  }

  #holds(at: number, name: Uint32Array, words: number): boolean {
    for (let i = 0; i < words; i++) if (this.#names[at + i] !== name[i]) return false;
    return true;
  }

  #read(name: Uint32Array, ipv4: boolean): Peer {
    const bytes = new Uint8Array(name.buffer, name.byteOffset, name.byteLength);
    const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
    if (ipv4) return new NamedPeer(ipv4Text(bytes, 4), port, ipv4Name(bytes));
    const address = ipv6Text(bytes, 8);
    const zone = name[6] ?? 0;
    const linkLocal = ((((bytes[8] ?? 0) << 8) | (bytes[9] ?? 0)) & 0xffc0) === LINK_LOCAL;
    const zoned = linkLocal && zone !== 0 ? `${address}%${this.#interfaceName(zone)}` : address;
    return new NamedPeer(zoned, port, bytes.slice(0, SOCKET_ADDRESS_BYTES));
  }
}

/** What the system leaves behind an address of IPv4 is anything, and is to be zeros. */
function ipv4Name(bytes: Uint8Array): Uint8Array {
  const name = new Uint8Array(IPV4_NAME_BYTES);
  for (let i = 0; i < 8; i++) name[i] = bytes[i] ?? 0;
  return name;
}

/** Ports and addresses that follow each other get places that do not. */
function placeOf(name: Uint32Array, words: number): number {
  let hash = 0;
  for (let i = 0; i < words; i++) {
    hash = Math.imul(hash ^ (name[i] ?? 0), 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85eb_ca6b);
  return (hash >>> 13) & (REMEMBERED_PEERS_MAX - 1);
}
