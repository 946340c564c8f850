/**
 * The two layers of an exchange's STATUS (docs/PROTOCOL.md, section 9): whether the exchange took place, and what the method made of it.
 */

/** First number of STATUS in a RESPONSE. */
export const ExchangeResult = { OK: 0, ERROR: 1 } as const;

/** First number of STATUS in a CONTINUE. */
export const ContinueVerdict = { STOP: 0, CONTINUE: 1 } as const;

/**
 * Why there was no answer of a method. The first four go on the wire, as the second number of a STATUS whose first is
 * {@link ExchangeResult}.ERROR; the others are this end's own. Codes are stable.
 */
export const ExchangeFault = {
  NO_SUCH_METHOD: 1,
  BUSY: 2,
  TOO_LARGE: 3,
  FAILED: 4,
  CANCELLED: 5,
  TIMED_OUT: 6,
  SESSION_ENDED: 7,
} as const;

/** Name of a fault, such as `'BUSY'`; `UNKNOWN` for a number of the wire that is none. */
export type ExchangeFaultName = keyof typeof ExchangeFault | 'UNKNOWN';

/** Number of a fault. */
export type ExchangeFaultValue = number;

const names = new Map<number, ExchangeFaultName>(
  (Object.entries(ExchangeFault) as [ExchangeFaultName, number][]).map(([name, value]) => [value, name]),
);

/** The stable text of a fault; `UNKNOWN` for every number that is none. */
export function exchangeFaultName(fault: ExchangeFaultValue): ExchangeFaultName {
  return names.get(fault) ?? 'UNKNOWN';
}

/** What each fault means, in a sentence for people, and what to try next. */
export const exchangeFaultHelp: Readonly<
  Record<ExchangeFaultName, { readonly means: string; readonly tryNext: string }>
> = {
  NO_SUCH_METHOD: { means: 'the other end has no method of that name', tryNext: 'check its name' },
  BUSY: { means: 'too many exchanges are open', tryNext: 'wait for some of them to end' },
  TOO_LARGE: { means: 'a message is larger than 16 KiB', tryNext: 'send less, or in several rounds' },
  FAILED: { means: 'the method failed at the other end', tryNext: 'look into the log of the other end' },
  CANCELLED: { means: 'cancelled on this end', tryNext: '' },
  TIMED_OUT: {
    means: 'no answer within the time limit',
    tryNext: 'give it longer, up to 30 s, or look at the network',
  },
  SESSION_ENDED: { means: 'the session ended', tryNext: 'start again; --reconnect' },
  UNKNOWN: { means: 'the other end gave a fault that this version does not know', tryNext: 'update this end' },
};

/** What a built-in method of a camera says in the second number of STATUS. */
export const MethodStatus = {
  /** Done. */
  DONE: 0,
  /** The stream's source cannot. */
  UNSUPPORTED: 1,
  /** The request's body is not what the method takes. */
  BAD_REQUEST: 2,
} as const;
