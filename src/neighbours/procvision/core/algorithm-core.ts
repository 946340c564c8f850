import { AnswerKeeper } from '../../core/answer-keeper.ts';
import { Hello } from '../../core/hello.ts';
import { earliestMs, type Part, wakeDue } from '../../core/part.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../core/stepped-core.ts';
import { Tally } from '../../core/tally.ts';
import { type AlgorithmCallData, checkCall } from './algorithm-call.ts';
import { bodyFaults, bodyFaultTexts, decodeBody, encodeBody, isObject, type JsonObject } from './codec.ts';
import { checkResultData, checkRunnerHello } from './messages.ts';

/** What the work tells the protocol. */
export type AlgorithmInput =
  /** It can take calls. */
  | { readonly kind: 'loaded' }
  /** It cannot take calls, or no more. */
  | { readonly kind: 'broken'; readonly errorCode: string; readonly message: string }
  /** What a call returned, whatever that is. */
  | {
      readonly kind: 'returned';
      readonly requestId: string;
      readonly value: unknown;
      /** Bytes that its work wrote to standard output, where that is forbidden. Default 0. */
      readonly strayBytes?: number;
    }
  /** A call threw. */
  | { readonly kind: 'threw'; readonly requestId: string; readonly message: string };

/** What the protocol asks for. */
export type AlgorithmOutput =
  | { readonly kind: 'execute'; readonly requestId: string; readonly call: AlgorithmCallData }
  /** The process is to end with this exit code, once what was sent has left. */
  | { readonly kind: 'exit'; readonly code: 0 | 1 };

/** What an algorithm is on the wire. */
export interface AlgorithmOptions {
  /** Default `0.3`. */
  readonly generation?: '0.3' | '0.2';
  /** Told in the hello. Default `unknown`, as the reference adapter mostly says. */
  readonly sdkVersion?: string;
  /** Calls are taken from runners that never say hello, as those before v0.3. Default false. */
  readonly lenient?: boolean;
  /** From the start to the runner's hello, in ms. Default 2,000. */
  readonly helloMs?: number;
  /** Calls that are worked on or wait, each for the one before it. Default 16. */
  readonly callsMax?: number;
  /** How long calls may take that are out when the runner asks for the end, in ms. Default 2,000: it waits 3,000. */
  readonly finishMs?: number;
  /** Wall clock, in ms, for time stamps. */
  readonly wallMs: () => number;
}

/** What is counted by an algorithm. */
export const algorithmCounters = [
  'calls',
  'pings',
  'refused',
  'busy',
  'duplicate',
  'unknownType',
  'notJson',
  'afterShutdown',
  'strayOutput',
  'emptyFrame',
  'frameTooLarge',
  'truncated',
  ...bodyFaults,
] as const;

type Output = AlgorithmOutput | LinkOutput;

/** A call that is worked on or waits. */
interface Call {
  /** Of this end's own. */
  readonly requestId: string;
  /** What the runner calls it; echoed. */
  readonly id: unknown;
  readonly call: AlgorithmCallData;
}

/** Longest text of an error that is told to the runner. */
const MESSAGE_CHARS_MAX = 200;

const capabilities = {
  '0.3': ['ping', 'call', 'shutdown', 'shared_memory:v1', 'execute'],
  '0.2': [
    'ping',
    'call',
    'shutdown',
    'shared_memory:v1',
    'info',
    'setup',
    'teardown',
    'reset',
    'on_step_start',
    'on_step_finish',
  ],
} as const;

/** ProcVision's adapter without pipes and timers: pings are answered in the step in which they come, work is somebody else's. */
export class AlgorithmCore implements SteppedCore<AlgorithmInput, AlgorithmOutput> {
  readonly #options: Required<AlgorithmOptions>;
  readonly #counters = new Tally(algorithmCounters);
  readonly #hello: Hello<never>;
  readonly #keeper: AnswerKeeper<Omit<Call, 'requestId'>, Uint8Array>;
  /** Calls in the order in which they came; the first is worked on. */
  readonly #calls: Call[] = [];
  readonly #patience: Part = {
    deadlineMs: () => this.#finishing?.untilMs ?? Number.POSITIVE_INFINITY,
    timeout: () => this.#leave(this.#finishing?.acknowledge === true),
  };
  #link: LinkNumber | undefined;
  #loaded = false;
  #working = false;
  #lastUnnamed = 0;
  /** The runner asked for the end, and calls are out that are answered before. */
  #finishing: { readonly acknowledge: boolean; readonly untilMs: number } | undefined;
  #over = false;
  #outputs: Output[] = [];
  #nowMs = 0;

  constructor(options: AlgorithmOptions) {
    this.#options = {
      generation: '0.3',
      sdkVersion: 'unknown',
      lenient: false,
      helloMs: 2000,
      callsMax: 16,
      finishMs: 2000,
      ...options,
    };
    this.#hello = new Hello<never>(
      { opens: true, lenient: this.#options.lenient, deadlineMs: this.#options.helloMs },
      {
        sendHello: () =>
          this.#send({
            type: 'hello',
            sdk_version: this.#options.sdkVersion,
            timestamp_ms: this.#options.wallMs(),
            capabilities: capabilities[this.#options.generation],
          }),
        sendRefusal: (failure) =>
          failure === 'timeout'
            ? this.#fail('hello_timeout', `no hello of the runner within ${this.#options.helloMs} ms`)
            : this.#fail('bad_hello', 'the hello of the runner cannot be understood'),
        judge: () => {},
        established: () => {},
        deliver: () => {},
        ended: () => {},
      },
    );
    this.#keeper = new AnswerKeeper(
      { workingMax: this.#options.callsMax },
      {
        execute: (requestId, { id, call }) => {
          this.#calls.push({ requestId, id, call });
          this.#next();
        },
        sendAnswer: (_, bytes) => {
          if (this.#link !== undefined && !this.#over) this.#outputs.push({ kind: 'send', link: this.#link, bytes });
        },
      },
    );
  }

  /** Counters by name, see {@link algorithmCounters}. */
  get counters(): Readonly<Record<(typeof algorithmCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  deadlineMs(): number {
    return this.#over ? Number.POSITIVE_INFINITY : earliestMs(this.#parts());
  }

  step(input: AlgorithmInput | LinkInput, nowMs: number): readonly Output[] {
    this.#nowMs = nowMs;
    this.#take(input);
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #parts(): readonly Part[] {
    return [this.#hello, this.#keeper, this.#patience];
  }

  #take(input: AlgorithmInput | LinkInput): void {
    switch (input.kind) {
      case 'connected':
        this.#link = input.link;
        return this.#hello.start(this.#nowMs);
      case 'message':
        if (this.#over || this.#finishing !== undefined) return this.#counters.add('afterShutdown');
        return this.#message(input.bytes);
      case 'malformed':
        this.#counters.add(input.fault === 'empty' ? 'emptyFrame' : 'frameTooLarge');
        return this.#fail(
          'protocol_error',
          input.fault === 'empty' ? 'a frame of length 0' : 'a frame that is too long',
        );
      case 'ended':
        if (!input.truncated) return this.#finish(false);
        this.#counters.add('truncated');
        return this.#fail('protocol_error', 'the input ended within a frame');
      case 'disconnected':
        return this.#exit(input.end.truncated || input.end.cause === 'failed' ? 1 : 0);
      case 'timeout':
        return wakeDue(this.#parts(), this.#nowMs);
      case 'loaded':
        this.#loaded = true;
        return this.#next();
      case 'broken':
        return this.#broken(input.errorCode, input.message);
      case 'returned':
        return this.#returned(input);
      case 'threw':
        return this.#answer(input.requestId, ({ id }) => this.#error(id, '1009', input.message));
      case 'writable':
        return;
    }
  }

  #message(bytes: Uint8Array): void {
    const decoded = decodeBody(bytes);
    if (!decoded.ok) {
      this.#counters.add(decoded.fault);
      return this.#fail('protocol_error', bodyFaultTexts[decoded.fault]);
    }
    const { body, notJson } = decoded;
    if (notJson) this.#counters.add('notJson');
    switch (body['type']) {
      case 'ping': {
        this.#counters.add('pings');
        const { request_id: id = null } = body;
        return this.#send({ type: 'pong', request_id: id, timestamp_ms: this.#options.wallMs(), status: 'OK' });
      }
      case 'hello':
        return this.#hello.hello(checkRunnerHello(body).ok, this.#nowMs);
      case 'shutdown':
        return this.#finish(true);
      case 'call':
        return this.#call(body, notJson);
      default:
        return this.#counters.add('unknownType');
    }
  }

  #call(body: JsonObject, notJson: boolean): void {
    this.#counters.add('calls');
    const id = body['request_id'] ?? '';
    if (this.#hello.state !== 'Established' && !this.#options.lenient) {
      return this.#refuse(id, 'bad_state', 'a call before the hello of the runner');
    }
    if (notJson) return this.#refuse(id, '1000', 'a number that JSON does not have');
    const checked = checkCall(body, this.#options.generation);
    if (!checked.ok) return this.#refuse(id, '1000', checked.problem);
    const before = this.#keeper.counters.duplicate;
    const taken = this.#keeper.request(this.#keyOf(id), { id, call: checked.value }, this.#nowMs);
    if (this.#keeper.counters.duplicate > before) this.#counters.add('duplicate');
    if (taken) return;
    this.#counters.add('busy');
    this.#send(this.#error(id, 'busy', `${this.#options.callsMax} calls wait already`));
  }

  #refuse(id: unknown, errorCode: string, message: string): void {
    this.#counters.add('refused');
    // An error without an id would mean that the algorithm cannot go on.
    this.#send(this.#error(id, errorCode, message));
  }

  /** Whatever a runner names its calls with is echoed. A call without a name is no copy of another. */
  #keyOf(id: unknown): string {
    if (id !== '') return JSON.stringify(id);
    this.#lastUnnamed++;
    return `call ${this.#lastUnnamed}`;
  }

  /** One call at a time, in the order in which they came. */
  #next(): void {
    const [first] = this.#calls;
    if (first === undefined || this.#working || !this.#loaded || this.#over) return;
    this.#working = true;
    const { requestId, call } = first;
    this.#outputs.push({ kind: 'execute', requestId, call });
  }

  #returned({ requestId, value, strayBytes = 0 }: AlgorithmInput & { readonly kind: 'returned' }): void {
    if (strayBytes === 0) return this.#answer(requestId, (call) => this.#resultOf(call, value));
    this.#counters.add('strayOutput');
    const message = `standard output is for frames only, and ${strayBytes} bytes were written to it`;
    this.#answer(requestId, ({ id }) => this.#error(id, '1010', message));
  }

  #answer(requestId: string, bodyOf: (call: Call) => JsonObject): void {
    const [first] = this.#calls;
    if (first?.requestId !== requestId) return;
    const body = bodyOf(first);
    this.#calls.shift();
    this.#working = false;
    const bytes = encodeBody(body);
    this.#keeper.answer(requestId, bytes, bytes.length, this.#nowMs);
    if (this.#finishing !== undefined && this.#calls.length === 0) return this.#leave(this.#finishing.acknowledge);
    this.#next();
  }

  /** The runner asked for the end. Calls that are out are answered first, as far as they are done soon: nobody waits for nothing. */
  #finish(acknowledge: boolean): void {
    if (this.#over || this.#finishing !== undefined) return;
    if (this.#calls.length === 0) return this.#leave(acknowledge);
    this.#hello.close(this.#nowMs);
    this.#finishing = { acknowledge, untilMs: this.#nowMs + this.#options.finishMs };
  }

  #leave(acknowledge: boolean): void {
    for (const { id } of this.#calls.splice(0)) {
      this.#send(this.#error(id, 'shutting_down', 'the runner asked for the end before it was done'));
    }
    if (acknowledge) this.#send({ type: 'shutdown', timestamp_ms: this.#options.wallMs(), status: 'OK' });
    this.#exit(0);
  }

  /** The work ended under its calls: each is told, and then that there will be no more. */
  #broken(errorCode: string, message: string): void {
    for (const { id } of this.#calls.splice(0)) this.#send(this.#error(id, errorCode, message));
    this.#fail(errorCode, message);
  }

  #resultOf({ id, call }: Call, value: unknown): JsonObject {
    const invalid = (why: string): JsonObject => this.#error(id, '1000', `invalid execute return${why}`);
    if (!isObject(value)) return invalid('');
    const { status = 'OK', message = '', error_code: errorCode, data = {} } = value;
    if (status !== 'OK' && status !== 'ERROR') return invalid(': status is neither OK nor ERROR');
    if (typeof message !== 'string') return invalid(': message is not a text');
    if (!isObject(data)) return invalid(': data is not an object');
    const checked = checkResultData(data);
    if (!checked.ok) return invalid(`: ${checked.problem}`);
    const { phase } = call;
    const stepIndex = phase === 'info' ? 0 : call.stepIndex;
    const body: JsonObject = {
      type: 'result',
      request_id: id,
      timestamp_ms: this.#options.wallMs(),
      status,
      message,
      ...(typeof errorCode === 'string' ? { error_code: errorCode } : {}),
      data: { ...(this.#options.generation === '0.2' ? { phase } : {}), step_index: stepIndex, ...data },
    };
    try {
      encodeBody(body);
    } catch (error) {
      return invalid(`: ${error instanceof Error ? error.message : String(error)}`);
    }
    return body;
  }

  #error(id: unknown, errorCode: string, message: string): JsonObject {
    return {
      type: 'error',
      request_id: id,
      timestamp_ms: this.#options.wallMs(),
      status: 'ERROR',
      message: short(message),
      error_code: errorCode,
    };
  }

  /** A last word, and the end. */
  #fail(errorCode: string, message: string): void {
    this.#send(this.#error(null, errorCode, message));
    this.#exit(1);
  }

  #send(body: JsonObject): void {
    if (this.#link === undefined || this.#over) return;
    this.#outputs.push({ kind: 'send', link: this.#link, bytes: encodeBody(body) });
  }

  #exit(code: 0 | 1): void {
    if (this.#over) return;
    this.#over = true;
    this.#hello.close(this.#nowMs);
    if (this.#link !== undefined) this.#outputs.push({ kind: 'disconnect', link: this.#link });
    this.#outputs.push({ kind: 'exit', code });
  }
}

/** The first line, and not all of a long one: no stack trace goes to the peer. */
function short(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length <= MESSAGE_CHARS_MAX ? line : `${line.slice(0, MESSAGE_CHARS_MAX - 1)}…`;
}
