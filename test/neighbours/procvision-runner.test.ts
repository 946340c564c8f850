import { describe, expect, it } from 'vitest';
import type { LinkInput, LinkOutput } from '../../src/neighbours/core/stepped-core.ts';
import { decodeBody, encodeBody, type JsonObject } from '../../src/neighbours/procvision/core/codec.ts';
import { RunnerCore } from '../../src/neighbours/procvision/core/runner-core.ts';
import type { ProcessEnd, RunnerInput, RunnerOutput } from '../../src/neighbours/procvision/core/runner-io.ts';
import type { RunnerOptions } from '../../src/neighbours/procvision/core/runner-options.ts';
import { procvisionVectors } from '../support/procvision-vectors.ts';

const noJitter = { fill: (target: Uint8Array) => target.fill(0x80) };
const hello = procvisionVectors.find(({ name }) => name === 'adapter-hello')?.fields ?? {};
const result = (id: string, data: JsonObject = {}): JsonObject => ({
  type: 'result',
  request_id: id,
  status: 'OK',
  data,
});

/** A runner on a clock that a test moves, with processes that a test plays. */
class Stage {
  readonly core: RunnerCore;
  /** What it did, each with its time. */
  readonly done: [atMs: number, what: string][] = [];
  readonly sent: JsonObject[] = [];
  nowMs = 0;
  #link = 0;

  constructor(options: RunnerOptions = {}) {
    this.core = new RunnerCore(options, noJitter);
    this.step({ kind: 'start' });
  }

  step(input: RunnerInput | LinkInput): void {
    for (const output of this.core.step(input, this.nowMs)) this.#note(output);
  }

  /** Lets time pass, and everything happen that falls due. */
  until(atMs: number): void {
    for (let dueMs = this.core.deadlineMs(); dueMs <= atMs; dueMs = this.core.deadlineMs()) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.step({ kind: 'timeout' });
    }
    this.nowMs = atMs;
  }

  says(body: JsonObject): void {
    this.step({ kind: 'message', link: this.#link, bytes: encodeBody(body) });
  }

  exits(end: ProcessEnd = { code: 0, signal: null }): void {
    this.step({ kind: 'disconnected', link: this.#link, end: { cause: 'ended', truncated: false } });
    this.step({ kind: 'exited', end });
  }

  calls(call: number, limitMs = 30_000): void {
    this.step({ kind: 'call', call, data: { step_index: 1 }, limitMs });
  }

  states(): string[] {
    return this.done.filter(([, what]) => /^[A-Z]/.test(what)).map(([, what]) => what);
  }

  #note(output: RunnerOutput | LinkOutput): void {
    if (output.kind === 'spawn') {
      this.done.push([this.nowMs, 'spawn']);
      this.#link++;
      return this.step({ kind: 'connected', link: this.#link, reliable: true, messageBytesMax: 1_048_576 });
    }
    if (output.kind === 'send') {
      const decoded = decodeBody(output.bytes);
      if (!decoded.ok) return;
      this.sent.push(decoded.body);
      this.done.push([this.nowMs, `send ${decoded.body['type']}`]);
    } else if (output.kind === 'state') this.done.push([this.nowMs, output.state]);
    else if (output.kind === 'answered') this.done.push([this.nowMs, `answered ${output.call} ${output.answer.kind}`]);
    else if (output.kind === 'unanswered') this.done.push([this.nowMs, `unanswered ${output.call} ${output.why}`]);
    else this.done.push([this.nowMs, output.kind]);
  }
}

describe('a runner on virtual time', () => {
  it('ends a process without a hello after 2 s, kills it after 5 s, and starts it 3 times again: runner-no-adapter-hello', () => {
    const stage = new Stage();
    for (let process = 0; process < 4; process++) {
      const startMs = stage.done.findLast(([, what]) => what === 'spawn')?.[0] ?? -1;
      stage.until(startMs + 5000);
      expect(stage.done.slice(-4)).toEqual([
        [startMs + 2000, 'Terminating'],
        [startMs + 2000, 'terminate'],
        [startMs + 5000, 'Killing'],
        [startMs + 5000, 'kill'],
      ]);
      stage.exits({ code: null, signal: 'SIGKILL' });
      stage.until(startMs + 15_000);
    }
    expect(stage.core.counters.processes).toBe(4);
    expect(stage.core.state).toBe('Failed');
    expect(stage.core.detail).toBe('no hello within 2000 ms; it was ended by SIGKILL');
    expect(stage.core.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('pings after 5 s, again after 7 s, and ends the process after 9 s: runner-adapter-ignores-pings', () => {
    const stage = new Stage();
    stage.says(hello);
    stage.until(9000);
    expect(stage.done.filter(([, what]) => what === 'send ping' || what === 'terminate')).toEqual([
      [5000, 'send ping'],
      [7000, 'send ping'],
      [9000, 'terminate'],
    ]);
    stage.until(12_000);
    expect(stage.done.at(-1)?.[0]).toBe(12_000);
    expect(stage.core.state).toBe('Killing');
  });

  it('fails a call after 30 s although pings are answered, and ends the process: runner-execute-timeout', () => {
    const stage = new Stage();
    stage.says(hello);
    stage.calls(7);
    expect(stage.sent.at(-1)).toMatchObject({ type: 'call', request_id: 'r1' });
    for (let atMs = 5000; atMs < 30_000; atMs += 5000) {
      stage.until(atMs);
      const ping = stage.sent.findLast(({ type }) => type === 'ping');
      stage.says({ type: 'pong', request_id: ping?.['request_id'], timestamp_ms: 1, status: 'OK' });
    }
    stage.until(29_999);
    expect(stage.core.state).toBe('Busy');
    stage.until(30_000);
    expect(stage.done.slice(-3)).toEqual([
      [30_000, 'unanswered 7 timeout'],
      [30_000, 'Terminating'],
      [30_000, 'terminate'],
    ]);
  });

  it('does not miss a pong during a call, and does after it', () => {
    const stage = new Stage();
    stage.says(hello);
    stage.until(4000);
    stage.calls(1);
    stage.until(20_000);
    expect([stage.core.state, stage.sent.filter(({ type }) => type === 'ping').length]).toEqual(['Busy', 1]);
    stage.says(result('r1'));
    stage.until(25_000);
    expect(stage.core.state).toBe('Terminating');
  });

  it('sends one call at a time, and takes so many that wait and no more', () => {
    const stage = new Stage({ queuedMax: 2 });
    for (let call = 1; call <= 3; call++) stage.calls(call);
    expect(stage.done.at(-1)?.[1]).toBe('unanswered 3 full');
    stage.says(hello);
    expect(stage.sent.map(({ type }) => type)).toEqual(['hello', 'call']);
    stage.says(result('r1'));
    expect(stage.sent.at(-1)).toMatchObject({ request_id: 'r2' });
  });

  it('keeps calls that wait for the next process, and fails the one that was sent', () => {
    const stage = new Stage();
    stage.says(hello);
    stage.calls(1);
    stage.calls(2);
    stage.exits();
    expect(stage.done.slice(-2).map(([, what]) => what)).toEqual(['Restarting', 'unanswered 1 exited']);
    stage.until(1000);
    stage.says(hello);
    stage.says(result('r2'));
    expect(stage.done.findLast(([, what]) => what.startsWith('answered'))?.[1]).toBe('answered 2 result');
  });

  it('counts an answer for another id, an unknown type, unknown keys and a pong that nobody asked for, and goes on', () => {
    const stage = new Stage();
    stage.says(hello);
    stage.calls(1);
    stage.says(result('r9'));
    stage.says({ type: 'news', request_id: 'r1', more: 1 });
    stage.says({ type: 'pong', request_id: 'p9' });
    const { strayAnswers, unknownType, unknownKey, strayPongs } = stage.core.counters;
    expect([strayAnswers, unknownType, unknownKey, strayPongs, stage.core.state]).toEqual([1, 1, 1, 1, 'Busy']);
    stage.says(result('r1', { result_status: 'NG' }));
    expect(stage.done.slice(-2).map(([, what]) => what)).toEqual(['answered 1 result', 'Ready']);
  });

  it('shuts down: says so, sends nothing more, ends the process when it does not', () => {
    const stage = new Stage();
    stage.says(hello);
    stage.step({ kind: 'close' });
    stage.until(20_000);
    stage.exits({ code: null, signal: 'SIGKILL' });
    expect(stage.sent.map(({ type }) => type)).toEqual(['hello', 'shutdown']);
    expect(stage.done.filter(([, what]) => what === 'terminate' || what === 'kill')).toEqual([
      [3000, 'terminate'],
      [6000, 'kill'],
    ]);
    expect([stage.core.state, stage.core.counters.processes]).toEqual(['Closed', 1]);
  });

  it('is closed at once while it waits for a restart', () => {
    const stage = new Stage();
    stage.exits({ code: 1, signal: null });
    expect(stage.core.state).toBe('Restarting');
    stage.calls(1);
    stage.step({ kind: 'close' });
    expect([stage.core.state, stage.core.deadlineMs()]).toEqual(['Closed', Number.POSITIVE_INFINITY]);
    expect(stage.done.map(([, what]) => what)).toContain('unanswered 1 closed');
  });
});
