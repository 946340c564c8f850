import { SocketAddress } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PeerTable, REMEMBERED_PEERS_MAX } from '../../src/io/peer-table.ts';
import { NamedPeer, SOCKET_ADDRESS_BYTES, socketAddress } from '../../src/io/socket-address.ts';
import { runsFromEnv, seeded, seedFromEnv } from '../support/seeded.ts';

/** As the system writes it. @param zone of IPv6. */
function nameOf(address: string, port: number, zone = 0): Uint32Array {
  const words = new Uint32Array(SOCKET_ADDRESS_BYTES >> 2).fill(0xaaaa_aaaa);
  const bytes = new Uint8Array(words.buffer);
  bytes.set(socketAddress({ address, port }, address.includes(':')) ?? []);
  if (address.includes(':')) words[6] = zone;
  return words;
}

const table = (): PeerTable => new PeerTable((index) => `wire${index}`);

describe('a table of peers', () => {
  it('writes addresses of IPv4 and IPv6 as Node does', () => {
    const random = seeded(seedFromEnv('io/peer-table'));
    const peers = table();
    for (let run = 0; run < runsFromEnv(5000); run++) {
      const group = (): string => (random.below(2) === 0 ? '0' : random.below(0x1_0000).toString(16));
      const six = Array.from({ length: 8 }, group).join(':');
      const port = 1 + random.below(65_535);
      const text = new SocketAddress({ address: six, family: 'ipv6' }).address;
      expect(peers.peerOf(nameOf(six, port))).toEqual({ address: text, port });
      const four = Array.from({ length: 4 }, () => random.below(256)).join('.');
      expect(peers.peerOf(nameOf(four, port))).toEqual({ address: four, port });
    }
  });

  it.each([
    '::',
    '::1',
    '::2',
    '::1:2',
    '::ffff:1.2.3.4',
    '::1.2.3.4',
    '1::',
    '1:0:0:2::3',
    '1:0:2:0:3:0:4:0',
    '0:1::',
  ])('writes %s as Node does', (address) => {
    const text = new SocketAddress({ address, family: 'ipv6' }).address;
    expect(table().peerOf(nameOf(address, 9)).address).toBe(text);
  });

  it('keeps what answers go to, clean of what the system left behind it, for a socket of the same family', () => {
    const four = table().peerOf(nameOf('10.1.2.3', 5004));
    expect(NamedPeer.nameOf(four, false)).toEqual(socketAddress(four, false));
    expect(NamedPeer.nameOf(four, true)).toBeUndefined();
    const six = table().peerOf(nameOf('fe80::1', 7, 3));
    const expected = socketAddress({ address: 'fe80::1', port: 7 }, true);
    expected?.set([3], 24);
    expect(NamedPeer.nameOf(six, true)).toEqual(expected);
    expect(NamedPeer.nameOf(six, false)).toBeUndefined();
    expect(NamedPeer.nameOf({ address: '10.1.2.3', port: 5004 }, false)).toBeUndefined();
  });

  it('names the interface of a link-local address, and of no other', () => {
    const peers = table();
    expect(peers.peerOf(nameOf('fe80::1', 7, 3))).toEqual({ address: 'fe80::1%wire3', port: 7 });
    expect(peers.peerOf(nameOf('febf::1', 7, 3))).toEqual({ address: 'febf::1%wire3', port: 7 });
    expect(peers.peerOf(nameOf('fe80::1', 7, 4))).toEqual({ address: 'fe80::1%wire4', port: 7 });
    expect(peers.peerOf(nameOf('fe80::1', 7))).toEqual({ address: 'fe80::1', port: 7 });
    expect(peers.peerOf(nameOf('fec0::1', 7, 3))).toEqual({ address: 'fec0::1', port: 7 });
    expect(peers.peerOf(nameOf('fd00::1', 7, 3))).toEqual({ address: 'fd00::1', port: 7 });
  });

  it('gives a peer that it knows the same object, whatever was behind an address of IPv4', () => {
    const peers = table();
    const name = nameOf('10.1.2.3', 5004);
    const peer = peers.peerOf(name);
    name.fill(0x5555_5555, 2);
    expect(peers.peerOf(name)).toBe(peer);
    expect(peers.peerOf(nameOf('10.1.2.3', 5005))).toEqual({ address: '10.1.2.3', port: 5005 });
    expect(peers.peerOf(nameOf('10.1.2.4', 5004))).toEqual({ address: '10.1.2.4', port: 5004 });
    expect(peers.peerOf(nameOf('::ffff:10.1.2.3', 5004))).toEqual({ address: '::ffff:10.1.2.3', port: 5004 });
    const six = peers.peerOf(nameOf('fd00::9', 1));
    expect(peers.peerOf(nameOf('fd00::9', 1))).toBe(six);
  });

  it.each([
    ['ports of one address', (i: number) => nameOf('192.0.2.1', 1000 + i)],
    ['addresses of one port', (i: number) => nameOf(`10.0.${i >> 8}.${i & 255}`, 5004)],
    ['subnets of one port', (i: number) => nameOf(`10.${i >> 8}.${i & 255}.1`, 5004)],
    ['hosts of IPv6', (i: number) => nameOf(`fd00::${i.toString(16)}`, 5004)],
    ['networks of IPv6', (i: number) => nameOf(`fd00:${i.toString(16)}::1`, 5004)],
  ])('knows most of 1,000 %s again', (_, name) => {
    const peers = table();
    const all = Array.from({ length: 1000 }, (_, i) => peers.peerOf(name(i)));
    // By chance alone 884 keep their places.
    expect(all.filter((peer, i) => peers.peerOf(name(i)) === peer).length).toBeGreaterThan(700);
  });

  it('S5: forgets peers for the newest ones, and mistakes none for another', () => {
    const peers = table();
    const first = Array.from({ length: 64 }, (_, i) => nameOf('192.0.2.1', 1000 + i));
    const kept = first.map((name) => peers.peerOf(name));
    for (let i = 0; i < 20 * REMEMBERED_PEERS_MAX; i++) {
      const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      const peer = peers.peerOf(nameOf(address, 4000));
      if (peer.address !== address || peer.port !== 4000) expect(peer).toEqual({ address, port: 4000 });
    }
    const again = first.map((name) => peers.peerOf(name));
    expect(again).toEqual(kept);
    expect(again.filter((peer, i) => peer === kept[i])).toEqual([]);
  });
});
