import type { Entropy } from '../../../engine/io-types.ts';
import { type BucketRate, PrefixBucket } from '../../../engine/prefix-bucket.ts';
import { Random } from '../../../engine/random.ts';
import { earliestMs, wakeDue } from '../../core/part.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../core/stepped-core.ts';
import { Tally } from '../../core/tally.ts';
import { MessageType } from './message.ts';
import { Session } from './session.ts';
import { ByeReason, type SessionCounter, sessionCounters } from './session-host.ts';
import { giveNobody, giveSession } from './session-inputs.ts';
import type { SessionInput, SessionOutput } from './session-io.ts';
import { type SessionOptions, sessionDefaults } from './session-options.ts';
import type { RedPepperValue } from './value.ts';

/** What a manager's core takes. */
export type ManagerInput =
  | SessionInput
  | { readonly kind: 'judged'; readonly link: LinkNumber; readonly admitted: boolean }
  | { readonly kind: 'close'; readonly link: LinkNumber | 'all'; readonly reason: string };

/** What a manager's core tells. */
export type ManagerOutput =
  | SessionOutput
  /** Answer with `judged`, at any time. */
  | { readonly kind: 'judge'; readonly link: LinkNumber; readonly agent: string; readonly credentials: string }
  | { readonly kind: 'admitted'; readonly link: LinkNumber; readonly agent: string }
  | { readonly kind: 'notified'; readonly link: LinkNumber; readonly type: string; readonly data: RedPepperValue };

/** Pace and limits of a manager. */
export interface ManagerCoreOptions extends SessionOptions {
  /** Connections that each identity may have established: 0.3.4 comes again at once after a Bye. Default 1 a second, 20 at once. */
  readonly identityRate?: BucketRate;
}

/** What is counted by a manager. */
export const managerCounters = [
  ...sessionCounters,
  'connections',
  'admitted',
  'refused',
  'tooMany',
  'superseded',
] as const;

/** Name of a counter of {@link managerCounters}. */
export type ManagerCounter = (typeof managerCounters)[number];

type Output = ManagerOutput | LinkOutput;

interface Entry {
  readonly session: Session;
  agent: string | undefined;
}

/** RedPepper's manager without sockets and timers. */
export class ManagerCore implements SteppedCore<ManagerInput, ManagerOutput> {
  readonly #options: ManagerCoreOptions;
  readonly #random: Random;
  readonly #bucket: PrefixBucket;
  readonly #counters = new Tally<ManagerCounter>(managerCounters);
  readonly #entries = new Map<LinkNumber, Entry>();
  /** The one live session of each identity. */
  readonly #byAgent = new Map<string, LinkNumber>();
  #outputs: Output[] = [];
  #nowMs = 0;

  constructor(options: ManagerCoreOptions, entropy: Entropy) {
    this.#options = options;
    this.#random = new Random(entropy);
    this.#bucket = new PrefixBucket(this.#random.bytes(8), options.identityRate ?? { perSecond: 1, burst: 20 });
  }

  /** Counters by name, see {@link managerCounters}. */
  get counters(): Readonly<Record<ManagerCounter, number>> {
    return this.#counters.snapshot();
  }

  /** Connections in any state. */
  get sessions(): number {
    return this.#entries.size;
  }

  deadlineMs(): number {
    return earliestMs([...this.#entries.values()].map(({ session }) => session));
  }

  step(input: ManagerInput | LinkInput, nowMs: number): readonly Output[] {
    this.#nowMs = nowMs;
    if (input.kind === 'timeout')
      wakeDue(
        [...this.#entries.values()].map(({ session }) => session),
        nowMs,
      );
    else if (input.kind === 'connected') this.#connected(input.link, input.messageBytesMax);
    else if (input.kind === 'close') this.#close(input.link, input.reason);
    else this.#take(input);
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #connected(link: LinkNumber, messageBytesMax: number): void {
    this.#counters.add('connections');
    const session = new Session('manager', this.#options, messageBytesMax, this.#random, {
      counters: this.#counters as Tally<SessionCounter>,
      write: (bytes) => this.#outputs.push({ kind: 'send', link, bytes }),
      disconnect: () => this.#outputs.push({ kind: 'disconnect', link }),
      hello: () => ({ t: MessageType.MANAGER_HELLO, version: this.#options.version ?? sessionDefaults.version }),
      judge: ({ id, credentials }) => {
        entry.agent = id;
        this.#outputs.push({ kind: 'judge', link, agent: id, credentials });
      },
      open: () => this.#open(link, entry),
      execute: ({ id, method, args, kwargs }) =>
        this.#outputs.push({ kind: 'execute', link, id, method, args, kwargs }),
      notified: ({ type, data }) => this.#outputs.push({ kind: 'notified', link, type, data }),
      settled: (id, settlement) => this.#outputs.push({ kind: 'settled', link, id, settlement }),
      ended: (ending, reason) => {
        if (entry.agent !== undefined && this.#byAgent.get(entry.agent) === link) this.#byAgent.delete(entry.agent);
        this.#outputs.push({ kind: 'over', link, ending, reason });
      },
    });
    const entry: Entry = { session, agent: undefined };
    this.#entries.set(link, entry);
    session.start(this.#nowMs);
  }

  #take(input: Exclude<ManagerInput | LinkInput, { kind: 'timeout' | 'connected' | 'close' }>): void {
    const entry = this.#entries.get(input.link);
    if (input.kind === 'judged') {
      if (entry !== undefined) this.#judged(entry, input.admitted);
    } else if (entry === undefined) giveNobody(input, this.#outputs);
    else {
      giveSession(entry.session, input, this.#nowMs, this.#outputs);
      if (input.kind === 'disconnected') this.#entries.delete(input.link);
    }
  }

  #close(link: LinkNumber | 'all', reason: string): void {
    for (const [number, { session }] of [...this.#entries]) {
      if (link === 'all' || link === number) session.close(reason, this.#nowMs);
    }
  }

  #judged({ session, agent = '' }: Entry, admitted: boolean): void {
    if (!admitted) {
      this.#counters.add('refused');
      return session.judged(ByeReason.authentication, this.#nowMs);
    }
    // Only who proved an identity spends of its share: nobody can lock another out.
    if (this.#bucket.take(new TextEncoder().encode(agent), this.#nowMs)) return session.judged(undefined, this.#nowMs);
    this.#counters.add('tooMany');
    session.judged(ByeReason.tooMany, this.#nowMs);
  }

  #open(link: LinkNumber, { agent = '' }: Entry): void {
    const before = this.#byAgent.get(agent);
    this.#byAgent.set(agent, link);
    this.#counters.add('admitted');
    if (before !== undefined) {
      this.#counters.add('superseded');
      this.#entries.get(before)?.session.supersede(this.#nowMs);
    }
    this.#outputs.push({ kind: 'admitted', link, agent });
  }
}
