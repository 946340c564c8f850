import type { ResponderHost } from './responder-host.ts';
import { ResponderSession } from './responder-session.ts';
import { SessionTable } from './session-table.ts';
import { tupleKeyOf } from './tuple.ts';
import { tupleHashKey } from './tuple-hash.ts';

/** START_ACK's size: all of its TLVs have a length. */
const START_ACK_BYTES = 56;
/** The same in both secured modes, rounded up. */
const SECURED_START_ACK_BYTES = 200;

/**
 * The table of a camera's sessions, of which those that are half-open sleep.
 *
 * @param secured in mode `psk` or `keys`.
 */
export function sessionTableOf(host: ResponderHost, secured: boolean): SessionTable {
  return new SessionTable({
    tupleHashKey: tupleHashKey(host.resetKey),
    startAckBytesMax: secured ? SECURED_START_ACK_BYTES : START_ACK_BYTES,
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
