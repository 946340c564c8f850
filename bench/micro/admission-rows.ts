import { encodeFrame } from '../../src/codec/encode.ts';
import type { Peer, ResponderOutput } from '../../src/engine/io-types.ts';
import { addressPrefix } from '../../src/engine/prefix.ts';
import { PrefixBucket } from '../../src/engine/prefix-bucket.ts';
import { ResponderEndpoint, type ResponderEndpointOptions } from '../../src/engine/responder-endpoint.ts';
import { cryptoEntropy } from '../../src/io/entropy.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { raisedLimits } from '../handshake-cell.ts';
import { type MicroRow, row } from './row.ts';
import { sampleFrames } from './sample-frames.ts';

const from: Peer = { address: '10.1.2.3', port: 4444 };
const NOW_MS = 1000;

/** What strangers cost a camera that gives them nothing: each is one datagram. */
export function admissionRows(): readonly MicroRow[] {
  const bucket = new PrefixBucket(new Uint8Array(8), { perSecond: 200, burst: 200 });
  const prefix = addressPrefix(from.address);
  const start = encodeFrame(sampleFrames.START);
  const damaged = start.slice();
  damaged[40] = 1;
  const confirm = encodeFrame(sampleFrames.START_CONFIRM);
  const { camera: wide } = raisedLimits(1, 0);
  const narrow = { ...wide, prefixRate: { perSecond: 1, burst: 1 } };
  const full = { ...wide, pendingMax: 1 };
  const copies = camera(wide);
  give(copies, start);
  const busy = camera(full);
  give(busy, start);
  return [
    row('the prefix of an IPv4 address', () => addressPrefix('192.168.100.200')),
    row('the prefix of an IPv6 address', () => addressPrefix('2001:db8:1:2::a0b')),
    row('a token of a prefix', () => bucket.take(prefix, NOW_MS)),
    datagram('not ours', camera(wide), Uint8Array.of(0x40, 1, 2, 3)),
    datagram('START, damaged', camera(wide), damaged),
    datagram('START, no token left', camera(narrow), start),
    datagram('START, a copy', copies, start),
    datagram('START, no place left', busy, encodeFrame({ ...sampleFrames.START, streamId: 99n })),
    datagram('START_CONFIRM, unknown ids', camera(wide), confirm),
  ];
}

function camera(limits: NonNullable<ResponderEndpointOptions['limits']>): ResponderEndpoint {
  return new ResponderEndpoint({ profile: profiles.default, entropy: cryptoEntropy, limits });
}

function give(endpoint: ResponderEndpoint, bytes: Uint8Array): readonly ResponderOutput[] {
  return endpoint.step({ kind: 'datagram', bytes, from }, NOW_MS);
}

function datagram(name: string, endpoint: ResponderEndpoint, bytes: Uint8Array): MicroRow {
  return row(name, () => give(endpoint, bytes));
}
