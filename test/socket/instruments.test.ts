import { describe, expect, it } from 'vitest';
import { rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { handshakeOrder, type Passed } from '../support/handshake-order.ts';
import { readPcap } from '../support/pcap.ts';

const ids = { streamId: 5n, sessionTag: 77n };
const start: Passed = { direction: 'toCamera', bytes: startBytes(5n) };
const ack: Passed = { direction: 'toViewer', bytes: sessionFrame('START_ACK', ids) };
const confirm: Passed = { direction: 'toCamera', bytes: sessionFrame('START_CONFIRM', ids) };
const media: Passed = { direction: 'toViewer', bytes: rtpBytes(7) };

describe('the judge of a handshake', () => {
  it('finds nothing wrong with START, START_ACK, START_CONFIRM, RTP', () => {
    expect(handshakeOrder([start, ack, confirm, media, media])).toEqual({
      firsts: ['START', 'START_ACK', 'START_CONFIRM', 'RTP'],
      mediaBeforeConfirm: 0,
      media: 2,
    });
  });

  it.each([
    ['the confirm is missing', [start, ack, media]],
    ['media is one datagram early', [start, ack, media, confirm]],
    ['START_ACK is missing', [start, confirm, media]],
    [
      'the confirm has another tag',
      [start, ack, { ...confirm, bytes: sessionFrame('START_CONFIRM', { ...ids, sessionTag: 78n }) }, media],
    ],
    [
      'the confirm has another StreamId',
      [start, ack, { ...confirm, bytes: sessionFrame('START_CONFIRM', { ...ids, streamId: 6n }) }, media],
    ],
    ['the confirm comes from the camera', [start, ack, { ...confirm, direction: 'toViewer' }, media]],
    ['the confirm is damaged', [start, ack, { ...confirm, bytes: confirm.bytes.with(30, 1) }, media]],
  ] as const)('finds media too early when %s', (_, passed) => {
    expect(handshakeOrder(passed).mediaBeforeConfirm).toBe(1);
  });
});

/** A capture with one Ethernet frame: UDP from port 1 to port 2 with these bytes. */
function capture(little: boolean, payload: readonly number[], ipv6: boolean, magic = 0xa1b2c3d4): Uint8Array {
  const udp = [0, 1, 0, 2, 0, 8 + payload.length, 0, 0, ...payload];
  const ip = ipv6
    ? [0x60, 0, 0, 0, 0, udp.length, 17, 64, ...new Array(32).fill(0)]
    : [0x45, ...new Array(8).fill(0), 17, ...new Array(10).fill(0)];
  const packet = [...new Array(12).fill(0), ...(ipv6 ? [0x86, 0xdd] : [0x08, 0x00]), ...ip, ...udp];
  const file = new Uint8Array(24 + 16 + packet.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, magic, little);
  view.setUint32(20, 1, little);
  view.setUint32(24, 7, little);
  view.setUint32(28, 500_000, little);
  view.setUint32(32, packet.length, little);
  view.setUint32(36, packet.length, little);
  file.set(packet, 40);
  return file;
}

describe('the reader of captures', () => {
  it.each([
    { little: true, ipv6: false },
    { little: false, ipv6: false },
    { little: true, ipv6: true },
  ])('finds UDP datagrams (little-endian: $little, IPv6: $ipv6)', ({ little, ipv6 }) => {
    const [datagram, ...others] = readPcap(capture(little, [1, 2, 3], ipv6));
    expect(others).toEqual([]);
    expect(datagram).toMatchObject({ atMs: 7500, sourcePort: 1, destinationPort: 2, bytes: 3 });
    expect([...(datagram?.payload ?? [])]).toEqual([1, 2, 3]);
  });

  it('leaves out a record that is cut off, and refuses what is no capture', () => {
    const whole = capture(true, [1, 2, 3], false);
    expect(readPcap(whole.subarray(0, whole.length - 1))).toEqual([]);
    expect(readPcap(whole.subarray(0, 24))).toEqual([]);
    expect(() => readPcap(new Uint8Array(24))).toThrow(/not a pcap file/);
    expect(() => readPcap(new Uint8Array(3))).toThrow(/too short/);
  });
});
