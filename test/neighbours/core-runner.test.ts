import { describe, expect, it } from 'vitest';
import { memoryPair } from '../../src/neighbours/core/memory-transport.ts';
import type { LinkInput, LinkOutput, SteppedCore } from '../../src/neighbours/core/stepped-core.ts';
import { CoreRunner } from '../../src/neighbours/core-runner.ts';
import { virtualTiming } from '../../src/neighbours/virtual-timing.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { bytesOf, Heard } from '../support/heard.ts';

type Told = { readonly kind: 'told'; readonly what: string };

/** Says each input, echoes messages, and closes what ends; `wait` has it woken after that many ms. */
class EchoCore implements SteppedCore<{ readonly kind: 'wait'; readonly ms: number }, Told> {
  #dueMs = Number.POSITIVE_INFINITY;

  step(input: { readonly kind: 'wait'; readonly ms: number } | LinkInput, nowMs: number): (Told | LinkOutput)[] {
    const told: Told = { kind: 'told', what: `${nowMs} ${input.kind}${'link' in input ? ` ${input.link}` : ''}` };
    if (input.kind === 'wait') this.#dueMs = nowMs + input.ms;
    if (input.kind === 'timeout') this.#dueMs = Number.POSITIVE_INFINITY;
    if (input.kind === 'message') return [told, { kind: 'send', link: input.link, bytes: input.bytes }];
    if (input.kind === 'ended') return [told, { kind: 'disconnect', link: input.link }];
    return [told];
  }

  deadlineMs(): number {
    return this.#dueMs;
  }
}

describe('the runner of a core', () => {
  it('runs it in virtual time on any number of connections, each with its number', () => {
    const queue = new EventQueue();
    const told: string[] = [];
    const runner = new CoreRunner(new EchoCore(), ({ what }) => told.push(what), virtualTiming(queue));
    const pairs = [1, 2].map((seed) => memoryPair({ queue, seed, kind: 'stream', link: { oneWayMs: 10 } }));
    const peers = pairs.map(({ left }) => new Heard(left));
    for (const { right } of pairs) runner.attach(right);
    pairs[1]?.left.send(bytesOf('x'));
    runner.step({ kind: 'wait', ms: 15 });
    expect([runner.waiting, runner.links]).toEqual([true, 2]);
    queue.runUntil(30);
    expect(peers.map(({ texts }) => texts)).toEqual([[], ['x']]);
    pairs[0]?.left.close();
    queue.runUntil(60);
    expect(told).toEqual([
      '0 connected 1',
      '0 connected 2',
      '0 wait',
      '10 message 2',
      '15 timeout',
      '40 ended 1',
      '50 disconnected 1',
    ]);
    expect([runner.waiting, runner.links]).toEqual([false, 1]);
  });

  it('handles what the application says in answer to an output after that output, never within it', () => {
    const queue = new EventQueue();
    const told: string[] = [];
    const runner: CoreRunner<{ readonly kind: 'wait'; readonly ms: number }, Told> = new CoreRunner(
      new EchoCore(),
      ({ what }) => {
        if (told.length === 0) runner.step({ kind: 'wait', ms: 7 });
        told.push(what);
      },
      virtualTiming(queue),
    );
    runner.step({ kind: 'wait', ms: 1 });
    queue.runUntil(100);
    expect(told).toEqual(['0 wait', '0 wait', '7 timeout']);
  });

  it('tells the core of a message that its connection refused', () => {
    const queue = new EventQueue();
    const told: string[] = [];
    const runner = new CoreRunner(new EchoCore(), ({ what }) => told.push(what), virtualTiming(queue));
    const { left, right } = memoryPair({ queue, seed: 1, kind: 'stream', queueBytesMax: 100 });
    const peer = new Heard(left);
    runner.attach(right);
    for (const size of [60, 30, 60]) left.send(new Uint8Array(size));
    queue.runUntil(1);
    // The second of 60 bytes was refused by the near end, which is full too.
    expect(peer.messages.map(({ length }) => length)).toEqual([60, 30]);
    left.send(new Uint8Array(60));
    right.send(new Uint8Array(60));
    queue.runUntil(2);
    expect(told).toEqual(['0 connected 1', '0 message 1', '0 message 1', '1 message 1', '1 refused 1', '1 writable 1']);
  });

  it('hears of nothing after it was stopped, and closes its connections', () => {
    const queue = new EventQueue();
    const told: string[] = [];
    const runner = new CoreRunner(new EchoCore(), ({ what }) => told.push(what), virtualTiming(queue));
    const { left, right } = memoryPair({ queue, seed: 1, kind: 'stream' });
    const peer = new Heard(left);
    runner.attach(right);
    runner.step({ kind: 'wait', ms: 5 });
    runner.stop();
    queue.runUntil(100);
    expect([told, peer.endings, runner.waiting]).toEqual([['0 connected 1', '0 wait'], 1, false]);
  });

  it('has no timer of the operating system while the core waits for nothing', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    let woken: () => void = () => {};
    const timeout = new Promise<void>((resolve) => {
      woken = resolve;
    });
    const runner = new CoreRunner(new EchoCore(), ({ what }) => what.endsWith('timeout') && woken());
    expect(timers()).toBe(before);
    runner.step({ kind: 'wait', ms: 3 });
    expect(timers()).toBe(before + 1);
    await timeout;
    expect([timers(), runner.waiting]).toEqual([before, false]);
  });
});
