/**
 * All classes of events and contexts of both machines: every type of event times every outcome that a guard can see.
 *
 * The outcomes are mapped types over the machines' own events, so that an event, or a field of one, that is added to
 * machines/types.ts and not here does not compile. A table that misses a class would prove nothing about it.
 */
import type { InitiatorContext } from '../../machines/initiator.ts';
import type { ResponderContext } from '../../machines/responder.ts';
import type { InitiatorEvent, InitiatorState, ResponderEvent, ResponderState } from '../../machines/types.ts';
import { BYE_SENDS_MAX, PROBES, RESTARTS_MAX, RETRIES_MAX } from '../../src/protocol/constants.ts';
import { ErrorCode, errorCodeName, isTransient } from '../../src/protocol/error-code.ts';

/** A class of events: one representative, and the outcomes that make it differ from others of its type. */
export interface EventClass<Event> {
  readonly type: string;
  /** Type and outcomes in words. */
  readonly name: string;
  /** Outcomes in words by field. */
  readonly outcomes: Readonly<Record<string, string>>;
  readonly event: Event;
}

/** A change of context that guards can see, or that shows what an assign does. */
export interface ContextVariant<State extends string, Context> {
  readonly name: string;
  /** States in which a machine can have it. */
  readonly states: readonly State[];
  readonly change: Partial<Context>;
}

/** One context of a state: the names of the variants that are in it, and the whole. */
export interface NamedContext<Context> {
  readonly variants: readonly string[];
  readonly context: Context;
}

type FieldsOf<Event, Type> = Event extends { readonly type: infer Types }
  ? Type extends Types
    ? Omit<Event, 'type'>
    : never
  : never;

type Outcomes<Value> = [boolean] extends [Value] ? readonly [true, false] : readonly [Value, ...Value[]];

/** All outcomes of all fields of all types of events. */
export type OutcomesByType<Event extends { readonly type: string }> = {
  readonly [Type in Event['type']]: {
    readonly [Field in keyof FieldsOf<Event, Type>]-?: Outcomes<FieldsOf<Event, Type>[Field]>;
  };
};

type BooleanFieldsOf<Event, Type> =
  FieldsOf<Event, Type> extends infer Fields
    ? { [Field in keyof Fields]: [boolean] extends [Fields[Field]] ? Field : never }[keyof Fields]
    : never;
/** A field of an event that is a yes or a no. */
export type BooleanField<Event extends { readonly type: string }> = {
  [Type in Event['type']]: BooleanFieldsOf<Event, Type>;
}[Event['type']];

// Neither code is one that a machine itself notes, so a code that came from the event is told from a constant.
const codes = [ErrorCode.POLICY, 0x80] as const;

const sharedOutcomes = {
  'frame.START': {},
  'frame.START_ACK': { sameTag: [true, false], fastGranted: [true, false] },
  'frame.START_CONFIRM': { admitted: [true, false], readyAllowed: [true, false] },
  'frame.ERROR': {
    code: [ErrorCode.RESOURCE, ErrorCode.NO_SUCH_STREAM],
    sameTag: [true, false],
    worthWaiting: [true, false],
  },
  'frame.RETRY': { fresh: [true, false] },
  'frame.READY': {},
  'frame.PING': {},
  'frame.PONG': { nonceKnown: [true, false] },
  'frame.BYE': { code: codes },
  'frame.BYE_ACK': {},
  'frame.RESET': { tokenValid: [true, false] },
  'frame.PATH_CHALLENGE': {},
  'frame.PATH_RESPONSE': {},
  'frame.TOKEN': {},
  'frame.exchange': {},
  'app.close': { code: codes },
  'app.socketFailed': {},
  'timer.T1': {},
  'timer.deadline': { nothingSent: [true, false] },
  'timer.reserve': {},
  'timer.pending': {},
  'timer.heartbeat': {},
  'timer.watchdog': {},
  'timer.dead': {},
  'timer.consent': {},
  'timer.close': {},
  'timer.drain': {},
} as const;

const initiatorOutcomes = {
  ...sharedOutcomes,
  'app.start': {},
  'frame.media': {},
} as const satisfies OutcomesByType<InitiatorEvent>;

const responderOutcomes = {
  ...sharedOutcomes,
  'admission.admitted': {},
  'app.reserved': { fastGranted: [true, false] },
  'app.refused': { code: codes },
  'app.mediaDue': { consentHolds: [true, false] },
  'app.superseded': {},
} as const satisfies OutcomesByType<ResponderEvent>;

/** What a yes and a no of each field are called. */
export type FieldWords<Event extends { readonly type: string }> = Readonly<
  Record<BooleanField<Event>, readonly [yes: string, no: string]>
>;

const words: FieldWords<InitiatorEvent | ResponderEvent> = {
  sameTag: ['our tag', 'other tag'],
  fastGranted: ['fast granted', 'fast not granted'],
  admitted: ['admitted', 'not admitted'],
  readyAllowed: ['READY allowed', 'READY not allowed'],
  worthWaiting: ['worth waiting', 'not worth waiting'],
  fresh: ['fresh', 'stale'],
  nonceKnown: ['known nonce', 'unknown nonce'],
  tokenValid: ['right token', 'wrong token'],
  nothingSent: ['nothing sent', 'something sent'],
  consentHolds: ['consent holds', 'consent does not hold'],
};

function inWords(words: object, field: string, value: unknown): string {
  if (typeof value === 'number') {
    const name = errorCodeName(value);
    return name === 'APPLICATION' ? `code 0x${value.toString(16)}` : `code ${name}`;
  }
  const pair = (words as Readonly<Record<string, readonly [string, string]>>)[field];
  if (pair === undefined) throw new Error(`no words for the field ${field}`);
  return pair[value === true ? 0 : 1];
}

type DraftEvent = Record<string, unknown> & { readonly worthWaiting?: unknown; readonly code?: unknown };

/** Every type of event times every outcome of its fields. */
export function classesOf<Event extends { readonly type: string }>(
  outcomes: OutcomesByType<Event>,
  words: FieldWords<Event>,
): EventClass<Event>[] {
  const classes: EventClass<Event>[] = [];
  for (const [type, fields] of Object.entries(outcomes) as [string, Record<string, readonly unknown[]>][]) {
    let events: DraftEvent[] = [{ type }];
    for (const [field, values] of Object.entries(fields)) {
      events = events.flatMap((event) => values.map((value) => ({ ...event, [field]: value })));
    }
    for (const event of events) {
      // Only RESOURCE and BUSY are ever worth waiting for: the driver never makes the other combination.
      if (event.worthWaiting === true && !isTransient(Number(event.code))) continue;
      const spoken = Object.fromEntries(
        Object.keys(fields).map((field) => [field, inWords(words, field, event[field])]),
      );
      const suffix = Object.values(spoken).join(', ');
      classes.push({
        type,
        name: suffix === '' ? type : `${type} (${suffix})`,
        outcomes: spoken,
        event: event as unknown as Event,
      });
    }
  }
  return classes;
}

/** Every class of event that an initiator may meet. */
export const initiatorClasses: readonly EventClass<InitiatorEvent>[] = classesOf<InitiatorEvent>(
  initiatorOutcomes,
  words,
);
/** Every class of event that a responder may meet. */
export const responderClasses: readonly EventClass<ResponderEvent>[] = classesOf<ResponderEvent>(
  responderOutcomes,
  words,
);

/** All states of an initiator, in the order of the protocol. */
export const initiatorStates = Object.keys({
  ReadyToStart: 0,
  AwaitingStartAck: 0,
  AwaitingStartConfirm: 0,
  Streaming: 0,
  Closing: 0,
  Draining: 0,
  Closed: 0,
} satisfies Record<InitiatorState, 0>) as InitiatorState[];

/** All states of a responder, in the order of the protocol. */
export const responderStates = Object.keys({
  Idle: 0,
  PendingStartRequest: 0,
  PendingConfirm: 0,
  Streaming: 0,
  Closing: 0,
  Draining: 0,
  Closed: 0,
} satisfies Record<ResponderState, 0>) as ResponderState[];

/** Code that a session in Closing, Draining or Closed already has in these contexts. */
export const EARLIER_CODE = 0xe0;

const SENDS_MAX = 9;
const freshInitiator: InitiatorContext = {
  sendsMax: SENDS_MAX,
  fastAsked: false,
  fastGranted: false,
  attempt: 0,
  sends: 0,
  retries: 0,
  restarts: 0,
  byes: 0,
  code: ErrorCode.NO_ERROR,
};

// No counter is 0 or 1 where it may be more: a counter set to 1 is told from one that was raised by 1.
function initiatorBase(state: InitiatorState): InitiatorContext {
  if (state === 'ReadyToStart') return freshInitiator;
  const begun = { ...freshInitiator, attempt: 7, sends: 4, retries: 2, restarts: 1 };
  return state === 'Closing' || state === 'Draining' || state === 'Closed'
    ? { ...begun, byes: 2, code: EARLIER_CODE }
    : begun;
}

function responderBase(state: ResponderState): ResponderContext {
  const idle: ResponderContext = { fastGranted: false, probes: 0, byes: 0, code: ErrorCode.NO_ERROR };
  if (state === 'Streaming') return { ...idle, probes: 2 };
  return state === 'Closing' || state === 'Draining' || state === 'Closed'
    ? { ...idle, probes: PROBES, byes: 2, code: EARLIER_CODE }
    : idle;
}

const handshakeStates = ['AwaitingStartAck', 'AwaitingStartConfirm', 'Streaming'] as const;

/** What guards of the initiator ask of its context. */
export const initiatorVariants: readonly ContextVariant<InitiatorState, InitiatorContext>[] = [
  { name: 'no copies left', states: handshakeStates, change: { sends: SENDS_MAX } },
  { name: 'attempt 255', states: handshakeStates, change: { attempt: 255 } },
  { name: 'retries used up', states: handshakeStates, change: { retries: RETRIES_MAX } },
  { name: 'restarts used up', states: handshakeStates, change: { restarts: RESTARTS_MAX } },
  { name: 'byes used up', states: ['Closing'], change: { byes: BYE_SENDS_MAX } },
  { name: 'own reason', states: ['Closing'], change: { code: ErrorCode.KEY_LIMIT } },
  { name: 'fast asked', states: ['ReadyToStart', ...handshakeStates], change: { fastAsked: true } },
  {
    name: 'fast granted',
    states: ['AwaitingStartConfirm', 'Streaming'],
    change: { fastAsked: true, fastGranted: true },
  },
];

/** What guards of the responder ask of its context. */
export const responderVariants: readonly ContextVariant<ResponderState, ResponderContext>[] = [
  { name: 'fast granted', states: ['PendingConfirm', 'Streaming'], change: { fastGranted: true } },
  { name: 'probes sent', states: ['Streaming'], change: { probes: PROBES } },
  { name: 'byes used up', states: ['Closing'], change: { byes: BYE_SENDS_MAX } },
  { name: 'own reason', states: ['Closing'], change: { code: ErrorCode.KEY_LIMIT } },
];

/** Every combination of the variants that `state` can have; the one without any comes first. */
export function combinations<State extends string, Context>(
  base: Context,
  state: State,
  variants: readonly ContextVariant<State, Context>[],
): NamedContext<Context>[] {
  let all: NamedContext<Context>[] = [{ variants: [], context: base }];
  for (const variant of variants.filter(({ states }) => states.includes(state))) {
    all = all.flatMap((one) => [
      one,
      { variants: [...one.variants, variant.name], context: { ...one.context, ...variant.change } },
    ]);
  }
  return all;
}

/** Every combination of variants that `state` can have; the one without any comes first. */
export function initiatorContexts(state: InitiatorState): NamedContext<InitiatorContext>[] {
  return combinations(initiatorBase(state), state, initiatorVariants);
}

/** See {@link initiatorContexts}. */
export function responderContexts(state: ResponderState): NamedContext<ResponderContext>[] {
  return combinations(responderBase(state), state, responderVariants);
}
