import { dtls } from './dtls.ts';
import { firstframePeer } from './firstframe.ts';
import type { ComparePeer } from './peer.ts';
import { quic } from './quic.ts';
import { rtsp } from './rtsp.ts';
import { srt } from './srt.ts';
import { tcp } from './tcp.ts';
import { tls } from './tls.ts';
import { udpEcho } from './udp-echo.ts';
import { webrtc } from './webrtc.ts';

/** The one that the others are told as multiples of. */
export const ours = firstframePeer('firstframe', 'none');

/** Everything that can be compared, in the order in which it is measured and printed. */
export const comparePeers: readonly ComparePeer[] = [
  udpEcho,
  ours,
  firstframePeer('firstframe-psk', 'psk'),
  firstframePeer('firstframe-keys', 'keys'),
  tcp,
  tls,
  dtls,
  quic,
  srt,
  rtsp,
  webrtc,
];

/** The peer of that name. @throws Error when there is none. */
export function peerNamed(name: string): ComparePeer {
  const found = comparePeers.find((peer) => peer.name === name);
  if (found === undefined) throw new Error(`there is no peer ${name}`);
  return found;
}
