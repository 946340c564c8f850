/**
 * Errors that somebody could make in an exchange, each as a small change of a table or of the rules around it. They test the exploration:
 * each must be found, by the rule that it breaks.
 */
import { answererTable, askerTable } from '../../engine/tables.ts';
import type { ExchangeVerdict } from './exchange-exploration.ts';
import type { ExchangeBounds, ExchangeModelOptions } from './exchange-model.ts';
import { rewritten, withOutput, withoutOutput, withoutRow } from './table-rewrites.ts';

/** One error. */
export interface ExchangeDesignError {
  /** What is wrong, as a phrase. */
  readonly name: string;
  readonly breaks: NonNullable<ExchangeVerdict['broken']>;
  readonly model: ExchangeModelOptions;
}

const small: ExchangeBounds = { rounds: 1, parts: 1, inFlightMax: 3, crashes: false, cancels: false };

/** See the top of this file. */
export const exchangeDesignErrors: readonly ExchangeDesignError[] = [
  {
    name: 'a copy of a request that is worked on executes it again',
    breaks: 'once',
    model: { bounds: small, answerer: withOutput(answererTable, 'Working', 'frame.copy', 'execute') },
  },
  {
    name: 'a copy of a request that was answered executes it again',
    breaks: 'once',
    model: { bounds: small, answerer: withOutput(answererTable, 'Responding', 'frame.copy', 'execute') },
  },
  {
    name: 'a copy of a request whose exchange has ended executes it again',
    breaks: 'once',
    model: { bounds: small, answerer: withOutput(answererTable, 'Ended', 'frame.copy', 'execute') },
  },
  {
    name: 'an ended id is forgotten while copies of its request are on their way',
    breaks: 'once',
    model: { bounds: small, faults: { forgetsEarly: true } },
  },
  {
    name: 'a program that was started anew takes frames of the session before',
    breaks: 'once',
    model: { bounds: { ...small, crashes: true }, faults: { tagUnchecked: true } },
  },
  {
    name: 'a copy of the message that opened a round opens the next',
    breaks: 'once',
    model: { bounds: { ...small, rounds: 2 }, faults: { roundUnchecked: true } },
  },
  {
    name: 'a RESPONSE of which a part came is told',
    breaks: 'true',
    model: {
      bounds: { ...small, parts: 2 },
      asker: rewritten(askerTable, (step, state, event, context) =>
        event.type === 'frame.RESPONSE' ? askerTable.step(state, context, { ...event, whole: true }) : step,
      ),
    },
  },
  {
    name: 'a copy of the RESPONSE is told again while the application decides',
    breaks: 'true',
    model: {
      bounds: { ...small, rounds: 2 },
      asker: withOutput(askerTable, 'Deciding', 'frame.RESPONSE', 'deliverAnswer'),
    },
  },
  {
    name: 'a RECEIPT of a part ends the repetition',
    breaks: 'end',
    model: {
      bounds: { ...small, parts: 2 },
      asker: rewritten(askerTable, (step, state, event, context) =>
        event.type === 'frame.RECEIPT' ? askerTable.step(state, context, { ...event, whole: true }) : step,
      ),
    },
  },
  {
    name: 'the RESPONSE is sent once',
    breaks: 'end',
    model: { bounds: small, answerer: withoutOutput(answererTable, 'Working', 'app.answer', 'armRepeat') },
  },
  {
    name: 'a RESPONSE after the end is not answered: CONTINUE that stops is sent once',
    breaks: 'end',
    model: { bounds: small, asker: withoutRow(askerTable, 'Ended', 'frame.RESPONSE') },
  },
  {
    name: 'CONTINUE that tells progress ends the repetition of the RESPONSE',
    breaks: 'end',
    model: {
      bounds: { ...small, rounds: 2 },
      answerer: withOutput(answererTable, 'Responding', 'frame.progress', 'disarmRepeat'),
    },
  },
];
