import { firstSequence } from '../media/rtp.ts';
import { SrtpReceiver, type SrtpRefusal, SrtpSender } from '../security/srtp.ts';
import { SRTP_OVERHEAD_BYTES } from '../security/srtp-packet.ts';
import type { MediaProtection, MediaRefusal, ProtectedSession } from './media-protection.ts';

/** The media of a secured session as SRTP and SRTCP: each side sends under its own media secret. */
export function srtpMedia({ keys, role, ssrc, nowMs }: ProtectedSession): MediaProtection {
  const { own, other } = keys.sidesOf(role);
  const first = firstSequence(ssrc);
  const sender = new SrtpSender(own.media, first, nowMs);
  const receiver = new SrtpReceiver(other.media, first, nowMs);
  return {
    overheadBytes: SRTP_OVERHEAD_BYTES,
    protect: (packet, atMs) => sender.protect(packet, atMs),
    unprotect: (datagram, atMs) => packetOf(receiver.open(datagram, atMs)),
    protectFeedback: (packet, atMs) => sender.protectRtcp(packet, atMs),
    unprotectFeedback: (datagram, atMs) => packetOf(receiver.openRtcp(datagram, atMs)),
  };
}

function packetOf(opened: Uint8Array | SrtpRefusal): Uint8Array | MediaRefusal {
  if (typeof opened !== 'string') return opened;
  return opened === 'replay' ? 'mediaReplayed' : 'mediaForged';
}
