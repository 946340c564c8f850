import { decodeFrame, type KeptTlvs } from '../codec/decode.ts';
import { decodeSecured } from '../codec/decode-secured.ts';
import { CONTROL_FIRST_BYTE } from '../protocol/constants.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { Counters, DropReason } from './counters.ts';
import type { ControlSend, Peer, SessionHandle, TracedFrame, TraceOutput } from './io-types.ts';
import type { ProtectMedia } from './media-protection.ts';
import type { Random } from './random.ts';

/** What a session needs from the endpoint that it lives in. */
export interface SessionHost<Output> {
  readonly profile: Profile;
  readonly random: Random;
  readonly counters: Counters;
  /** Trace outputs are wanted. */
  readonly trace: boolean;
  /** How frames before the session's keys end: CRC-32, or MAC1. */
  readonly handshakeTrailer: FrameTrailer;
  /** Absent where nothing can protect the media of secured sessions. */
  readonly protectMedia?: ProtectMedia | undefined;
  emit(output: Output): void;
}

type ControlHost = Pick<SessionHost<ControlSend | TraceOutput>, 'counters' | 'trace' | 'emit'>;

/** What decoders keep of frames: those TLVs that nobody knows are for traces alone. */
export function keptTlvs({ trace }: Pick<ControlHost, 'trace'>): KeptTlvs {
  return trace ? 'all' : 'known';
}

/**
 * Sends one control frame. What is not a control frame cannot leave by this way (S1).
 *
 * @param replaces mark of a frame of which only the newest matters.
 * @param frame what is in it, where its bytes do not tell.
 */
export function sendControl(
  host: ControlHost,
  to: Peer,
  bytes: Uint8Array,
  replaces?: SessionHandle,
  frame?: TracedFrame,
): void {
  assertInvariant('S1', bytes[0] === CONTROL_FIRST_BYTE, 'not a control frame');
  host.counters.add('datagramsSent');
  host.counters.add('bytesSent', bytes.length);
  host.emit({ kind: 'send', plane: 'control', bytes, to, replaces });
  if (host.trace) traceFrame(host, 'sent', bytes, to, frame);
}

/**
 * Emits a trace of a frame; call only when tracing is on.
 *
 * @param inside what is in it, where its bytes do not tell.
 */
export function traceFrame(
  host: ControlHost,
  direction: 'sent' | 'received',
  bytes: Uint8Array,
  peer: Peer,
  inside?: TracedFrame,
): void {
  const frame = inside ?? readableFrame(bytes);
  if (frame !== undefined) host.emit({ kind: 'traceFrame', direction, frame, bytes: bytes.length, peer });
}

/** The frame that can be read without keys: a clear one, or one that ends with MAC1, right or wrong; `undefined` for anything else. */
export function readableFrame(bytes: Uint8Array): TracedFrame | undefined {
  const clear = decodeFrame(bytes);
  if (clear.ok) return clear.frame;
  const secured = decodeSecured(bytes, () => true);
  return secured.ok && !secured.sealed ? secured.frame : undefined;
}

/** Counts a datagram without effect and, when tracing is on, tells why. */
export function drop(host: ControlHost, reason: DropReason, peer: Peer, bytes: number): void {
  host.counters.drop(reason);
  if (host.trace) host.emit({ kind: 'traceDrop', reason, peer, bytes });
}
