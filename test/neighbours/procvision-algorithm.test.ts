import { describe, expect, it } from 'vitest';
import type { LinkInput, LinkOutput } from '../../src/neighbours/core/stepped-core.ts';
import {
  AlgorithmCore,
  type AlgorithmInput,
  type AlgorithmOptions,
  type AlgorithmOutput,
} from '../../src/neighbours/procvision/core/algorithm-core.ts';
import { decodeBody, encodeBody, type JsonObject } from '../../src/neighbours/procvision/core/codec.ts';

const images = { cur_image_shm_id: 'a', guide_image_shm_id: 'b' };
const call = (id: unknown): JsonObject => ({ type: 'call', request_id: id, data: images });
const ok = { data: { result_status: 'OK' } };

/** An algorithm on virtual time: what it says, what it has worked on, and how it ends. */
class Stage {
  readonly core: AlgorithmCore;
  readonly said: JsonObject[] = [];
  readonly works: string[] = [];
  exit: number | undefined;
  nowMs = 0;

  constructor(options: Partial<AlgorithmOptions> = {}) {
    this.core = new AlgorithmCore({ wallMs: () => 7, ...options });
    this.step({ kind: 'connected', link: 1, reliable: true, messageBytesMax: 1_048_576 });
    this.step({ kind: 'loaded' });
    this.hears({ type: 'hello', runner_version: '1.0' });
  }

  step(input: AlgorithmInput | LinkInput): void {
    for (const output of this.core.step(input, this.nowMs)) this.#note(output);
  }

  hears(...bodies: readonly JsonObject[]): void {
    for (const body of bodies) this.step({ kind: 'message', link: 1, bytes: encodeBody(body) });
  }

  /** The first call that is not done returns. */
  returns(value: unknown = ok): void {
    this.step({ kind: 'returned', requestId: this.works.shift() ?? '', value });
  }

  until(atMs: number): void {
    while (this.core.deadlineMs() <= atMs) {
      this.nowMs = this.core.deadlineMs();
      this.step({ kind: 'timeout' });
    }
    this.nowMs = atMs;
  }

  /** Type, id and code of what it said after its hello. */
  told(): unknown[] {
    return this.said.slice(1).map(({ type, request_id: id, error_code: code }) => [type, id, code]);
  }

  #note(output: AlgorithmOutput | LinkOutput): void {
    if (output.kind === 'execute') this.works.push(output.requestId);
    else if (output.kind === 'exit') this.exit = output.code;
    else if (output.kind === 'send') {
      const decoded = decodeBody(output.bytes);
      if (decoded.ok) this.said.push(decoded.body);
    }
  }
}

describe('an algorithm on virtual time', () => {
  it('answers the calls that are out before it shuts down, and hears nothing meanwhile', () => {
    const stage = new Stage();
    stage.hears(call('r1'), call('r2'), { type: 'shutdown' }, { type: 'ping', request_id: 'p' }, call('r3'));
    expect(stage.exit).toBeUndefined();
    stage.returns();
    stage.returns();
    expect(stage.told()).toEqual([
      ['result', 'r1', undefined],
      ['result', 'r2', undefined],
      ['shutdown', undefined, undefined],
    ]);
    expect([stage.exit, stage.core.counters.afterShutdown, stage.core.deadlineMs()]).toEqual([
      0,
      2,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('answers them too when its input ends, and gives those up that take longer than the runner waits', () => {
    const stage = new Stage();
    stage.hears(call('r1'), call('r2'), call('r3'));
    stage.step({ kind: 'ended', link: 1, truncated: false });
    stage.until(1500);
    stage.returns();
    stage.until(1999);
    expect(stage.exit).toBeUndefined();
    stage.until(2000);
    expect(stage.told()).toEqual([
      ['result', 'r1', undefined],
      ['error', 'r2', 'shutting_down'],
      ['error', 'r3', 'shutting_down'],
    ]);
    expect(stage.exit).toBe(0);
    stage.returns();
    stage.until(100_000);
    expect(stage.told()).toHaveLength(3);
  });

  it('is not held up by calls when its runner has gone for good, or has sent what is no frame', () => {
    const gone = new Stage();
    gone.hears(call('r1'), { type: 'shutdown' });
    gone.step({ kind: 'disconnected', link: 1, end: { cause: 'failed', truncated: false } });
    expect(gone.exit).toBe(1);
    const bad = new Stage();
    bad.hears(call('r1'));
    bad.step({ kind: 'ended', link: 1, truncated: true });
    expect([bad.told(), bad.exit]).toEqual([[['error', null, 'protocol_error']], 1]);
  });

  it('echoes what the runner names its calls with, a number or nothing too, as the reference does', () => {
    const stage = new Stage();
    stage.hears(call(7), call('7'), call(7), { type: 'call', data: images }, { type: 'call', data: images });
    stage.returns();
    stage.returns();
    stage.returns();
    stage.returns();
    expect(stage.told()).toEqual([
      ['result', 7, undefined],
      ['result', '7', undefined],
      ['result', '', undefined],
      ['result', '', undefined],
    ]);
    // The copy of the first.
    expect(stage.core.counters.duplicate).toBe(1);
    stage.hears(call(7));
    expect(stage.told().at(-1)).toEqual(['result', 7, undefined]);
  });

  it('refuses one call too many, and ends without calls at once', () => {
    const stage = new Stage({ callsMax: 1 });
    stage.hears(call('r1'), call('r2'));
    expect(stage.told()).toEqual([['error', 'r2', 'busy']]);
    stage.returns();
    stage.hears({ type: 'shutdown' });
    expect([stage.said.at(-1)?.['type'], stage.exit]).toEqual(['shutdown', 0]);
  });
});
