/**
 * Plays the recorded scenarios of RedPepper against a subject: what is sent to it and when, and what it is to say. A driver knows
 * bytes only, so that it can send what no program of ours would.
 */
import { LengthPrefixReader, withPrefix } from '../../src/neighbours/core/framing.ts';
import { decodeMessage, type Message } from '../../src/neighbours/redpepper/core/message.ts';
import { packValue } from '../../src/neighbours/redpepper/core/value.ts';
import { fromHex } from '../codec/bytes.ts';
import type { RedPepperScenario, RedPepperStep } from './redpepper-vectors.ts';

/** What the subject said. */
export interface Heard {
  readonly atMs: number;
  readonly message: Message | string;
}

/** What the driver holds of a connection. */
export interface DriverEnd {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Time, real or virtual. */
export interface DriverClock {
  nowMs(): number;
  at(atMs: number, act: () => void): void;
}

/** One connection, seen from the driver. */
export class Driver {
  readonly heard: Heard[] = [];
  closedAtMs: number | undefined;
  readonly #clock: DriverClock;
  readonly #end: DriverEnd;
  readonly #answersPings: boolean;
  readonly #reader = new LengthPrefixReader();
  readonly #startedAtMs: number;

  constructor(clock: DriverClock, end: DriverEnd, answersPings: boolean) {
    this.#clock = clock;
    this.#end = end;
    this.#answersPings = answersPings;
    this.#startedAtMs = clock.nowMs();
  }

  /** What the subject said, without times; the data of its Pings is its own choice. */
  get said(): unknown[] {
    return this.saidUntil(Number.POSITIVE_INFINITY);
  }

  /** The same, up to a time of the connection in ms. */
  saidUntil(untilMs: number): unknown[] {
    const heard = this.heard.filter(({ atMs }) => atMs <= untilMs);
    return heard.map(({ message }) => (isPing(message) ? { t: 12, data: '<any>' } : message));
  }

  /** The subject's bytes. */
  received(bytes: Uint8Array): void {
    this.#reader.read(bytes, (body) => {
      const decoded = decodeMessage(body);
      this.heard.push({ atMs: this.#nowMs, message: decoded.ok ? decoded.message : decoded.reason });
      if (this.#answersPings && decoded.ok && isPing(decoded.message)) {
        this.#end.write(withPrefix(packValue({ t: 13, data: decoded.message.data })));
      }
      return true;
    });
  }

  closed(): void {
    this.closedAtMs ??= this.#nowMs;
  }

  /** Does the steps of a scenario in their time. */
  play(steps: readonly RedPepperStep[]): void {
    for (const step of steps) this.#clock.at(this.#startedAtMs + step.at_ms, () => this.#do(step));
  }

  get #nowMs(): number {
    return this.#clock.nowMs() - this.#startedAtMs;
  }

  #do({ send = [], close = false }: RedPepperStep): void {
    const parts = send.map((message) => {
      if ('hex' in message) return fromHex(message.hex);
      if ('text' in message) return new TextEncoder().encode(message.text);
      return withPrefix(packValue(message.msg));
    });
    // Every step is one write.
    if (parts.length > 0) this.#end.write(new Uint8Array(parts.flatMap((part) => [...part])));
    if (close) this.#end.close();
  }
}

function isPing(message: Message | string): message is Extract<Message, { data: number | bigint }> {
  return typeof message !== 'string' && message.t === 12;
}

/** What a subject is to say, and when it closes. */
export interface Expected {
  readonly said: readonly unknown[];
  /** Times of what is said, ms; tolerance as in the scenario, 60. */
  readonly atMs: readonly number[];
  /** `null`: it stays open. */
  readonly closedAtMs: number | null;
}

const bye = (reason: string) => ({ t: 14, reason });
const pong = (data: number) => ({ t: 13, data });
const ping = { t: 12, data: '<any>' };
const managerHello = { t: 11, version: '0.3.4' };
const agentHello = { t: 10, id: 'webserver1', version: '0.3.4', credentials: 'notasecret' };

/** Where this end does as recommended, not as recorded. */
const recommended: Readonly<Record<string, Expected>> = {
  'mgr-no-hello': { said: [bye('hello timeout')], atMs: [3000], closedAtMs: 3000 },
  'mgr-ping-first': { said: [bye('expected hello')], atMs: [0], closedAtMs: 0 },
  'mgr-hello-and-ping-coalesced': {
    said: [managerHello, pong(7), pong(8), pong(9), ping, ping],
    atMs: [12, 12, 1512, 1813, 2015, 4015],
    closedAtMs: null,
  },
  'mgr-zero-length': { said: [managerHello, bye('empty message')], atMs: [12, 200], closedAtMs: 200 },
  'mgr-length-over-limit': { said: [managerHello, bye('message too long')], atMs: [12, 200], closedAtMs: 200 },
  'mgr-garbage': { said: [managerHello, bye('malformed message')], atMs: [12, 200], closedAtMs: 200 },
  'mgr-unknown-type': { said: [managerHello, ping, ping], atMs: [12, 2012, 4012], closedAtMs: null },
  'mgr-ping-ignored': {
    said: [managerHello, ping, ping, bye('ping timeout')],
    atMs: [12, 2012, 3012, 4012],
    closedAtMs: 4012,
  },
  'mgr-version-9': { said: [bye('incompatible version')], atMs: [0], closedAtMs: 0 },
  'agent-manager-version-9': { said: [agentHello, bye('incompatible version')], atMs: [0, 100], closedAtMs: 100 },
  'agent-no-manager-hello': { said: [agentHello, bye('hello timeout')], atMs: [0, 3000], closedAtMs: 3000 },
};

/** What a subject is to do in a scenario within 5 s. */
export function expectedOf({ name, expected }: RedPepperScenario): Expected {
  const other = recommended[name];
  if (other !== undefined) return other;
  const { received = [], closed_at_ms: closedAtMs = null } = expected.recorded;
  const said: unknown[] = received.map(({ msg }) => msg);
  const atMs = received.map(({ at_ms }) => at_ms);
  if (name === 'mgr-requests') return { said: [...said, bye('malformed message')], atMs: [...atMs, 600], closedAtMs };
  if (name === 'mgr-duplicate-request-id') {
    return { said: [...said, ping, ping], atMs: [...atMs, 2012, 4012], closedAtMs };
  }
  if (name === 'agent-bad-command') {
    const result = { id: 'c3', success: false, changed: false, output: 'unknown command bad' };
    return { said: [...said.slice(0, -1), { t: 22, type: 'command_result', data: result }], atMs, closedAtMs };
  }
  return { said, atMs, closedAtMs };
}
