/**
 * What an exploration checks: ids of docs/PROTOCOL.md, sections 3.1 and 10. `rule 6`, `rule 9` and `rule 10` are of section 3.1; `L2`
 * stands for its reachability: as long as copies are left, a stream can still come about without any timer but T1.
 */
export const ruleIds = [
  'S1',
  'S2',
  'S3',
  'S4',
  'S5',
  'S6',
  'S7',
  'S8',
  'S9',
  'S12',
  'rule 6',
  'rule 9',
  'rule 10',
  'L2',
  'L4',
] as const;

/** Id of a rule. */
export type RuleId = (typeof ruleIds)[number];

/** What a broken rule means, for reports. */
export const ruleTexts: Readonly<Record<RuleId, string>> = {
  S1: 'media leaves, or the gate opens, without a START_CONFIRM of the initiator with the current SessionTag',
  S2: 'more datagrams go to an address that did not confirm than came from it',
  S3: 'an initiator is in Streaming, and the responder never had that session in Streaming',
  S4: 'both are in Streaming, in different sessions',
  S5: 'a cap does not hold',
  S6: 'two live sessions on one tuple',
  S7: 'a START, RETRY, unauthenticated ERROR or forged datagram changes a live session',
  S8: 'something other than the peer’s own BYE or RESET, a timer or a local decision ends a live session',
  S9: 'media leaves after BYE, after consent ended, or after Closed',
  S12: 'an answer is answered',
  'rule 6': 'a stale RETRY is followed',
  'rule 9': 'a START opens a session again that is over',
  'rule 10':
    'a START without a good cookie ends another candidate, one with it ends any but the oldest unproven, or is kept out',
  L2: 'copies are left and the session is there, but a described stream can no longer come about',
  L4: 'neither agreement nor both closed can be reached any more',
};

/** A rule as an operation's argument; 0 is none. */
export function ruleNumber(id: RuleId): number {
  return ruleIds.indexOf(id) + 1;
}

/** The reverse of {@link ruleNumber}. */
export function ruleOf(number: number): RuleId | undefined {
  return ruleIds[number - 1];
}
