/** How datagrams travel. */
export type NetworkMode = 'set' | 'queue';

/**
 * What an exploration is limited to. A bound that hides a state is no proof beyond it: they are printed with every result
 * ({@link describeBounds}), and so is how often one of them stopped a step (`blocked`).
 */
export interface Bounds {
  /**
   * `set`: whatever was sent may arrive at any later time, any number of times, or never.
   * `queue`: at most `inFlightMax` datagrams each way; each may be lost, arrive in any order, and arrive twice.
   */
  readonly network: NetworkMode;
  /** Datagrams each way in mode `queue`; what does not fit is lost. */
  readonly inFlightMax: number;
  /** STARTs that are admitted in one behaviour, 1..6. */
  readonly sessionsMax: number;
  /** Candidates per tuple; the engine's own cap is CANDIDATES_PER_TUPLE_MAX. */
  readonly candidatesMax: number;
  /** The profile's cap on copies of one frame. */
  readonly sendsMax: number;
  /** RETRYs that may still be followed: the machine's counter begins that far below its own cap. */
  readonly retriesLeft: number;
  /** Restarts that an initiator may still make; as above. */
  readonly restartsLeft: number;
  /** BYEs that may still be sent; as above. */
  readonly byesLeft: number;
  /** Probes that may still be sent after the confirm; as above. */
  readonly probesLeft: number;
  /** The responder's process ends and begins again, 0..3 times. */
  readonly responderRestarts: number;
  /** The initiator's process ends and begins again on the same tuple, 0..3 times. */
  readonly initiatorRestarts: number;
  /** A blind attacker: any frame in either end's name, but without the ids that it cannot see. */
  readonly attacker: boolean;
  /** StreamIds of the attacker's STARTs: as many candidates can it open on the tuple at a time. */
  readonly attackerStreams: number;
  /** Applications close and refuse at any time. */
  readonly closes: boolean;
  /** Sockets fail at any time. */
  readonly socketFailures: boolean;
}

/** Bounds of the exploration that is run for each change; `bench/explore` takes others. */
export const defaultBounds: Bounds = {
  network: 'set',
  inFlightMax: 2,
  sessionsMax: 2,
  candidatesMax: 2,
  sendsMax: 2,
  retriesLeft: 0,
  restartsLeft: 1,
  byesLeft: 1,
  probesLeft: 1,
  responderRestarts: 1,
  initiatorRestarts: 0,
  attacker: true,
  attackerStreams: 1,
  closes: true,
  socketFailures: false,
};

/** StreamIds that the initiators of one behaviour may draw: one a process, and one a restart of its handshake. */
export function streamsMax(bounds: Bounds): number {
  return (1 + bounds.initiatorRestarts) * (1 + bounds.restartsLeft);
}

/** Highest attempt that a START can have within these bounds. */
export function attemptsMax(bounds: Bounds): number {
  return bounds.sendsMax * (1 + bounds.retriesLeft);
}

/** One line for people; every figure of the bounds is in it. */
export function describeBounds(bounds: Bounds): string {
  const { network, inFlightMax, attacker, attackerStreams, closes, socketFailures } = bounds;
  return [
    network === 'set'
      ? 'network: monotone set'
      : `network: queue of ${inFlightMax} each way, loss, reordering, duplicates`,
    `sessions ${bounds.sessionsMax}`,
    `candidates ${bounds.candidatesMax}`,
    `StreamIds ${streamsMax(bounds)}`,
    `copies ${bounds.sendsMax}`,
    `RETRYs ${bounds.retriesLeft}`,
    `handshake restarts ${bounds.restartsLeft}`,
    `BYEs ${bounds.byesLeft}`,
    `probes ${bounds.probesLeft}`,
    `responder restarts ${bounds.responderRestarts}`,
    `initiator restarts ${bounds.initiatorRestarts}`,
    `blind attacker ${attacker ? `with ${attackerStreams} StreamIds` : 'no'}`,
    `closes and refusals ${closes ? 'yes' : 'no'}`,
    `socket failures ${socketFailures ? 'yes' : 'no'}`,
  ].join(', ');
}
