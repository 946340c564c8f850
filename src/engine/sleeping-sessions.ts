import { defaultAdmissionLimits } from './admission.ts';
import type { ResponderHost } from './responder-host.ts';
import { ResponderSession } from './responder-session.ts';
import { SessionTable, type SessionTableOptions } from './session-table.ts';
import { tupleKeyOf } from './tuple.ts';
import { tupleHashKey } from './tuple-hash.ts';

/** START_ACK's size: all of its TLVs have a length. */
const START_ACK_BYTES = 56;
/** The same in both secured modes, rounded up. */
const SECURED_START_ACK_BYTES = 200;

/**
 * Half-open sessions of a camera that stay awake: as many as it has before load mode begins, so that records are for floods. To make a record of an
 * honest viewer's session, and a session of the record again, took a twelfth of the engine's time (`firstframe bench micro --only handshake`).
 */
export const AWAKE_PENDING_MAX = defaultAdmissionLimits.load.pending;

/** What a camera's table depends on. */
export interface SleepOptions extends Pick<SessionTableOptions, 'slept'> {
  /** Mode `psk` or `keys`. */
  readonly secured: boolean;
  /** See {@link SessionTableOptions}; default {@link AWAKE_PENDING_MAX}. */
  readonly awakePendingMax: number | undefined;
}

/** The table of a camera's sessions, of which those that have been half-open for a while sleep. */
export function sessionTableOf(
  host: ResponderHost,
  { secured, awakePendingMax = AWAKE_PENDING_MAX, slept }: SleepOptions,
): SessionTable {
  return new SessionTable({
    tupleHashKey: tupleHashKey(host.resetKey),
    startAckBytesMax: secured ? SECURED_START_ACK_BYTES : START_ACK_BYTES,
    awakePendingMax,
    slept,
    wake: (record) => {
      const { handle, peer, proven, streamId, attempt, security } = record;
      // Whoever showed a good token does not sleep, and the application knows which stream it was asked for.
      const [tupleKey, streamName, redeemed] = [tupleKeyOf(peer), undefined, undefined];
      const start = { handle, peer, tupleKey, streamId, attempt, proven, security, streamName, redeemed };
      const session = new ResponderSession(host, start);
      session.resume(record);
      return session;
    },
  });
}
