import type { AnswererContext, AnswererEvent, AnswererState } from '../../../machines/exchange-answerer.ts';
import type { AskerContext, AskerEvent, AskerState } from '../../../machines/exchange-asker.ts';
import type { CompiledMachine } from '../../engine/compile.ts';
import { answererTable, askerTable } from '../../engine/tables.ts';

/** How large a world of one exchange is. */
export interface ExchangeBounds {
  /** Rounds that the application wants at most. */
  readonly rounds: number;
  /** Parts of each message. */
  readonly parts: number;
  /** Frames on their way at most; one more is lost. */
  readonly inFlightMax: number;
  /** Either program may end without a word, and a new one take its place. */
  readonly crashes: boolean;
  /** The application may cancel, and time limits may end. */
  readonly cancels: boolean;
}

/** Errors around the machines. */
export interface ExchangeFaults {
  /** An ended id is forgotten at any time, not only when nothing of it can be on its way. */
  readonly forgetsEarly?: boolean;
  /** A program that was started anew takes frames of the session before. */
  readonly tagUnchecked?: boolean;
  /** A copy of the message that opened a round opens the next. */
  readonly roundUnchecked?: boolean;
}

/** What a model is made of. */
export interface ExchangeModelOptions {
  readonly bounds: ExchangeBounds;
  readonly asker?: CompiledMachine<AskerState, AskerContext, AskerEvent, undefined>;
  readonly answerer?: CompiledMachine<AnswererState, AnswererContext, AnswererEvent, undefined>;
  readonly faults?: ExchangeFaults;
}

/** `once`: no round executes twice. `true`: an answer is whole, of an executed round, told once. */
export type ExchangeRule = 'once' | 'true';

/** What a frame says; offsets and parts are counted in parts. */
type Frame = readonly [kind: 'message' | 'receipt' | 'response' | 'progress' | 'stop', round: number, at: number];

interface Side<State, Context> {
  state: State;
  context: Context;
  /** Bits of the parts that came. */
  got: number;
  /** Parts that the other side said to have. */
  acked: number;
  /** The repeat timer runs. */
  repeats: boolean;
}

/** A whole world of one exchange. */
export interface ExchangeState {
  readonly asker: Side<AskerState, AskerContext>;
  readonly answerer: Side<AnswererState, AnswererContext>;
  network: Frame[];
  /** Round of the newest message that the answering side took in. */
  message: number;
  /** By round: executions and answers told. */
  readonly executed: number[];
  readonly told: number[];
  /** The program of a side is another one than the session's. */
  askerGone: boolean;
  answererNew: boolean;
  crashes: number;
  /** Something happened that an end must not need: a crash, a cancellation, a time limit. */
  forced: boolean;
  broken: ExchangeRule | undefined;
}

/** A step, and whether it forces an end. */
export interface ExchangeStep {
  readonly name: string;
  readonly next: ExchangeState;
  readonly forced: boolean;
}

/** One exchange, driven by the compiled tables of both machines over a network that loses, doubles and reorders. */
export class ExchangeModel {
  readonly bounds: ExchangeBounds;
  readonly #asker: NonNullable<ExchangeModelOptions['asker']>;
  readonly #answerer: NonNullable<ExchangeModelOptions['answerer']>;
  readonly #faults: ExchangeFaults;

  constructor({ bounds, asker = askerTable, answerer = answererTable, faults = {} }: ExchangeModelOptions) {
    this.bounds = bounds;
    this.#asker = asker;
    this.#answerer = answerer;
    this.#faults = faults;
  }

  initial(): ExchangeState {
    const none = (): number[] => new Array<number>(this.bounds.rounds + 2).fill(0);
    return {
      asker: side(this.#asker.initialState, this.#asker.initialContext(undefined)),
      answerer: side(this.#answerer.initialState, this.#answerer.initialContext(undefined)),
      network: [],
      message: 0,
      executed: none(),
      told: none(),
      askerGone: false,
      answererNew: false,
      crashes: this.bounds.crashes ? 1 : 0,
      forced: false,
      broken: undefined,
    };
  }

  /** Both sides have done with the exchange. */
  ended({ asker, answerer, askerGone }: ExchangeState): boolean {
    const asked = askerGone || asker.state === 'Ended' || asker.state === 'Closed';
    return asked && (answerer.state === 'New' || answerer.state === 'Ended');
  }

  /** Everything that may happen next. */
  steps(from: ExchangeState): ExchangeStep[] {
    const steps: ExchangeStep[] = [];
    const may = (name: string, run: (next: ExchangeState) => void, forced = false): void => {
      const next = structuredClone(from);
      next.forced ||= forced;
      run(next);
      next.network.sort(byFrame);
      steps.push({ name, next, forced });
    };
    from.network.forEach((frame, index) => {
      may(`${frame.join(' ')} arrives`, (next) => this.#arrive(next, frame));
      may(`${frame.join(' ')} is lost`, (next) => void next.network.splice(index, 1));
    });
    if (!from.askerGone) this.#askerSteps(from, may);
    this.#answererSteps(from, may);
    if (from.crashes > 0) {
      may('the asking program is started anew', (next) => this.#crashAsker(next), true);
      may('the answering program is started anew', (next) => this.#crashAnswerer(next), true);
    }
    return steps;
  }

  #askerSteps(from: ExchangeState, may: May): void {
    const { state, context, repeats } = from.asker;
    const { rounds, cancels } = this.bounds;
    const tell = (event: AskerEvent, forced = false): void =>
      may(`asks: ${event.type}`, (next) => this.#askerEvent(next, event), forced);
    if (state === 'Idle') return tell({ type: 'app.ask' });
    if (repeats) tell({ type: 'timer.repeat' });
    if (state === 'Deciding') {
      tell({ type: 'app.stop' });
      if (context.round < rounds) tell({ type: 'app.continue' });
    } else if (cancels && (state === 'Asking' || state === 'Waiting')) {
      tell({ type: 'app.stop' }, true);
      tell({ type: 'timer.limit' }, true);
    }
    if (state === 'Ended' && this.#mayForget(from)) tell({ type: 'timer.keep' });
    if (from.answererNew && state !== 'Closed') tell({ type: 'app.disconnected' }, true);
  }

  #answererSteps(from: ExchangeState, may: May): void {
    const { state, repeats } = from.answerer;
    const tell = (event: AnswererEvent, forced = false): void =>
      may(`answers: ${event.type}`, (next) => this.#answererEvent(next, event), forced);
    if (state === 'Working') tell({ type: 'app.answer' });
    if (repeats) tell({ type: 'timer.repeat' });
    const open = state === 'Receiving' || state === 'Working' || state === 'Responding';
    if (open && this.bounds.cancels) tell({ type: 'timer.limit' }, true);
    if (open && from.askerGone) {
      may('answers: app.disconnected', (next) => this.#disconnect(next), true);
    }
    if (state === 'Ended' && this.#mayForget(from)) tell({ type: 'timer.keep' });
  }

  /** 30 s are longer than a datagram lives, and than the other side goes on. */
  #mayForget(state: ExchangeState): boolean {
    return this.#faults.forgetsEarly === true || (state.network.length === 0 && this.ended(state));
  }

  #arrive(next: ExchangeState, frame: Frame): void {
    const [kind] = frame;
    if (kind === 'receipt' || kind === 'response') {
      if (!next.askerGone) this.#toAsker(next, frame);
    } else if (!next.answererNew || this.#faults.tagUnchecked === true) {
      this.#toAnswerer(next, frame);
    }
  }

  /** As src/engine/exchange-asker.ts. */
  #toAsker(next: ExchangeState, [kind, round, at]: Frame): void {
    const { asker } = next;
    const final = this.bounds.rounds === 1;
    if (asker.state === 'Ended') {
      if (kind === 'response') this.#askerEvent(next, { type: 'frame.RESPONSE', whole: true, final: true });
      return;
    }
    if (round !== asker.context.round) return;
    if (kind === 'receipt') {
      if (at <= asker.acked && at < this.bounds.parts) return;
      asker.acked = Math.max(asker.acked, at);
      return this.#askerEvent(next, { type: 'frame.RECEIPT', whole: asker.acked === this.bounds.parts });
    }
    asker.got |= this.#bit(at);
    this.#askerEvent(next, { type: 'frame.RESPONSE', whole: this.#whole(asker.got), final });
  }

  /** As src/engine/exchange-answerer.ts. */
  #toAnswerer(next: ExchangeState, [kind, round, at]: Frame): void {
    const { answerer } = next;
    const { state, context } = answerer;
    if (kind === 'message') return this.#message(next, round, at);
    if (state === 'New') return;
    if (kind === 'stop') return round < context.round ? undefined : this.#answererEvent(next, { type: 'frame.stop' });
    if (state !== 'Responding' || round !== context.round) return;
    if (at <= answerer.acked && at < this.bounds.parts) return;
    answerer.acked = Math.max(answerer.acked, at);
    this.#answererEvent(next, { type: 'frame.progress', whole: answerer.acked === this.bounds.parts });
  }

  #message(next: ExchangeState, round: number, at: number): void {
    const { answerer } = next;
    const { state, context } = answerer;
    if (state === 'Ended') return round === 1 ? this.#answererEvent(next, { type: 'frame.copy' }) : undefined;
    const copy = round === context.round && (state === 'Working' || state === 'Responding');
    const opens = this.#faults.roundUnchecked === true && state === 'Responding' && round > 1;
    if (copy && !opens) return this.#answererEvent(next, { type: 'frame.copy' });
    const due =
      state === 'Receiving' ? context.round : state === 'New' || state === 'Responding' ? context.round + 1 : 0;
    if (round !== due && !opens) return;
    if (state === 'New' && round !== 1) return;
    if (state !== 'Receiving') answerer.got = 0;
    answerer.got |= this.#bit(at);
    next.message = round;
    this.#answererEvent(next, { type: 'frame.message', whole: this.#whole(answerer.got), refused: false });
  }

  #askerEvent(next: ExchangeState, event: AskerEvent): void {
    const { asker } = next;
    const step = this.#asker.step(asker.state, asker.context, event);
    if (step === undefined) return;
    asker.state = step.state;
    asker.context = bounded(step.context);
    for (const output of step.outputs) this.#askerOutput(next, output);
  }

  #askerOutput(next: ExchangeState, output: string): void {
    const { asker } = next;
    const { round } = asker.context;
    switch (output) {
      case 'sendMessage':
        asker.got = 0;
        asker.acked = 0;
        return this.#sendParts(next, 'message', round, 0);
      case 'repeatMessage':
        return this.#sendParts(next, 'message', round, asker.acked);
      case 'sendProgress':
        return this.#send(next, ['progress', round, this.#contiguous(asker.got)]);
      case 'sendStop':
        return this.#send(next, ['stop', round, 0]);
      case 'deliverAnswer':
        next.told[round] = (next.told[round] ?? 0) + 1;
        if (next.told[round] !== 1 || next.executed[round] !== 1 || !this.#whole(asker.got)) next.broken = 'true';
        return;
      default:
        return timers(asker, output);
    }
  }

  #answererEvent(next: ExchangeState, event: AnswererEvent): void {
    const { answerer } = next;
    const step = this.#answerer.step(answerer.state, answerer.context, event);
    if (step === undefined) return;
    answerer.state = step.state;
    answerer.context = bounded(step.context);
    for (const output of step.outputs) this.#answererOutput(next, output);
    // Nothing of it is known any more.
    if (answerer.state === 'Closed') this.#forgetAnswerer(next);
  }

  #answererOutput(next: ExchangeState, output: string): void {
    const { answerer } = next;
    const { round } = answerer.context;
    switch (output) {
      case 'sendReceipt':
        return this.#send(next, ['receipt', round, this.#contiguous(answerer.got)]);
      case 'execute': {
        const { message } = next;
        next.executed[message] = (next.executed[message] ?? 0) + 1;
        if (next.executed[message] !== 1) next.broken = 'once';
        return;
      }
      case 'sendMessage':
        answerer.acked = 0;
        return this.#sendParts(next, 'response', round, 0);
      case 'repeatMessage':
        return this.#sendParts(next, 'response', round, answerer.acked);
      case 'sendCopy':
        return this.#send(next, ['response', round, answerer.acked]);
      default:
        return timers(answerer, output);
    }
  }

  /** The session is over, and with it what its tag names. */
  #disconnect(next: ExchangeState): void {
    this.#answererEvent(next, { type: 'app.disconnected' });
    next.answererNew = true;
  }

  #crashAsker(next: ExchangeState): void {
    next.crashes--;
    next.askerGone = true;
    Object.assign(next.asker, side('Closed', next.asker.context));
  }

  #crashAnswerer(next: ExchangeState): void {
    next.crashes--;
    next.answererNew = true;
    this.#forgetAnswerer(next);
  }

  #forgetAnswerer(next: ExchangeState): void {
    Object.assign(next.answerer, side(this.#answerer.initialState, this.#answerer.initialContext(undefined)));
  }

  /** Of a message that is all there only its end goes, which is a part beyond the last. */
  #sendParts(next: ExchangeState, kind: 'message' | 'response', round: number, from: number): void {
    const { parts } = this.bounds;
    for (let part = from; part < Math.max(parts, from + 1); part++) this.#send(next, [kind, round, part]);
  }

  #send(next: ExchangeState, frame: Frame): void {
    if (next.network.some((one) => byFrame(one, frame) === 0)) return;
    if (next.network.length < this.bounds.inFlightMax) next.network.push(frame);
  }

  #bit(part: number): number {
    return part < this.bounds.parts ? 1 << part : 0;
  }

  #whole(got: number): boolean {
    return got === (1 << this.bounds.parts) - 1;
  }

  #contiguous(got: number): number {
    let count = 0;
    while ((got & (1 << count)) !== 0) count++;
    return count;
  }
}

type May = (name: string, run: (next: ExchangeState) => void, forced?: boolean) => void;

function side<State, Context>(state: State, context: Context): Side<State, Context> {
  return { state, context, got: 0, acked: 0, repeats: false };
}

function timers(one: { repeats: boolean }, output: string): void {
  if (output === 'armRepeat') one.repeats = true;
  else if (output === 'disarmRepeat' || output === 'armKeep' || output === 'release') one.repeats = false;
}

/** How often something was sent decides about nothing but the length of a wait. */
function bounded<Context extends { readonly sends: number }>(context: Context): Context {
  return { ...context, sends: Math.min(context.sends, 1) };
}

function byFrame(a: Frame, b: Frame): number {
  return a[0] === b[0] ? a[1] - b[1] || a[2] - b[2] : a[0] < b[0] ? -1 : 1;
}
