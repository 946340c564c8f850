import {
  type HelloFailure,
  type RedPepperSessionEvent,
  type RedPepperSessionState,
  redPepperSessionTimers,
} from '../../../../machines/index.ts';
import { Deadlines } from '../../../engine/deadlines.ts';
import { MachineDriver } from '../../../engine/driver.ts';
import type { Random } from '../../../engine/random.ts';
import { Heartbeat } from '../../core/heartbeat.ts';
import { Hello } from '../../core/hello.ts';
import { earliestMs, type Part, wakeDue } from '../../core/part.ts';
import { RequestTracker } from '../../core/request-tracker.ts';
import { decodeMessage, encodeMessage, isCompatible, type Message, MessageType, type Response } from './message.ts';
import { Nudge } from './nudge.ts';
import { PacedSender } from './paced-sender.ts';
import { RequestQueue } from './request-queue.ts';
import { ByeReason, type SessionHost } from './session-host.ts';
import { type SessionOptions, sessionDefaults } from './session-options.ts';
import { redPepperSessionTable } from './tables.ts';
import type { RedPepperValue } from './value.ts';

/** How long Bye may wait behind other messages, in ms. */
const LINGER_MS = 2000;
/** Pings beside the heartbeat whose Pongs are waited for. */
const NUDGES_MAX = 64;
/** Pings carry 0..this. */
const PING_MAX = 1_000_000;

/** One connection, either end. */
export class Session implements Part {
  readonly #options: Required<SessionOptions>;
  readonly #random: Random;
  readonly #host: SessionHost;
  readonly #role: 'agent' | 'manager';
  readonly #messageBytesMax: number;
  readonly #deadlines = new Deadlines(redPepperSessionTimers);
  readonly #driver = new MachineDriver(redPepperSessionTable, undefined, (output) => this.#perform(output));
  readonly #sender: PacedSender;
  readonly #hello: Hello<Message>;
  readonly #heartbeat: Heartbeat<number | bigint>;
  readonly #tracker: RequestTracker<Uint8Array, Response>;
  readonly #requests: RequestQueue;
  readonly #parts: readonly Part[];
  /** What Pings beside the heartbeat carried, and no Pong has yet. */
  readonly #nudges = new Set<number | bigint>();
  #reason = '';
  #nowMs = 0;

  constructor(
    role: 'agent' | 'manager',
    options: SessionOptions,
    messageBytesMax: number,
    random: Random,
    host: SessionHost,
  ) {
    this.#options = { ...sessionDefaults, ...options };
    this.#random = random;
    this.#host = host;
    this.#role = role;
    this.#messageBytesMax = messageBytesMax;
    const { gapMs, waitingMax, helloMs, pingIntervalMs, pingTimeoutMs, pingRetriesMax } = this.#options;
    this.#sender = new PacedSender(
      { gapMs, waitingMax },
      {
        write: (bytes) => host.write(bytes),
        drained: () => this.#send({ type: 'app.drained' }),
      },
    );
    this.#hello = new Hello<Message>(
      { opens: role === 'agent', deadlineMs: helloMs },
      {
        sendHello: () => this.#say(host.hello()),
        sendRefusal: (failure) => this.#refuse(failure),
        judge: () => {},
        established: () => this.#send({ type: 'app.established' }),
        deliver: (message) => this.#take(message),
        ended: () => {},
      },
    );
    this.#heartbeat = new Heartbeat<number | bigint>(
      { intervalMs: pingIntervalMs, graceMs: pingTimeoutMs, retriesMax: pingRetriesMax },
      {
        sendPing: () => this.#ping(),
        sendPong: (data) => this.#say({ t: MessageType.PONG, data }),
        alive: () => {},
        dead: () => this.#leave('app.dead', ByeReason.pingTimeout),
        excused: () => false,
      },
    );
    this.#tracker = new RequestTracker<Uint8Array, Response>(
      { inFlightMax: this.#options.requestsMax, limitMs: this.#options.requestMs },
      {
        sendRequest: (_, bytes) => this.#write(bytes),
        settled: (id, settlement) => host.settled(id, settlement),
      },
    );
    this.#requests = new RequestQueue(this.#options, {
      execute: (request) => host.execute(request),
      answer: (bytes) => this.#write(bytes),
      duplicate: () => host.counters.add('duplicateRequest'),
      busy: () => host.counters.add('busy'),
    });
    const nudge = new Nudge(this.#options.nudgeMs, {
      waits: () => this.#tracker.inFlight > 0 && this.#sender.waiting === 0,
      sentAtMs: () => this.#sender.sentAtMs,
      ping: () => this.#nudge(),
    });
    this.#parts = [this.#sender, this.#hello, this.#heartbeat, this.#tracker, this.#requests, nudge];
  }

  get state(): RedPepperSessionState {
    return this.#driver.state;
  }

  /** Requests of this end that wait for their answer. */
  get inFlight(): number {
    return this.#tracker.inFlight;
  }

  deadlineMs(): number {
    return Math.min(this.#deadlines.earliestMs(), earliestMs(this.#parts));
  }

  timeout(nowMs: number): void {
    this.#nowMs = nowMs;
    wakeDue(this.#parts, nowMs);
    while (this.#deadlines.takeDue(nowMs) !== undefined) this.#send({ type: 'timer.linger' });
  }

  /** The connection is there. */
  start(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#hello.start(nowMs);
  }

  /** A whole message came. */
  message(bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#isLive) return;
    this.#host.counters.add('received');
    const decoded = decodeMessage(bytes);
    if (decoded.ok) return this.#hear(decoded.message);
    if (decoded.reason === 'unknownType' && this.state === 'Open') return this.#send({ type: 'frame.unknown' });
    this.#host.counters.add(decoded.reason);
    if (decoded.reason === 'unknownType') return this.#leave('frame.unknown', ByeReason.expectedHello);
    this.#leave('frame.malformed', ByeReason.malformed);
  }

  /** The byte stream cannot be read any further. */
  malformed(fault: 'empty' | 'tooLong', nowMs: number): void {
    this.#nowMs = nowMs;
    this.#host.counters.add(fault);
    this.#leave('frame.malformed', ByeReason[fault]);
  }

  /** The judgement of the agent's hello. @param reason why not; `undefined` when it may stay. */
  judged(reason: string | undefined, nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#isJudging) return;
    if (reason === undefined) return this.#hello.admitted(nowMs);
    this.#reason = reason;
    this.#hello.refused(nowMs);
  }

  /**
   * Sends a request.
   *
   * @param bytes of the whole message.
   * @returns false when too many wait for their answer, or the session is not open.
   */
  request(id: string, bytes: Uint8Array, limitMs: number | undefined, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.state === 'Open' && this.#tracker.send(id, bytes, nowMs, limitMs);
  }

  /** The answer to a request of this end is no longer wanted. */
  cancel(id: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#tracker.cancel(id, nowMs);
  }

  /** Sends a notification. @param bytes of the whole message. @returns false when it cannot be sent. */
  notify(bytes: Uint8Array, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.state === 'Open' && this.#write(bytes);
  }

  /** The work on a request is done. */
  finished(id: string, success: boolean, data: RedPepperValue, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.state !== 'Open') return;
    let bytes = encodeMessage({ t: MessageType.RESPONSE, id, success, data });
    if (bytes.length > this.#messageBytesMax) {
      this.#host.counters.add('responseTooLarge');
      bytes = encodeMessage({ t: MessageType.RESPONSE, id, success: false, data: 'result too large' });
    }
    this.#requests.finished(id, bytes, nowMs);
  }

  /** Another connection proved the same identity. */
  supersede(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#leave('app.superseded', ByeReason.superseded);
  }

  /** Says Bye and closes. */
  close(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#leave('app.close', reason);
  }

  /** The connection is gone. */
  disconnected(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#send({ type: 'app.disconnected' });
  }

  get #isLive(): boolean {
    return this.state === 'Greeting' || this.state === 'Open';
  }

  get #isJudging(): boolean {
    return this.#hello.state === 'Judging';
  }

  #hear(message: Message): void {
    if (message.t === MessageType.BYE) {
      this.#reason = message.reason;
      return this.#send({ type: 'frame.bye' });
    }
    const isHello = message.t === MessageType.AGENT_HELLO || message.t === MessageType.MANAGER_HELLO;
    if (!isHello) {
      if (this.#hello.other(message, this.#nowMs)) this.#take(message);
      return;
    }
    if (this.#hello.state === 'Established') return this.#host.counters.add('unexpected');
    const expected = this.#role === 'agent' ? MessageType.MANAGER_HELLO : MessageType.AGENT_HELLO;
    if (message.t !== expected || this.#isJudging) {
      this.#hello.other(message, this.#nowMs);
      return;
    }
    const { version } = this.#options;
    if (message.version !== version) this.#host.counters.add('otherVersion');
    this.#hello.hello(isCompatible(version, message.version), this.#nowMs);
    if (message.t === MessageType.AGENT_HELLO && this.#isJudging) this.#host.judge(message);
  }

  #take(message: Message): void {
    switch (message.t) {
      case MessageType.PING:
        return this.#heartbeat.ping(message.data, this.#nowMs);
      case MessageType.PONG:
        return this.#pong(message.data);
      case MessageType.REQUEST:
        return this.#requests.request(message, this.#nowMs);
      case MessageType.RESPONSE:
        if (!this.#tracker.answered(message.id, message, this.#nowMs)) this.#host.counters.add('strayResponse');
        return;
      case MessageType.NOTIFICATION:
        if (this.#role === 'manager') return this.#host.notified(message);
    }
    this.#host.counters.add('unexpected');
  }

  #pong(data: number | bigint): void {
    if (this.#nudges.delete(data)) return;
    const { stray } = this.#heartbeat.counters;
    this.#heartbeat.pong(data, this.#nowMs);
    if (this.#heartbeat.counters.stray > stray) this.#host.counters.add('strayPong');
  }

  #nudge(): void {
    // A peer that answers none of them is about to be dead by its heartbeat.
    if (this.#nudges.size >= NUDGES_MAX) this.#nudges.clear();
    this.#nudges.add(this.#ping());
  }

  #refuse(failure: HelloFailure): void {
    const reasons: Readonly<Record<HelloFailure, string>> = {
      timeout: ByeReason.helloTimeout,
      incompatible: ByeReason.version,
      outOfOrder: ByeReason.expectedHello,
      refused: this.#reason,
      disconnected: '',
      closed: '',
    };
    this.#leave('app.refused', reasons[failure]);
  }

  #ping(): number {
    const data = this.#random.u32() % (PING_MAX + 1);
    this.#say({ t: MessageType.PING, data });
    return data;
  }

  #leave(type: RedPepperSessionEvent['type'], reason: string): void {
    if (this.#isLive) this.#reason = reason;
    this.#send({ type });
  }

  #say(message: Message): void {
    this.#write(encodeMessage(message));
  }

  #write(bytes: Uint8Array): boolean {
    const taken = this.#sender.send(bytes, this.#nowMs);
    this.#host.counters.add(taken ? 'sent' : 'queueFull');
    return taken;
  }

  #send(event: RedPepperSessionEvent): void {
    this.#driver.send(event);
  }

  #perform(output: string): void {
    const { ending } = this.#driver.context;
    switch (output) {
      case 'startHeartbeat':
        return this.#heartbeat.start(this.#nowMs);
      case 'reportUnknown':
        return this.#host.counters.add('unknownType');
      case 'reportOpen':
        return this.#host.open();
      case 'endParts':
        this.#hello.close(this.#nowMs);
        this.#heartbeat.stop(this.#nowMs);
        this.#tracker.disconnected(this.#nowMs);
        return this.#requests.end(this.#nowMs);
      case 'sendBye':
        return this.#sendBye();
      case 'armLinger':
        return this.#deadlines.arm('linger', this.#nowMs + LINGER_MS);
      case 'disconnect':
        return this.#host.disconnect();
      case 'release':
        this.#deadlines.disarmAll();
        this.#sender.stop();
        if (ending !== '') this.#host.ended(ending, this.#reason);
    }
  }

  #sendBye(): void {
    this.#host.counters.add('sent');
    this.#sender.send(encodeMessage({ t: MessageType.BYE, reason: this.#reason }), this.#nowMs, true);
    if (this.#sender.waiting === 0) this.#send({ type: 'app.drained' });
  }
}
