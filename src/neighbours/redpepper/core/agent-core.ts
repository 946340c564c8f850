import type { Entropy } from '../../../engine/io-types.ts';
import { Random } from '../../../engine/random.ts';
import { earliestMs } from '../../core/part.ts';
import { Reconnect, type ReconnectOptions } from '../../core/reconnect.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../core/stepped-core.ts';
import { Tally } from '../../core/tally.ts';
import { MessageType } from './message.ts';
import { Session } from './session.ts';
import { ByeReason, type SessionCounter, sessionCounters } from './session-host.ts';
import { giveNobody, giveSession, type OneSessionInput } from './session-inputs.ts';
import type { SessionInput, SessionOutput } from './session-io.ts';
import { type SessionOptions, sessionDefaults } from './session-options.ts';

/** What an agent's core takes. */
export type AgentInput =
  | SessionInput
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly reason: string }
  /** The try that was asked for came to nothing. */
  | { readonly kind: 'failed' }
  /** @param bytes of the whole Notification. */
  | { readonly kind: 'notify'; readonly link: LinkNumber; readonly bytes: Uint8Array };

/** What an agent's core tells. */
export type AgentOutput =
  | SessionOutput
  /** Connect: a link, or `failed`, later. */
  | { readonly kind: 'connect' }
  /** The try is not wanted any more. */
  | { readonly kind: 'abandon' }
  | { readonly kind: 'open'; readonly link: LinkNumber }
  /** The next try is due then, monotonic ms. */
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'gaveUp' };

/** Pace and limits of an agent. */
export interface AgentCoreOptions extends SessionOptions {
  /** Its identity. */
  readonly id: string;
  /** A secret: never logged. */
  readonly credentials: string;
  /** Default: first wait 2 s, doubled up to 64 s, 20 % jitter; forgiven by a connection of 60 s. */
  readonly reconnect?: ReconnectOptions;
}

type Output = AgentOutput | LinkOutput;

/** RedPepper's agent without sockets and timers. */
export class AgentCore implements SteppedCore<AgentInput, AgentOutput> {
  readonly #options: AgentCoreOptions;
  readonly #random: Random;
  readonly #counters = new Tally<SessionCounter>(sessionCounters);
  readonly #reconnect: Reconnect;
  #live: { readonly link: LinkNumber; readonly session: Session } | undefined;
  #connecting = false;
  #outputs: Output[] = [];
  #nowMs = 0;

  constructor(options: AgentCoreOptions, entropy: Entropy) {
    this.#options = options;
    this.#random = new Random(entropy);
    this.#reconnect = new Reconnect(options.reconnect ?? {}, entropy, {
      connect: () => {
        this.#connecting = true;
        this.#outputs.push({ kind: 'connect' });
      },
      abandon: () => {
        if (this.#connecting) this.#outputs.push({ kind: 'abandon' });
        this.#connecting = false;
        this.#live?.session.close(ByeReason.shutdown, this.#nowMs);
      },
      gaveUp: () => this.#outputs.push({ kind: 'gaveUp' }),
    });
  }

  /** Counters by name, see {@link sessionCounters}. */
  get counters(): Readonly<Record<SessionCounter, number>> {
    return this.#counters.snapshot();
  }

  /** Failures since a connection last lived a while. */
  get failures(): number {
    return this.#reconnect.failures;
  }

  deadlineMs(): number {
    return earliestMs(this.#live === undefined ? [this.#reconnect] : [this.#reconnect, this.#live.session]);
  }

  step(input: AgentInput | LinkInput, nowMs: number): readonly Output[] {
    this.#nowMs = nowMs;
    this.#take(input);
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #take(input: AgentInput | LinkInput): void {
    switch (input.kind) {
      case 'start':
        return this.#reconnect.start(this.#nowMs);
      case 'stop':
        this.#live?.session.close(input.reason, this.#nowMs);
        return this.#reconnect.stop(this.#nowMs);
      case 'failed':
        if (!this.#connecting) return;
        this.#connecting = false;
        return this.#lost();
      case 'connected':
        return this.#connected(input.link, input.messageBytesMax);
      case 'timeout':
        if (this.#live !== undefined && this.#live.session.deadlineMs() <= this.#nowMs) {
          this.#live.session.timeout(this.#nowMs);
        }
        if (this.#reconnect.deadlineMs() <= this.#nowMs) this.#reconnect.timeout(this.#nowMs);
        return;
      default:
        return this.#forSession(input);
    }
  }

  #forSession(input: OneSessionInput | Extract<AgentInput, { kind: 'notify' }>): void {
    const session = this.#live?.link === input.link ? this.#live.session : undefined;
    if (input.kind === 'notify') {
      session?.notify(input.bytes, this.#nowMs);
    } else if (session === undefined) giveNobody(input, this.#outputs);
    else {
      giveSession(session, input, this.#nowMs, this.#outputs);
      if (input.kind !== 'disconnected') return;
      this.#live = undefined;
      this.#lost();
    }
  }

  #connected(link: LinkNumber, messageBytesMax: number): void {
    this.#connecting = false;
    const { id, credentials, version = sessionDefaults.version } = this.#options;
    const session = new Session('agent', this.#options, messageBytesMax, this.#random, {
      counters: this.#counters,
      write: (bytes) => this.#outputs.push({ kind: 'send', link, bytes }),
      disconnect: () => this.#outputs.push({ kind: 'disconnect', link }),
      hello: () => ({ t: MessageType.AGENT_HELLO, id, version, credentials }),
      judge: () => {},
      open: () => {
        this.#reconnect.connected(this.#nowMs);
        this.#outputs.push({ kind: 'open', link });
      },
      execute: (request) => this.#outputs.push({ ...request, kind: 'execute', link }),
      notified: () => {},
      settled: (request, settlement) => this.#outputs.push({ kind: 'settled', link, id: request, settlement }),
      ended: (ending, reason) => this.#outputs.push({ kind: 'over', link, ending, reason }),
    });
    this.#live = { link, session };
    session.start(this.#nowMs);
  }

  #lost(): void {
    this.#reconnect.disconnected(this.#nowMs);
    if (this.#reconnect.state === 'Waiting') {
      this.#outputs.push({ kind: 'waiting', untilMs: this.#reconnect.deadlineMs() });
    }
  }
}
