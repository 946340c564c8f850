import { plainText } from '../../observe/text.ts';
import type { LeaderEnding } from './core/leader-core.ts';
import type { Status } from './core/rrcc_pb.ts';

/** A status that is not OK, by its name in the schema. */
export type FailedStatus =
  | 'FAILED'
  | 'UNKNOWN_METHOD'
  | 'BAD_PARAMS'
  | 'DEADLINE_EXCEEDED'
  | 'BUSY'
  | 'INTERNAL'
  | 'STATUS_UNSPECIFIED';

/** Why there is no result: the follower's own word in capitals, the leader's in camel case. Stable. */
export type RrccErrorCode = FailedStatus | Exclude<LeaderEnding, 'finished'>;

const statusNames: readonly (FailedStatus | 'OK')[] = [
  'STATUS_UNSPECIFIED',
  'OK',
  'FAILED',
  'UNKNOWN_METHOD',
  'BAD_PARAMS',
  'DEADLINE_EXCEEDED',
  'BUSY',
  'INTERNAL',
];

/** The name of a status; one that this version does not know is unspecified. */
export function statusName(status: Status): FailedStatus | 'OK' {
  return statusNames[status] ?? 'STATUS_UNSPECIFIED';
}

const meanings: Readonly<Record<Exclude<LeaderEnding, 'finished'>, string>> = {
  noConfirm: 'the follower confirmed none of 5 copies',
  noResponse: 'the follower confirmed, and answered none of 4 copies',
  cancelled: 'it was cancelled',
  disconnected: 'the connection is gone',
  expired: 'the follower has forgotten the exchange by now',
  full: 'too many exchanges at the same time',
  tooLarge: 'the message is too large for this connection',
  outOfStep: 'there is no Response to go on from',
};

/** An exchange, or one round of it, that brought no result. */
export class RrccError extends Error {
  override readonly name = 'RrccError';
  /** Tell failures apart by it, never by the message. */
  readonly code: RrccErrorCode;

  /** @param text the follower's own words. */
  constructor(method: string, code: RrccErrorCode, text = '', cause?: unknown) {
    const why = code in meanings ? meanings[code as keyof typeof meanings] : plainText(text);
    super(`${method}: ${code}${why === '' ? '' : `, ${why}`}`, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
