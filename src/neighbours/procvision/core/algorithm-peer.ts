import type { RunnerFault } from '../../../../machines/index.ts';
import { Heartbeat } from '../../core/heartbeat.ts';
import { Hello } from '../../core/hello.ts';
import { earliestMs, type Part, wakeDue } from '../../core/part.ts';
import type { JsonObject } from './codec.ts';
import type { RunnerOptions } from './runner-options.ts';

/** What a process that is there asks of its runner. */
export interface AlgorithmPeerHost {
  write(body: JsonObject): void;
  /** Hellos were exchanged. */
  established(): void;
  fault(fault: RunnerFault, detail: string): void;
  /** It has work that keeps it from answering pings. */
  excused(): boolean;
  /** An id that no ping had yet. */
  nextPing(): string;
}

/** What is exchanged with one process besides calls: hellos and pings. */
export class AlgorithmPeer implements Part {
  readonly #hello: Hello<never>;
  readonly #heartbeat: Heartbeat<string>;
  #nowMs = 0;

  constructor(options: Required<RunnerOptions>, host: AlgorithmPeerHost) {
    const { helloMs, heartbeatIntervalMs, heartbeatGraceMs, runnerVersion } = options;
    const pace = { heartbeat_interval_ms: heartbeatIntervalMs, heartbeat_grace_ms: heartbeatGraceMs };
    this.#hello = new Hello<never>(
      { opens: false, deadlineMs: helloMs },
      {
        sendHello: () => host.write({ type: 'hello', runner_version: runnerVersion, ...pace }),
        sendRefusal: () => {},
        judge: () => this.#hello.admitted(this.#nowMs),
        established: () => host.established(),
        deliver: () => {},
        ended: (failure) => {
          if (failure === 'timeout') host.fault('helloTimeout', `no hello within ${helloMs} ms`);
        },
      },
    );
    this.#heartbeat = new Heartbeat<string>(
      { intervalMs: heartbeatIntervalMs, graceMs: heartbeatGraceMs },
      {
        sendPing: () => {
          const id = host.nextPing();
          host.write({ type: 'ping', request_id: id });
          return id;
        },
        sendPong: () => {},
        alive: () => {},
        dead: () => host.fault('heartbeat', `no answer to two pings within ${heartbeatGraceMs} ms each`),
        excused: () => host.excused(),
      },
    );
  }

  deadlineMs(): number {
    return earliestMs([this.#hello, this.#heartbeat]);
  }

  timeout(nowMs: number): void {
    wakeDue([this.#hello, this.#heartbeat], nowMs);
  }

  /** It was started: its hello is due. */
  start(nowMs: number): void {
    this.#hello.start(nowMs);
  }

  /** Its hello came, and is good. */
  hello(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#hello.hello(true, nowMs);
  }

  /** It can be asked for pongs from now on. */
  ready(nowMs: number): void {
    this.#heartbeat.start(nowMs);
  }

  /** @returns false for a pong that nobody waits for. */
  pong(id: unknown, nowMs: number): boolean {
    const before = this.#heartbeat.counters.stray;
    this.#heartbeat.pong(typeof id === 'string' ? id : '', nowMs);
    return this.#heartbeat.counters.stray === before;
  }

  /** Nothing is asked of it any more, and nothing is missed from it. */
  silence(nowMs: number): void {
    this.#heartbeat.stop(nowMs);
    this.#hello.close(nowMs);
  }
}
