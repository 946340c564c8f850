import { type ErrorCodeMeaning, errorCodeText, meaningsOf } from './core/error-codes.ts';
import type { CallFailure } from './core/runner-io.ts';

/**
 * Why a call brought no result. Stable. `algorithmError`: the algorithm says so, with its own code; `badResult`: it answered what is no
 * result; `badCall`: the call cannot be written; `cancelled`: by the caller; the others are the runner's.
 */
export type ProcvisionErrorCode = CallFailure | 'algorithmError' | 'badResult' | 'badCall' | 'cancelled';

const meaningsHere: Readonly<Record<ProcvisionErrorCode, string>> = {
  helloTimeout: 'the algorithm did not say hello in time',
  badHello: 'the hello of the algorithm is not as the protocol has it',
  outOfOrder: 'the algorithm sent something before its hello',
  protocol: 'the algorithm broke the protocol',
  heartbeat: 'the algorithm answers no pings',
  timeout: 'the algorithm took too long, and is restarted',
  startup: 'the algorithm could not start, or could not go on',
  exited: 'the algorithm ended',
  notStarted: 'there is no algorithm',
  full: 'too many calls wait',
  tooLarge: 'the call is too large',
  closed: 'the runner is closed',
  failed: 'the algorithm went wrong too often, and is not started any more',
  algorithmError: 'the algorithm reports an error',
  badResult: 'the algorithm answered what is no result',
  badCall: 'the call cannot be written',
  cancelled: 'it was cancelled',
};

/** A call that brought no result: a technical matter, and never the verdict NG. */
export class ProcvisionError extends Error {
  override readonly name = 'ProcvisionError';
  /** Tell failures apart by it, never by the message. */
  readonly code: ProcvisionErrorCode;
  /** The algorithm's own code, as text; `undefined` when it gave none. */
  readonly errorCode: string | undefined;

  constructor(code: ProcvisionErrorCode, detail = '', errorCode?: string, cause?: unknown) {
    const told = errorCode === undefined || code === 'startup' ? '' : ` ${errorCodeText(errorCode)}`;
    super(
      `${code}: ${meaningsHere[code]}${told}${detail === '' ? '' : `: ${detail}`}`,
      cause === undefined ? {} : { cause },
    );
    this.code = code;
    this.errorCode = errorCode;
  }

  /** What the published tables say of {@link errorCode}. */
  get meanings(): readonly ErrorCodeMeaning[] {
    return this.errorCode === undefined ? [] : meaningsOf(this.errorCode);
  }
}
