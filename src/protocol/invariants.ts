/**
 * The protocol's promises by their ids (docs/PROTOCOL.md, section 10). Tests and assertions name them.
 */
export const invariants = {
  S1: 'media leaves only on a tuple that confirmed with the current SessionTag, or within a valid token’s budget',
  S2: 'bytes and packets to an address that neither confirmed nor showed a valid token are at most those received from it',
  S3: 'an initiator in Streaming implies that the responder has or had that session',
  S4: 'both in Streaming implies the same ids, version, parameters and keys',
  S5: 'every cap holds',
  S6: 'one active session per (tuple, role), one reservation per candidate',
  S7: 'no START, RETRY, ICMP, unauthenticated ERROR or malformed datagram changes a live session',
  S8: 'only the peer’s own BYE or RESET, a timer or a local decision ends a session',
  S9: 'zero media after BYE, consent expiry or Closed',
  S10: 'decode never throws, never over-reads, never allocates by an announced length',
  S11: 'no (key, nonce) for two different texts, no replay delivered',
  S12: 'no answer to an answer',
  S13: 'retransmissions are byte-identical but for attempt, cookie, padding and trailer',
  S14: 'the destination moves only after PATH_RESPONSE',
  S15: 'no wall clock, ambient randomness or real timer in the core',
  S16: 'metric labels are closed sets, log rate is bounded',
  L1: 'every attempt ends Streaming or Closed within deadline + 1 s',
  L2: 'if one of any 5 consecutive copies passes each way, the handshake succeeds before the deadline',
  L3: 'after either side closes or dies both are Closed in bounded time',
  L4: 'from every reachable state agreement or both-closed stays reachable',
  L5: 'after a flood the responder is back to normal within 10 s',
  L6: 'a permanent one-way partition ends both',
} as const;

/** Id of an invariant. */
export type InvariantId = keyof typeof invariants;

/** A broken promise: always a bug in this package, never a peer's doing. */
export class InvariantError extends Error {
  /** Which promise. */
  readonly id: InvariantId;
  constructor(id: InvariantId, detail: string) {
    super(`${id} is broken: ${invariants[id]} (${detail})`);
    this.name = 'InvariantError';
    this.id = id;
  }
}

/**
 * Throws {@link InvariantError} unless `holds`; stays on in production.
 */
export function assertInvariant(id: InvariantId, holds: boolean, detail: string): asserts holds {
  if (!holds) throw new InvariantError(id, detail);
}
