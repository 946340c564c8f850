import { decodeFrame } from '../codec/decode.ts';
import { CONTROL_FIRST_BYTE } from '../protocol/constants.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { Counters, DropReason } from './counters.ts';
import type { ControlSend, Peer, SessionHandle, TraceOutput } from './io-types.ts';
import type { Random } from './random.ts';

/** What a session needs from the endpoint that it lives in. */
export interface SessionHost<Output> {
  readonly profile: Profile;
  readonly random: Random;
  readonly counters: Counters;
  /** Trace outputs are wanted. */
  readonly trace: boolean;
  emit(output: Output): void;
}

type ControlHost = Pick<SessionHost<ControlSend | TraceOutput>, 'counters' | 'trace' | 'emit'>;

/**
 * Sends one control frame. What is not a control frame cannot leave by this way (S1).
 *
 * @param replaces mark of a frame of which only the newest matters.
 */
export function sendControl(host: ControlHost, to: Peer, bytes: Uint8Array, replaces?: SessionHandle): void {
  assertInvariant('S1', bytes[0] === CONTROL_FIRST_BYTE, 'not a control frame');
  host.counters.add('datagramsSent');
  host.counters.add('bytesSent', bytes.length);
  host.emit({ kind: 'send', plane: 'control', bytes, to, ...(replaces === undefined ? {} : { replaces }) });
  if (host.trace) traceFrame(host, 'sent', bytes, to);
}

/** Emits a trace of a frame; call only when tracing is on. */
export function traceFrame(host: ControlHost, direction: 'sent' | 'received', bytes: Uint8Array, peer: Peer): void {
  const decoded = decodeFrame(bytes);
  if (decoded.ok) host.emit({ kind: 'traceFrame', direction, frame: decoded.frame, bytes: bytes.length, peer });
}

/** Counts a datagram without effect and, when tracing is on, tells why. */
export function drop(host: ControlHost, reason: DropReason, peer: Peer, bytes: number): void {
  host.counters.drop(reason);
  if (host.trace) host.emit({ kind: 'traceDrop', reason, peer, bytes });
}
