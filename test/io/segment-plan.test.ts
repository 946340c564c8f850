import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/engine/io-types.ts';
import { type Addressed, MESSAGE_BYTES_MAX, messageEnd, SEGMENTS_MAX } from '../../src/io/segment-plan.ts';
import { socketAddress } from '../../src/io/socket-address.ts';
import { seedFromEnv } from '../support/seeded.ts';

const peers: readonly Peer[] = [
  { address: '127.0.0.1', port: 1 },
  { address: '127.0.0.1', port: 2 },
  { address: '127.0.0.2', port: 1 },
];

function datagram(bytes: number, peer = 0): Addressed {
  return { bytes: new Uint8Array(bytes), to: { ...(peers[peer] as Peer) } };
}

/** Cuts a queue into messages, as sizes. */
function messages(queue: readonly Addressed[]): number[][] {
  const found: number[][] = [];
  for (let first = 0; first < queue.length; ) {
    const end = messageEnd(queue, first, queue.length);
    found.push(queue.slice(first, end).map(({ bytes }) => bytes.length));
    first = end;
  }
  return found;
}

describe('what leaves as one message', () => {
  it('is what follows each other to one destination in one size, and one shorter at its end', () => {
    expect(messages([datagram(9), datagram(9), datagram(4), datagram(4), datagram(5)])).toEqual([[9, 9, 4], [4], [5]]);
    expect(messages([datagram(9), datagram(9, 1), datagram(9, 1), datagram(9, 2)])).toEqual([[9], [9, 9], [9]]);
    expect(messages([datagram(0), datagram(0), datagram(9), datagram(0)])).toEqual([[0], [0], [9], [0]]);
  });

  it('is at most 64 datagrams and 65,507 bytes', () => {
    expect(messages(Array.from({ length: 130 }, () => datagram(10))).map(({ length }) => length)).toEqual([64, 64, 2]);
    expect(messages(Array.from({ length: 60 }, () => datagram(1200))).map(({ length }) => length)).toEqual([54, 6]);
  });

  it('is for any queue all of it in order, within every limit, and never two where one would do', () => {
    const sizes = fc.oneof(fc.constantFrom(0, 1, 1199, 1200), fc.integer({ min: 0, max: 65_507 }));
    const one = fc.record({ bytes: sizes, peer: fc.nat(2), copies: fc.integer({ min: 1, max: 80 }) });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), (parts) => {
        const queue = parts.flatMap(({ bytes, peer, copies }) =>
          Array.from({ length: copies }, () => datagram(bytes, peer)),
        );
        let first = 0;
        while (first < queue.length) {
          const end = messageEnd(queue, first, queue.length);
          const message = queue.slice(first, end);
          expect(message.length).toBeGreaterThan(0);
          expect(message.length).toBeLessThanOrEqual(SEGMENTS_MAX);
          const [head] = message as [Addressed];
          const total = message.reduce((sum, { bytes }) => sum + bytes.length, 0);
          expect(total).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
          for (const { bytes, to } of message.slice(1)) {
            expect(to).toEqual(head.to);
            expect(bytes.length).toBeGreaterThan(0);
            expect(bytes.length).toBeLessThanOrEqual(head.bytes.length);
          }
          for (const { bytes } of message.slice(0, -1)) expect(bytes.length).toBe(head.bytes.length);
          const next = queue[end];
          const wouldDo =
            next !== undefined &&
            message.length < SEGMENTS_MAX &&
            message.at(-1)?.bytes.length === head.bytes.length &&
            next.bytes.length > 0 &&
            next.bytes.length <= head.bytes.length &&
            next.to.port === head.to.port &&
            next.to.address === head.to.address &&
            total + next.bytes.length <= MESSAGE_BYTES_MAX;
          expect(wouldDo).toBe(false);
          first = end;
        }
        expect(first).toBe(queue.length);
      }),
      { seed: seedFromEnv('io/segment-plan'), numRuns: 100 },
    );
  });

  it('takes no more than it is given', () => {
    expect(messageEnd([datagram(9), datagram(9), datagram(9)], 0, 2)).toBe(2);
  });
});

describe('an address for the kernel', () => {
  it.each([
    ['127.0.0.1', 4444, false, '0200115c7f000001'],
    ['::1', 4444, true, '0a00115c00000000000000000000000000000000000000010000000'],
    ['::', 1, true, '0a000001000000000000000000000000000000000000000000000000'],
    ['2001:db8::ff00:42:8329', 1, true, '0a0000010000000020010db8000000000000ff000042832900000000'],
    ['1:2:3:4:5:6:7:8', 65_535, true, '0a00ffff0000000000010002000300040005000600070008'],
    ['fe80::', 1, true, '0a00000100000000fe80'],
    ['::ffff:127.0.0.1', 4444, true, '0a00115c0000000000000000000000000000ffff7f000001'],
  ])('%s port %i is laid out as ip(7) and ipv6(7) say', (address, port, ipv6, hex) => {
    const bytes = socketAddress({ address, port }, ipv6);
    const wanted = hex.padEnd(ipv6 ? 56 : 32, '0').slice(0, ipv6 ? 56 : 32);
    expect(Buffer.from(bytes ?? []).toString('hex')).toBe(wanted);
  });

  it.each([
    ['127.0.0.1', 0, false],
    ['127.0.0.1', 65_536, false],
    ['localhost', 1, false],
    ['::1', 1, false],
    ['127.0.0.1', 1, true],
    ['fe80::1%eth0', 1, true],
  ])('%s port %i is none (IPv6 socket: %s)', (address, port, ipv6) => {
    expect(socketAddress({ address, port }, ipv6)).toBeUndefined();
  });
});
