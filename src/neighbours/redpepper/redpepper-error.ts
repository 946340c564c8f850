import { plainText } from '../../observe/text.ts';

/** Why a request brought no result. Stable. */
export type RedPepperErrorCode =
  /** The peer answered that it failed, with its own words. */
  | 'failed'
  /** No answer within the time limit. */
  | 'timedOut'
  | 'cancelled'
  /** The connection ended, or there is none. */
  | 'disconnected'
  /** Too many requests wait for their answers. */
  | 'full'
  /** The message is larger than the connection takes. */
  | 'tooLarge';

const meanings: Readonly<Record<Exclude<RedPepperErrorCode, 'failed'>, string>> = {
  timedOut: 'request timeout',
  cancelled: 'it was cancelled',
  disconnected: 'there is no connection',
  full: 'too many requests wait for their answers',
  tooLarge: 'the message is too large',
};

/** A request that brought no result. */
export class RedPepperError extends Error {
  override readonly name = 'RedPepperError';
  /** Tell failures apart by it, never by the message. */
  readonly code: RedPepperErrorCode;

  constructor(method: string, code: RedPepperErrorCode, text?: string, cause?: unknown) {
    const why = code === 'failed' ? plainText(text ?? '') : meanings[code];
    super(`${method}: ${why === '' ? code : why}`, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** Thrown by a handler to tell the peer why: of every other error it hears only that there was one. */
export class RedPepperRefusal extends Error {
  override readonly name = 'RedPepperRefusal';
}
