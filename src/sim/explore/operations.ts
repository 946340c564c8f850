import { type RuleId, ruleNumber } from './rules.ts';

/** What a local machine asks of the model, beyond its own state: `operation + 256 * argument`. */
export const Operation = {
  /** Argument: number of the rule that is broken. */
  BROKEN: 1,
  /** Argument: the attempt. */
  START: 2,
  /** The same with a cookie. */
  START_WITH_COOKIE: 19,
  START_CONFIRM: 3,
  PING: 4,
  PONG: 5,
  BYE: 6,
  BYE_ACK: 7,
  DRAW_STREAM_ID: 8,
  ADOPT_SESSION: 9,
  REPORT_STREAMING: 10,
  RELEASE: 11,
  START_ACK: 12,
  /** Argument: 1 for a refusal of the moment, 2 for a final one. */
  ERROR: 13,
  /** Argument as of ERROR. */
  TOMBSTONE: 14,
  SUPERSEDE: 15,
  READY: 16,
  OPEN_GATE: 17,
  /** Argument: 1 if the gate is shut or consent is over. */
  MEDIA: 18,
} as const;

/** An operation that reports a broken rule. */
export function broken(id: RuleId): number {
  return withArgument(Operation.BROKEN, ruleNumber(id));
}

/** An operation with its argument, 0..2^20. */
export function withArgument(operation: number, argument: number): number {
  return operation + 256 * argument;
}
