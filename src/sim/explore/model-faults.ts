/** Rules of the sessions and endpoints around the machines that a design error can leave out; all false is the protocol. */
export interface ModelFaults {
  /** START_CONFIRM is matched by StreamId alone. */
  readonly confirmWithoutTag: boolean;
  /** The responder takes any BYE of the tuple. */
  readonly byeByTuple: boolean;
  /** The initiator takes any BYE of its peer's address. */
  readonly byeUnchecked: boolean;
  /** The initiator takes RESET whatever its token. */
  readonly resetTokenUnchecked: boolean;
  /** The initiator takes any RTP for evidence, not only that with the announced SSRC. */
  readonly ssrcUnchecked: boolean;
  /** The initiator takes an ERROR with any ids. */
  readonly errorUnchecked: boolean;
  /** START ends the tuple's live session. */
  readonly startReplacesLive: boolean;
  /** START is refused while the tuple has a live session. */
  readonly startBesideLiveDropped: boolean;
  /** After a restart the same SessionTags are drawn again. */
  readonly tagsReused: boolean;
  /** One candidate more than the cap. */
  readonly oneCandidateMore: boolean;
  /** No tombstone is looked up. */
  readonly tombstoneIgnored: boolean;
  /** A copy of a START beside its session opens another one. */
  readonly duplicateAdmitted: boolean;
  /** Ids that no session has are met with silence. */
  readonly noReset: boolean;
  /** The initiator answers BYE_ACK by BYE_ACK. */
  readonly byeAckAnswered: boolean;
  /** A confirm ends only live sessions: a candidate that is older than the live session may still take its place. */
  readonly olderCandidatesStay: boolean;
  /** A candidate of a full tuple gives way to any START. */
  readonly givesWayUnasked: boolean;
  /** The oldest candidate gives way, whether or not its START came with a cookie. */
  readonly provenGivesWay: boolean;
  /** Of the candidates without a cookie the newest gives way. */
  readonly newestGivesWay: boolean;
  /** A candidate gives way while the application is being asked. */
  readonly reservationGivesWay: boolean;
  /** On a full tuple a START is dropped, whatever it shows. */
  readonly nobodyGivesWay: boolean;
  /** On a full tuple a START without a cookie is not asked for one. */
  readonly fullTupleSilent: boolean;
}

/** The protocol as it is. */
export const noFaults: ModelFaults = {
  confirmWithoutTag: false,
  byeByTuple: false,
  byeUnchecked: false,
  resetTokenUnchecked: false,
  ssrcUnchecked: false,
  errorUnchecked: false,
  startReplacesLive: false,
  startBesideLiveDropped: false,
  tagsReused: false,
  oneCandidateMore: false,
  tombstoneIgnored: false,
  duplicateAdmitted: false,
  noReset: false,
  byeAckAnswered: false,
  olderCandidatesStay: false,
  givesWayUnasked: false,
  provenGivesWay: false,
  newestGivesWay: false,
  reservationGivesWay: false,
  nobodyGivesWay: false,
  fullTupleSilent: false,
};
