import type { HeartbeatEvent, HeartbeatState } from '../../../machines/index.ts';
import { heartbeatTimers } from '../../../machines/index.ts';
import { Deadlines } from '../../engine/deadlines.ts';
import { MachineDriver } from '../../engine/driver.ts';
import type { Part } from './part.ts';
import { heartbeatTable } from './tables.ts';
import { Tally } from './tally.ts';

/** The pace of a heartbeat. */
export interface HeartbeatOptions {
  /** From ping to ping, in ms; 0 for never. RedPepper 30,000, ProcVision 5,000. */
  readonly intervalMs: number;
  /** How long a pong may take, in ms. RedPepper 5,000, ProcVision 2,000. */
  readonly graceMs: number;
  /** Pings beyond the first before the peer counts as dead. Default 1. */
  readonly retriesMax?: number;
}

/** What a heartbeat asks of the protocol. */
export interface HeartbeatHost<Mark, Echo> {
  /** Sends a ping. @returns what its pong must carry. */
  sendPing(): Mark;
  /** Answers a ping at once. @param echo as it was given to {@link Heartbeat.ping}. */
  sendPong(echo: Echo): void;
  /** The peer answered. @param rttMs since the ping that it answered. */
  alive(rttMs: number): void;
  /** The peer did not answer; the heartbeat is over. */
  dead(): void;
  /** The peer has work that keeps it from answering, and whose own time limit has not passed. */
  excused(): boolean;
}

/** What is counted. */
export const heartbeatCounters = ['pings', 'pongs', 'answered', 'stray', 'missed', 'excused'] as const;

/** The heartbeat of one connection. It answers pings from the beginning, and asks from `start` on. */
export class Heartbeat<Mark, Echo = Mark> implements Part {
  readonly #options: Required<HeartbeatOptions>;
  readonly #host: HeartbeatHost<Mark, Echo>;
  readonly #deadlines = new Deadlines(heartbeatTimers);
  readonly #counters = new Tally(heartbeatCounters);
  readonly #driver;
  /** Pings of the series that is being asked; at most one more than the retries. */
  #asked: { readonly mark: Mark; readonly atMs: number }[] = [];
  #echo: Echo | undefined;
  #lastPingMs = 0;
  #nowMs = 0;

  constructor(options: HeartbeatOptions, host: HeartbeatHost<Mark, Echo>) {
    this.#options = { retriesMax: 1, ...options };
    this.#host = host;
    this.#driver = new MachineDriver(heartbeatTable, this.#options, (output) => this.#perform(output));
  }

  get state(): HeartbeatState {
    return this.#driver.state;
  }

  /** Counters by name, see {@link heartbeatCounters}. */
  get counters(): Readonly<Record<(typeof heartbeatCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    for (let due = this.#deadlines.takeDue(nowMs); due !== undefined; due = this.#deadlines.takeDue(nowMs)) {
      if (due === 'interval') this.#send({ type: 'timer.interval' }, nowMs);
      else this.#grace(this.#host.excused(), nowMs);
    }
  }

  /** Begins to ask, the first time after one interval. */
  start(nowMs: number): void {
    if (this.#options.intervalMs === 0) return;
    this.#lastPingMs = nowMs;
    this.#send({ type: 'app.start' }, nowMs);
  }

  /** The connection is no longer of interest. */
  stop(nowMs: number): void {
    this.#send({ type: 'app.stop' }, nowMs);
  }

  /** The peer asks. @param echo what its pong must carry. */
  ping(echo: Echo, nowMs: number): void {
    this.#echo = echo;
    this.#send({ type: 'frame.ping' }, nowMs);
    this.#echo = undefined;
  }

  /** The peer answers. */
  pong(mark: Mark, nowMs: number): void {
    const matches = this.#asked.some((asked) => asked.mark === mark);
    const rttMs = nowMs - (this.#asked.find((asked) => asked.mark === mark)?.atMs ?? nowMs);
    if (!this.#send({ type: 'frame.pong', matches }, nowMs)) return this.#counters.add('stray');
    this.#asked = [];
    this.#host.alive(rttMs);
  }

  #grace(excused: boolean, nowMs: number): void {
    if (excused) this.#counters.add('excused');
    this.#send({ type: 'timer.grace', excused }, nowMs);
  }

  #send(event: HeartbeatEvent, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#driver.send(event);
  }

  #perform(output: string): void {
    const { intervalMs, graceMs } = this.#options;
    switch (output) {
      case 'sendPing':
        this.#counters.add('pings');
        if (this.#driver.context.missed > 0) this.#counters.add('missed');
        this.#lastPingMs = this.#nowMs;
        this.#asked.push({ mark: this.#host.sendPing(), atMs: this.#nowMs });
        return;
      case 'sendPong':
        this.#counters.add('pongs');
        return this.#echo === undefined ? undefined : this.#host.sendPong(this.#echo);
      case 'armInterval':
        return this.#deadlines.arm('interval', Math.max(this.#nowMs, this.#lastPingMs + intervalMs));
      case 'armGrace':
        return this.#deadlines.arm('grace', this.#nowMs + graceMs);
      case 'disarmGrace':
        return this.#deadlines.disarm('grace');
      case 'reportAlive':
        return this.#counters.add('answered');
      case 'reportDead':
        this.#counters.add('missed');
        return this.#host.dead();
      case 'release':
        this.#deadlines.disarmAll();
        this.#asked = [];
    }
  }
}
