import { headerOffset } from '../../codec/header.ts';
import { SECURED_TRAILER_BYTES } from '../../protocol/constants.ts';
import { FrameFlag, FrameType } from '../../protocol/frame.ts';
import { writeMac1 } from '../../security/mac1.ts';
import { Prng } from '../prng.ts';
import { type SecuredEnds, securedEnds } from '../simulated-security.ts';
import { CameraSubject } from './camera-subject.ts';
import { type Companion, CompanionCamera, CompanionViewer } from './companion.ts';
import type { FuzzCorpus } from './corpus.ts';
import { Mutator } from './mutator.ts';
import { APPLICATION_ANSWERS, type EndpointStep, fuzzPeers, type Subject } from './subject.ts';
import {
  count,
  countAll,
  type FuzzCase,
  FuzzFailure,
  type FuzzLife,
  type FuzzStep,
  type FuzzTally,
  type FuzzTarget,
  fromHex,
  type Rejected,
  toHex,
} from './target.ts';
import { ViewerSubject } from './viewer-subject.ts';

/** Datagrams of one life. */
const LIFE_STEPS = 400;
/** Of the keys that all secured subjects have. */
const KEYS_SEED = 1;

/** Modes of security, in the order in which lives take turns. */
export const fuzzModes = ['none', 'psk', 'keys'] as const;

/** One of {@link fuzzModes}. */
export type FuzzMode = (typeof fuzzModes)[number];

/** Ends with the keys of a mode. @returns `undefined` in mode `none`. */
export function endsOf(mode: FuzzMode): SecuredEnds | undefined {
  return mode === 'none' ? undefined : securedEnds(mode, KEYS_SEED);
}

/** Makes the MAC1 of a mutant right, as one can who knows the camera's public key, or is a viewer. */
export function mac1Finish(ends: SecuredEnds): (mutant: Uint8Array) => boolean {
  return (mutant) => {
    const secured = ((mutant[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0;
    if (!secured || (mutant[headerOffset.type] ?? 0) > FrameType.RETRY) return secured;
    if (mutant.length >= SECURED_TRAILER_BYTES) writeMac1(ends.camera.security.mac1, mutant);
    return true;
  };
}

/**
 * Both ends as strangers reach them: a camera and a viewer in each mode, with another end that is real and mutants of all that it
 * sends. See {@link CameraSubject} and {@link ViewerSubject} for what is checked.
 */
export class AdmissionTarget implements FuzzTarget {
  readonly name = 'admission';
  readonly stateless = false;
  readonly tally: FuzzTally = new Map();
  readonly done = { executions: 0, bytes: 0 };
  readonly #modes = new Map<FuzzMode, { readonly ends: SecuredEnds | undefined; readonly mutator: Mutator }>();

  constructor({ clear, secured, media }: FuzzCorpus) {
    for (const mode of fuzzModes) {
      const ends = endsOf(mode);
      const mutator =
        ends === undefined ? new Mutator([...clear, ...media]) : new Mutator([...secured, ...media], mac1Finish(ends));
      this.#modes.set(mode, { ends, mutator });
    }
  }

  begin(seed: number, life: number, record?: (step: FuzzStep) => void): FuzzLife {
    const mode = fuzzModes[(life >> 1) % fuzzModes.length] ?? 'none';
    const role = (life & 1) === 0 ? 'camera' : 'viewer';
    const prng = new Prng(seed, life);
    return new AdmissionLife(this, { role, mode, seed: prng.u32() }, prng, record);
  }

  replay(given: FuzzCase): void {
    this.#replayed(given).finish();
  }

  /** Replays a case. @returns what takes its last datagram again, which must have been refused. */
  lastRefusal(given: FuzzCase): () => void {
    const again = this.#replayed(given).again();
    if (again === undefined) throw new FuzzFailure('the last datagram was not refused');
    return again;
  }

  #replayed({ settings, steps }: FuzzCase): Subject {
    const { subject } = this.setUp(settings);
    for (const { hex, from, afterMs, application } of steps) {
      const step = {
        bytes: fromHex(String(hex)),
        from: Number(from),
        afterMs: Number(afterMs),
        application: Number(application),
      };
      subject.pass(step);
      this.take(subject, step);
    }
    return subject;
  }

  /** A new subject and its companion, and the source of mutants. */
  setUp({ role, mode, seed }: FuzzCase['settings']): { subject: Subject; companion: Companion; mutator: Mutator } {
    const known = this.#modes.get(mode as FuzzMode);
    if (known === undefined) throw new RangeError(`there is no mode ${mode}`);
    const { ends, mutator } = known;
    mutator.forget();
    const learn = (bytes: Uint8Array): void => mutator.learn(bytes);
    const number = Number(seed);
    if (role === 'camera') {
      const companion = new CompanionViewer(ends, number, learn);
      const [own] = fuzzPeers;
      const sent = (bytes: Uint8Array, to: unknown): void =>
        to === own ? companion.take(bytes) : learn(bytes.slice());
      return { subject: new CameraSubject(ends?.camera ?? {}, number, sent), companion, mutator };
    }
    const companion = new CompanionCamera(ends, number, learn);
    const options = { ...ends?.viewer, fast: (number & 2) === 2 };
    const subject = new ViewerSubject(options, number, (bytes) => companion.take(bytes));
    return { subject, companion, mutator };
  }

  take(subject: Subject, step: EndpointStep): void {
    this.done.executions++;
    this.done.bytes += step.bytes.length;
    subject.take(step);
  }
}

/** One endpoint and what comes to it. */
class AdmissionLife implements FuzzLife {
  readonly settings: FuzzCase['settings'];
  readonly #target: AdmissionTarget;
  readonly #prng: Prng;
  readonly #record: ((step: FuzzStep) => void) | undefined;
  readonly #subject: Subject;
  readonly #companion: Companion;
  readonly #mutator: Mutator;
  #steps = 0;
  #nowMs = 0;
  #last: EndpointStep | undefined;

  constructor(
    target: AdmissionTarget,
    settings: FuzzCase['settings'],
    prng: Prng,
    record: ((step: FuzzStep) => void) | undefined,
  ) {
    this.settings = settings;
    this.#target = target;
    this.#prng = prng;
    this.#record = record;
    const { subject, companion, mutator } = target.setUp(settings);
    this.#subject = subject;
    this.#companion = companion;
    this.#mutator = mutator;
  }

  get over(): boolean {
    return this.#steps >= LIFE_STEPS;
  }

  draw(): void {
    this.#steps++;
    const prng = this.#prng;
    const afterMs = someTime(prng);
    this.#companion.pass(this.#nowMs + afterMs);
    const genuine = prng.below(4) === 0 ? this.#companion.next() : undefined;
    const step: EndpointStep = {
      // Endpoints may keep what they are given.
      bytes: genuine ?? this.#mutator.next(prng).slice(),
      from: genuine !== undefined || prng.below(2) === 0 ? 0 : prng.below(2 * fuzzPeers.length),
      afterMs,
      application: prng.below(2) === 0 ? 0 : prng.below(APPLICATION_ANSWERS),
    };
    const { bytes, ...rest } = step;
    this.#record?.({ hex: toHex(bytes), ...rest });
    this.#nowMs += afterMs;
    this.#last = step;
    this.#subject.pass(step);
  }

  execute(): void {
    if (this.#last !== undefined) this.#target.take(this.#subject, this.#last);
  }

  finish(): void {
    this.#subject.finish();
    const { role, mode } = this.settings;
    count(this.#target.tally, `${role} ${mode} lives`);
    countAll(this.#target.tally, String(role), this.#subject.endpoint.counters.snapshot());
  }

  rejected(): Rejected | undefined {
    const again = this.#subject.again();
    if (again === undefined || this.#last === undefined) return undefined;
    const { bytes, ...rest } = this.#last;
    const { counters } = this.#subject.endpoint;
    const before = counters.snapshot().drops.notAuthentic;
    again();
    const tried = bytes[headerOffset.type] === FrameType.START && counters.snapshot().drops.notAuthentic > before;
    return { step: { hex: toHex(bytes), ...rest }, again, tried };
  }
}

/** Mostly none, now and then as long as timers take. In ms. */
function someTime(prng: Prng): number {
  const dice = prng.below(64);
  if (dice < 44) return 0;
  if (dice < 58) return prng.below(20);
  return prng.below(dice < 63 ? 500 : 8000);
}
