import type { ProcvisionRunnerEvent, ProcvisionRunnerState, RunnerFault } from '../../../../machines/index.ts';
import { procvisionRunnerTimers } from '../../../../machines/index.ts';
import { Deadlines } from '../../../engine/deadlines.ts';
import { MachineDriver } from '../../../engine/driver.ts';
import type { Entropy } from '../../../engine/io-types.ts';
import { earliestMs, type Part, wakeDue } from '../../core/part.ts';
import { Reconnect } from '../../core/reconnect.ts';
import { RequestTracker, type Settlement } from '../../core/request-tracker.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../core/stepped-core.ts';
import { Tally } from '../../core/tally.ts';
import { AlgorithmPeer } from './algorithm-peer.ts';
import { bodyFaultTexts, decodeBody, encodeBody, type JsonObject } from './codec.ts';
import { errorCodeText } from './error-codes.ts';
import {
  type AlgorithmHello,
  algorithmKeys,
  type CallAnswer,
  checkAlgorithmHello,
  checkAnswer,
  codeText,
} from './messages.ts';
import { type CallFailure, type ProcessEnd, type RunnerInput, type RunnerOutput, runnerCounters } from './runner-io.ts';
import { RUNNER_DEFAULTS, type RunnerOptions } from './runner-options.ts';
import { procvisionRunnerTable } from './tables.ts';

type Output = RunnerOutput | LinkOutput;
type Call = RunnerInput & { readonly kind: 'call' };

/** ProcVision's runner without processes and timers: one algorithm that is wanted, one process of it at a time. */
export class RunnerCore implements SteppedCore<RunnerInput, RunnerOutput> {
  readonly #options: Required<RunnerOptions>;
  readonly #counters = new Tally(runnerCounters);
  readonly #deadlines = new Deadlines(procvisionRunnerTimers);
  readonly #driver = new MachineDriver(procvisionRunnerTable, undefined, (output) => this.#perform(output));
  readonly #restarts: Reconnect;
  readonly #queue: Call[] = [];
  readonly #calls: RequestTracker<Call, CallAnswer>;
  readonly #timers: Part = {
    deadlineMs: () => this.#deadlines.earliestMs(),
    timeout: (nowMs) => {
      const due = this.#deadlines.takeDue(nowMs);
      if (due !== undefined) this.#send({ type: `timer.${due}` });
    },
  };
  /** The process that is there. */
  #peer: AlgorithmPeer | undefined;
  #algorithm: AlgorithmHello | undefined;
  #link: LinkNumber | undefined;
  #lastCall = 0;
  /** The call that is outstanding, or was last. */
  #call = 0;
  #lastPing = 0;
  #lastStray = '';
  /** What is wrong, for people; the first thing that is. */
  #detail = '';
  #errorCode: string | undefined;
  #told: ProcvisionRunnerState | 'Failed' = 'Idle';
  readonly #outputs: Output[] = [];
  #nowMs = 0;

  /** @param entropy spreads the waits before restarts. */
  constructor(options: RunnerOptions, entropy: Entropy) {
    this.#options = { ...RUNNER_DEFAULTS, ...options };
    const { restartsMax, restartBackoffMs, forgiveAfterMs } = this.#options;
    this.#restarts = new Reconnect(
      {
        failuresMax: restartsMax + 1,
        backoffInitialMs: restartBackoffMs,
        livedMs: forgiveAfterMs,
        // The hello has its own deadline, and the end of a process that is late with it takes its time.
        limitMs: Number.POSITIVE_INFINITY,
      },
      entropy,
      {
        connect: () => this.#send(this.#driver.state === 'Idle' ? { type: 'app.start' } : { type: 'app.restart' }),
        abandon: () => {},
        gaveUp: () => this.#send({ type: 'app.gaveUp' }),
      },
    );
    this.#calls = new RequestTracker(
      { inFlightMax: 1 },
      {
        sendRequest: (id, { data }) => this.#write({ type: 'call', request_id: id, data }),
        settled: (_, settlement) => this.#settled(settlement),
      },
    );
  }

  /** Counters by name, see {@link runnerCounters}. */
  get counters(): Readonly<Record<(typeof runnerCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  /** `Failed` is Closed after too many restarts. */
  get state(): ProcvisionRunnerState | 'Failed' {
    return this.#driver.context.failed ? 'Failed' : this.#driver.state;
  }

  /** What was wrong with the last process, for people; empty when nothing was. */
  get detail(): string {
    return this.#detail;
  }

  deadlineMs(): number {
    return earliestMs(this.#parts());
  }

  step(input: RunnerInput | LinkInput, nowMs: number): readonly Output[] {
    this.#nowMs = nowMs;
    this.#take(input);
    return this.#outputs.splice(0);
  }

  #parts(): readonly Part[] {
    const parts: Part[] = [this.#timers, this.#restarts, this.#calls];
    if (this.#peer !== undefined) parts.push(this.#peer);
    return parts;
  }

  #take(input: RunnerInput | LinkInput): void {
    switch (input.kind) {
      case 'start':
        return this.#restarts.start(this.#nowMs);
      case 'close':
        return this.#close();
      case 'call':
        return this.#enqueue(input);
      case 'withdraw':
        return this.#withdraw(input.call);
      case 'connected':
        this.#link = input.link;
        return this.#peer?.start(this.#nowMs);
      case 'message':
        return input.link === this.#link ? this.#message(input.bytes) : undefined;
      case 'malformed':
        this.#counters.add(input.fault === 'empty' ? 'emptyFrame' : 'frameTooLarge');
        return this.#fault(
          'protocol',
          input.fault === 'empty' ? 'a frame of length 0' : 'a frame longer than the limit, or no frame at all',
        );
      case 'ended':
      case 'disconnected':
        return this.#lost(input);
      case 'exited':
        return this.#exited(input.end);
      case 'timeout':
        return wakeDue(this.#parts(), this.#nowMs);
      case 'writable':
        return;
    }
  }

  #enqueue(input: Call): void {
    this.#counters.add('calls');
    if (this.#driver.context.closing) return this.#unanswered(input.call, 'closed', '');
    if (this.#queue.length >= this.#options.queuedMax) {
      this.#counters.add('full');
      return this.#unanswered(input.call, 'full', `${this.#queue.length} calls wait already`);
    }
    this.#queue.push(input);
    this.#next();
  }

  /** One call at a time: the oldest that waits, when the process is there and has none. */
  #next(): void {
    if (this.#queue.length > 0) this.#send({ type: 'app.call' });
  }

  #sendCall(): void {
    const input = this.#queue.shift();
    if (input === undefined) return;
    this.#lastCall++;
    this.#call = input.call;
    this.#lastStray = '';
    this.#calls.send(`r${this.#lastCall}`, input, this.#nowMs, input.limitMs);
  }

  #withdraw(call: number): void {
    const at = this.#queue.findIndex((queued) => queued.call === call);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  #settled(settlement: Settlement<CallAnswer>): void {
    const call = this.#call;
    if (settlement.outcome === 'answered') {
      this.#counters.add('answers');
      this.#outputs.push({ kind: 'answered', call, answer: settlement.answer });
      return;
    }
    if (settlement.outcome !== 'timedOut') {
      const { fault, closing } = this.#driver.context;
      const byItself = fault === '' || fault === 'exited';
      const why = !byItself ? fault : closing ? 'closed' : 'exited';
      return this.#unanswered(call, why, this.#detail, this.#errorCode);
    }
    const stray = this.#lastStray === '' ? '' : `; an answer came for ${this.#lastStray}, which nobody waits for`;
    const detail = `no answer within its time limit${stray}`;
    this.#unanswered(call, 'timeout', detail);
    // It works in one thread, and would take no other call before it is done with this one.
    this.#fault('timeout', detail);
  }

  #unanswered(call: number, why: CallFailure, detail: string, errorCode?: string): void {
    this.#outputs.push({ kind: 'unanswered', call, why, detail, ...(errorCode === undefined ? {} : { errorCode }) });
  }

  #failQueued(why: CallFailure): void {
    for (const { call } of this.#queue.splice(0)) this.#unanswered(call, why, this.#detail);
  }

  #close(): void {
    this.#send({ type: 'app.close' });
    this.#restarts.stop(this.#nowMs);
    this.#failQueued('closed');
  }

  #message(bytes: Uint8Array): void {
    const decoded = decodeBody(bytes);
    if (!decoded.ok) {
      this.#counters.add(decoded.fault);
      return this.#fault('protocol', `${bodyFaultTexts[decoded.fault]} (${bytes.length} bytes)`);
    }
    const { body, notJson } = decoded;
    if (notJson) this.#counters.add('notJson');
    for (const key of Object.keys(body)) if (!algorithmKeys.has(key)) this.#counters.add('unknownKey');
    const type = body['type'];
    if (this.#algorithm === undefined) {
      if (type === 'hello') return this.#helloCame(body);
      return this.#fault('outOfOrder', `the first frame was ${JSON.stringify(type)}, not a hello`);
    }
    const id = body['request_id'];
    switch (type) {
      case 'pong':
        if (this.#peer?.pong(id, this.#nowMs) === false) this.#counters.add('strayPongs');
        return;
      case 'result':
        return this.#answer(id, notJson ? { kind: 'invalid', problem: 'it has NaN or Infinity' } : checkAnswer(body));
      case 'error':
        return id === null || id === undefined ? this.#reported(body) : this.#answer(id, checkAnswer(body));
      case 'shutdown':
        return void this.#send({ type: 'peer.shutdown' });
      case 'hello':
        return this.#peer?.hello(this.#nowMs);
      default:
        return this.#counters.add('unknownType');
    }
  }

  #helloCame(body: JsonObject): void {
    const checked = checkAlgorithmHello(body);
    if (!checked.ok && !this.#options.lenient) return this.#fault('badHello', checked.problem);
    this.#algorithm = checked.ok
      ? checked.value
      : { sdkVersion: codeText(body['sdk_version']), capabilities: [], generation: '0.3' };
    this.#peer?.hello(this.#nowMs);
  }

  #answer(id: unknown, answer: CallAnswer): void {
    if (typeof id !== 'string' || !this.#calls.has(id)) {
      this.#counters.add('strayAnswers');
      this.#lastStray = JSON.stringify(id)?.slice(0, 80) ?? 'no id';
      return;
    }
    this.#calls.answered(id, answer, this.#nowMs);
    this.#send({ type: 'peer.answer' });
    this.#next();
  }

  /** An error that belongs to no call: the algorithm could not be loaded, or cannot go on. It ends by itself, or is ended. */
  #reported(body: JsonObject): void {
    const errorCode = codeText(body['error_code']);
    const message = typeof body['message'] === 'string' ? body['message'] : '';
    this.#blame(`it reported ${errorCode === '' ? 'an error' : errorCodeText(errorCode)}: ${message}`);
    this.#errorCode ??= errorCode || undefined;
    this.#send({ type: 'peer.ended', fault: 'startup' });
  }

  #lost(input: LinkInput & { readonly kind: 'ended' | 'disconnected' }): void {
    if (input.link !== this.#link) return;
    if (input.kind === 'ended') {
      // Its frames are over; the pipe to it is closed, and its end is waited for.
      this.#outputs.push({ kind: 'disconnect', link: input.link });
    } else if (input.end.truncated) {
      this.#counters.add('truncated');
      this.#blame('its output ended within a frame');
    }
    this.#send({ type: 'peer.ended', fault: 'exited' });
  }

  #exited(end: ProcessEnd): void {
    if (end.problem !== undefined) this.#blame(`it could not be started: ${end.problem}`);
    else {
      const how = end.signal === null ? `ended with exit code ${end.code}` : `was ended by ${end.signal}`;
      this.#detail = this.#detail === '' ? `it ${how}` : `${this.#detail}; it ${how}`;
    }
    this.#link = undefined;
    this.#peer = undefined;
    this.#algorithm = undefined;
    this.#send({ type: 'process.exited', fault: end.problem === undefined ? 'exited' : 'notStarted' });
  }

  #fault(fault: RunnerFault, detail: string): void {
    this.#blame(detail);
    this.#send({ type: 'peer.fault', fault });
  }

  #blame(detail: string): void {
    if (this.#detail === '') this.#detail = detail;
  }

  #write(body: JsonObject): void {
    if (this.#link !== undefined) this.#outputs.push({ kind: 'send', link: this.#link, bytes: encodeBody(body) });
  }

  #send(event: ProcvisionRunnerEvent): void {
    this.#driver.send(event);
    this.#tellState();
  }

  /** Told before what is done in a state, also of one that is left in the same step. */
  #tellState(): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.#outputs.push({ kind: 'state', state });
  }

  #perform(output: string): void {
    const { shutdownMs, exitMs, killMs } = this.#options;
    this.#tellState();
    switch (output) {
      case 'spawn':
        return this.#spawn();
      case 'reportReady':
        return this.#ready();
      case 'sendCall':
        return this.#sendCall();
      case 'failCalls':
        return this.#calls.disconnected(this.#nowMs);
      case 'sendShutdown':
        this.#peer?.silence(this.#nowMs);
        return this.#write({ type: 'shutdown' });
      case 'closeInput':
        if (this.#link === undefined) return;
        return void this.#outputs.push({ kind: 'disconnect', link: this.#link });
      case 'terminate':
      case 'kill':
        this.#peer?.silence(this.#nowMs);
        return void this.#outputs.push({ kind: output });
      case 'askRestart':
        return this.#restarts.disconnected(this.#nowMs);
      case 'armShutdown':
        return this.#deadlines.arm('shutdown', this.#nowMs + shutdownMs);
      case 'armExit':
        this.#peer?.silence(this.#nowMs);
        return this.#deadlines.arm('exit', this.#nowMs + exitMs);
      case 'armKill':
        return this.#deadlines.arm('kill', this.#nowMs + killMs);
      case 'disarm':
        return this.#deadlines.disarmAll();
      case 'release':
        return this.#release();
    }
  }

  #spawn(): void {
    this.#detail = '';
    this.#errorCode = undefined;
    this.#counters.add('processes');
    this.#peer = new AlgorithmPeer(this.#options, {
      write: (body) => this.#write(body),
      established: () => this.#send({ type: 'peer.hello' }),
      fault: (fault, detail) => this.#fault(fault, detail),
      // Work in the algorithm's only thread keeps it from answering; the time limit of the call decides then.
      excused: () => this.#calls.inFlight > 0,
      nextPing: () => {
        this.#lastPing++;
        return `p${this.#lastPing}`;
      },
    });
    this.#outputs.push({ kind: 'spawn' });
  }

  #ready(): void {
    this.#restarts.connected(this.#nowMs);
    const hello = this.#algorithm;
    if (hello?.capabilities.includes('ping') === true) this.#peer?.ready(this.#nowMs);
    if (hello !== undefined) this.#outputs.push({ kind: 'ready', hello });
    this.#next();
  }

  #release(): void {
    const { acknowledged, failed } = this.#driver.context;
    this.#deadlines.disarmAll();
    this.#restarts.stop(this.#nowMs);
    this.#calls.disconnected(this.#nowMs);
    this.#failQueued(failed ? 'failed' : 'closed');
    this.#outputs.push({ kind: 'over', acknowledged, failed });
  }
}
