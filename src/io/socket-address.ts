import { isIPv4, isIPv6 } from 'node:net';
import type { Peer } from '../engine/io-types.ts';
import { ipv4Bytes } from '../engine/prefix.ts';

/** Bytes of the larger of both, `sockaddr_in6`. */
export const SOCKET_ADDRESS_BYTES = 28;

/** Bytes of `sockaddr_in`. */
export const IPV4_NAME_BYTES = 16;

/**
 * Whether an address that is known to be numeric is one of IPv6. `isIPv6` of Node takes 3 ms when a process first asks it, because its
 * expression is long.
 */
export function isNumericIPv6(address: string): boolean {
  return address.includes(':');
}

/** Family of IPv4. */
export const AF_INET = 2;
const AF_INET6 = 10;

/**
 * A peer as `sockaddr_in` or `sockaddr_in6` of Linux (ip(7), ipv6(7)), as the socket's own family takes it.
 *
 * @param ipv6 the socket is one of IPv6.
 * @returns `undefined` for what needs the system's resolver or is wrong: a name, a zone (`fe80::1%eth0`), another family, port 0.
 */
export function socketAddress({ address, port }: Peer, ipv6: boolean): Uint8Array | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 0xffff) return undefined;
  if (ipv6 ? !isIPv6(address) || address.includes('%') : !isIPv4(address)) return undefined;
  const bytes = new Uint8Array(ipv6 ? SOCKET_ADDRESS_BYTES : IPV4_NAME_BYTES);
  // The family is in the machine's byte order: little-endian wherever this runs.
  bytes[0] = ipv6 ? AF_INET6 : AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  bytes.set(ipv6 ? ipv6Bytes(address) : ipv4Bytes(address), ipv6 ? 8 : 4);
  return bytes;
}

/** A peer that a datagram came from, with what its answers go to: nobody has to read its text again for them. */
export class NamedPeer implements Peer {
  readonly address: string;
  readonly port: number;
  readonly #name: Uint8Array;

  /** @param name as {@link socketAddress}, of the socket's own family; a zone may be in it. */
  constructor(address: string, port: number, name: Uint8Array) {
    this.address = address;
    this.port = port;
    this.#name = name;
  }

  /** @param ipv6 the socket is one of IPv6. @returns `undefined` for a peer that came by another way. */
  static nameOf(peer: Peer, ipv6: boolean): Uint8Array | undefined {
    if (!(peer instanceof NamedPeer)) return undefined;
    return peer.#name.length === (ipv6 ? SOCKET_ADDRESS_BYTES : IPV4_NAME_BYTES) ? peer.#name : undefined;
  }
}

/** The text of an IPv4 address, of which the first byte is at `at`. */
export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** The text of an IPv6 address, of which the first byte is at `at`, as libuv writes it (inet_ntop): without a zone. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let i = at; i < at + 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const [from, length] = longestZeros(groups);
  const holdsIpv4 = from === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  const texts = groups.map((group) => group.toString(16));
  if (holdsIpv4) texts.splice(6, 2, ipv4Text(bytes, at + 12));
  if (length < 2) return texts.join(':');
  return `${texts.slice(0, from).join(':')}::${texts.slice(from + length).join(':')}`;
}

/** The first of the longest runs of zeros, and its length. */
function longestZeros(groups: readonly number[]): readonly [from: number, length: number] {
  let [from, length] = [0, 0];
  let run = 0;
  for (const [i, group] of groups.entries()) {
    run = group === 0 ? run + 1 : 0;
    if (run > length) [from, length] = [i + 1 - run, run];
  }
  return [from, length];
}

function ipv6Bytes(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  return [...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after];
}

/** Bytes of `a:b:1.2.3.4`. */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return [...ipv4Bytes(group)];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
