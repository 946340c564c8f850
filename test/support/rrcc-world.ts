/**
 * A leader and a follower of RRCC on a simulated link, in virtual time, with everything that they said.
 */

import { LengthPrefixReader } from '../../src/neighbours/core/framing.ts';
import { type MemoryPair, type MemoryPairOptions, memoryPair } from '../../src/neighbours/core/memory-transport.ts';
import { CoreRunner } from '../../src/neighbours/core-runner.ts';
import { decodeEnvelope } from '../../src/neighbours/rrcc/core/codec.ts';
import {
  FollowerCore,
  type FollowerInput,
  type FollowerOptions,
  type FollowerOutput,
} from '../../src/neighbours/rrcc/core/follower-core.ts';
import { failure, type Work } from '../../src/neighbours/rrcc/core/follower-exchange.ts';
import {
  LeaderCore,
  type LeaderInput,
  type LeaderOptions,
  type LeaderOutput,
} from '../../src/neighbours/rrcc/core/leader-core.ts';
import { ConfirmState, Status } from '../../src/neighbours/rrcc/core/rrcc_pb.ts';
import { virtualTiming } from '../../src/neighbours/virtual-timing.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import type { Link } from '../../src/sim/link.ts';

/** What becomes of an execution. */
export type Fate = 'answers' | 'dies' | 'hangs' | 'fails';

/** How a world is made. */
export interface RrccWorldOptions extends Partial<Omit<MemoryPairOptions, 'queue'>> {
  readonly leader?: LeaderOptions;
  readonly follower?: Omit<FollowerOptions, 'refuse'>;
  /** How long work takes, in ms. Default 20. */
  readonly workMs?: number;
  /** What becomes of the n-th execution, counted from 1. Default: it answers. */
  readonly fate?: (execution: number, work: Work) => Fate;
}

const stateNames = new Map(Object.entries(ConfirmState).map(([name, value]) => [value, name]));
const statusNames = new Map(Object.entries(Status).map(([name, value]) => [value, name]));

/** An envelope in short: `request 1 a1 r1`, `confirm 1 a1 r1 ACCEPTED`. */
export function inShort(bytes: Uint8Array): string {
  const decoded = decodeEnvelope(bytes);
  if (!decoded.ok) return decoded.reason;
  const { messageId, attempt, round, body } = decoded.envelope;
  const head = `${messageId} a${attempt} r${round}`;
  switch (body.case) {
    case 'confirm':
      return `confirm ${head} ${stateNames.get(body.value.state as 0)}`;
    case 'response':
      return `response ${head} ${statusNames.get(body.value.status as 0)}`;
    case 'confirmContinue':
      return `${body.value.continue ? 'continue' : 'stop'} ${head}`;
    default:
      return `${body.case} ${head}`;
  }
}

/** A leader, a follower, the link between them, and a log. */
export class RrccWorld {
  readonly queue = new EventQueue();
  readonly pair: MemoryPair;
  readonly leader: LeaderCore;
  readonly leaderRunner: CoreRunner<LeaderInput, LeaderOutput>;
  follower: FollowerCore;
  followerRunner: CoreRunner<FollowerInput, FollowerOutput>;
  /** What either end sent and what the leader told, with its time. */
  readonly log: string[] = [];
  /** `exchange.round` of each execution, in order. */
  readonly executions: string[] = [];
  /** Outputs of the leader. */
  readonly told: LeaderOutput[] = [];
  readonly #options: RrccWorldOptions;

  constructor(options: RrccWorldOptions = {}) {
    this.#options = options;
    this.pair = memoryPair({ seed: 1, kind: 'datagram', ...options, queue: this.queue });
    this.#tap(this.pair.there, '>');
    this.#tap(this.pair.back, '<');
    this.leader = new LeaderCore(options.leader);
    this.leaderRunner = new CoreRunner(this.leader, (output) => this.#hear(output), virtualTiming(this.queue));
    this.leaderRunner.attach(this.pair.left);
    this.follower = this.#newFollower();
    this.followerRunner = this.#run(this.follower);
    this.followerRunner.attach(this.pair.right);
  }

  /** Begins an exchange. */
  call(exchangeId = 300n, deadlineMs = 5000, params = '{"x":1}', method = 'plan'): void {
    const bytes = new TextEncoder().encode(params);
    const contentType = 'application/json';
    this.leaderRunner.step({ kind: 'call', exchangeId, method, params: bytes, contentType, deadlineMs });
  }

  /** Goes on to the next round. */
  continue(params = '{"x":2}', exchangeId = 300n): void {
    const bytes = new TextEncoder().encode(params);
    this.leaderRunner.step({ kind: 'continue', exchangeId, params: bytes, contentType: 'application/json' });
  }

  /** Ends an exchange. */
  finish(exchangeId = 300n): void {
    this.leaderRunner.step({ kind: 'finish', exchangeId });
  }

  cancel(exchangeId = 300n): void {
    this.leaderRunner.step({ kind: 'cancel', exchangeId });
  }

  /** Joins the two by another link. @param forgets the follower is a new one. */
  reconnect(forgets: boolean): void {
    const pair = memoryPair({ seed: 2, kind: 'datagram', ...this.#options, queue: this.queue });
    this.#tap(pair.there, '>');
    this.#tap(pair.back, '<');
    if (forgets) {
      this.followerRunner.stop();
      this.follower = this.#newFollower();
      this.followerRunner = this.#run(this.follower);
    }
    this.leaderRunner.attach(pair.left);
    this.followerRunner.attach(pair.right);
  }

  run(untilMs: number): void {
    this.queue.runUntil(untilMs);
  }

  /** How exchanges ended. */
  get endings(): string[] {
    return this.told.flatMap((output) => (output.kind === 'ended' ? [`${output.exchangeId} ${output.ending}`] : []));
  }

  /** Rounds that were delivered. */
  get delivered(): string[] {
    return this.told.flatMap((output) => (output.kind === 'response' ? [`${output.exchangeId}.${output.round}`] : []));
  }

  /** The log without the times. */
  get said(): string[] {
    return this.log.map((line) => line.slice(line.indexOf(' ') + 1));
  }

  #newFollower(): FollowerCore {
    const refuse = (method: string, params: Uint8Array) => {
      if (method !== 'plan') return failure(Status.UNKNOWN_METHOD, 'unknown method');
      return params.length === 0 ? failure(Status.BAD_PARAMS, 'empty') : undefined;
    };
    return new FollowerCore({ ...this.#options.follower, refuse });
  }

  #run(follower: FollowerCore): CoreRunner<FollowerInput, FollowerOutput> {
    const runner: CoreRunner<FollowerInput, FollowerOutput> = new CoreRunner(
      follower,
      (output) => {
        if (output.kind === 'execute') this.#execute(output, runner);
      },
      virtualTiming(this.queue),
    );
    return runner;
  }

  #execute(work: Work, runner: CoreRunner<FollowerInput, FollowerOutput>): void {
    const { exchangeId, run } = work;
    this.executions.push(`${exchangeId}.${work.round}`);
    const fate = this.#options.fate?.(this.executions.length, work) ?? 'answers';
    if (fate === 'hangs') return;
    const result = new TextEncoder().encode('{"y":2}');
    const answer =
      fate === 'fails'
        ? failure(Status.FAILED, 'boom')
        : { status: Status.OK, result, contentType: 'application/json', error: '' };
    this.queue.at(this.queue.nowMs + (this.#options.workMs ?? 20), () =>
      runner.step(fate === 'dies' ? { kind: 'died', exchangeId, run } : { kind: 'finished', exchangeId, run, answer }),
    );
  }

  #hear(output: LeaderOutput): void {
    this.told.push(output);
    if (output.kind === 'ended') this.log.push(`${this.queue.nowMs} ended ${output.ending}`);
  }

  /** Writes down what is handed to a link, whatever becomes of it. */
  #tap(link: Link, arrow: string): void {
    const carry = link.carry.bind(link);
    const reader = new LengthPrefixReader();
    const note = (bytes: Uint8Array): boolean => {
      this.log.push(`${this.queue.nowMs} ${arrow} ${inShort(bytes)}`);
      return true;
    };
    link.carry = (bytes, nowMs, deliver) => {
      if (this.#options.kind === 'stream') reader.read(bytes, note);
      else note(bytes);
      return carry(bytes, nowMs, deliver);
    };
  }
}

/** A world that loses the envelopes that `lost` names; `count` is how many of their kind there were. */
export function losing(options: RrccWorldOptions, lost: (said: string, count: number) => boolean): RrccWorld {
  const world = new RrccWorld(options);
  const counts = new Map<string, number>();
  for (const link of [world.pair.there, world.pair.back]) {
    const carry = link.carry.bind(link);
    link.carry = (bytes, nowMs, deliver) => {
      const said = inShort(bytes);
      const kind = said.split(' ')[0] ?? '';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return carry(bytes, nowMs, lost(said, counts.get(kind) ?? 0) ? () => {} : deliver);
    };
  }
  return world;
}
