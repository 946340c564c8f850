import { beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeInput, ExchangeOutput } from '../../src/engine/io-types.ts';
import { ApplicationLine } from '../../src/io/workers/application-line.ts';
import { CrossingKind, Crossings } from '../../src/io/workers/crossings.ts';
import { ExchangeFault, ExchangeResult } from '../../src/protocol/exchange-fault.ts';

const body = new Uint8Array(3);
const asked = (requestId: bigint, method = 'zoom', session = 1): ExchangeOutput & { readonly kind: 'asked' } => ({
  ...{ kind: 'asked', session, requestId, round: 1, method, body },
});
const ended = (requestId: bigint, session = 1): ExchangeOutput => ({
  ...{ kind: 'askEnded', session, requestId, outcome: 'delivered' },
});

describe('a worker’s line to its application', () => {
  let said: ExchangeOutput[];
  let given: ExchangeInput[];
  let dropped: number;
  let crossings: Crossings;
  let line: ApplicationLine;
  beforeEach(() => {
    [said, given, dropped] = [[], [], 0];
    crossings = new Crossings(Crossings.allocate());
    line = new ApplicationLine(crossings, new Set(['zoom']), {
      say: (output) => said.push(output),
      give: (_, input) => given.push(input),
      dropped: () => {
        dropped++;
      },
    });
  });

  it('takes requests for the application’s methods and their ends, and leaves all others to the worker', () => {
    expect([line.take(asked(1n)), line.take(asked(2n, 'stats'))]).toEqual([true, false]);
    expect([line.take(ended(2n)), line.take(ended(1n, 2)), line.take(ended(1n)), line.take(ended(1n))]).toEqual([
      ...[false, false, true, false],
    ]);
    expect(said).toEqual([asked(1n), ended(1n)]);
  });

  it('forgets what a session had open when it is over', () => {
    line.take(asked(1n));
    line.closed(1);
    expect(line.take(ended(1n))).toBe(false);
  });

  it('answers BUSY, after the engine’s step, and loses notifications while the main thread is too far behind', async () => {
    let id = 0n;
    while (dropped === 0) line.take(asked(++id));
    expect([id, said.length, given]).toEqual([257n, 256, []]);
    await undefined;
    const status = { exchange: ExchangeResult.ERROR, method: ExchangeFault.BUSY };
    expect(given).toEqual([{ kind: 'answer', requestId: 257n, round: 1, status, body: new Uint8Array(0) }]);
    expect(line.take({ kind: 'notified', session: 1, method: 'hello', body })).toBe(true);
    expect([said.length, dropped]).toEqual([256, 2]);
    // Of a request that was refused here the application hears nothing, and answers to its own always come.
    expect(line.take(ended(257n))).toBe(false);
    expect(line.take({ kind: 'askFailed', session: 1, call: 1, fault: ExchangeFault.TIMED_OUT })).toBe(true);
    crossings.leave(CrossingKind.ASKED);
    expect([line.take(asked(300n)), dropped]).toEqual([true, 2]);
  });

  it('makes room for what the application asks for once it has come', () => {
    const notify: ExchangeInput = { kind: 'notify', method: 'hello', body };
    while (crossings.enter(CrossingKind.ASK));
    line.came(1, { kind: 'stop', call: 1 });
    expect(crossings.enter(CrossingKind.ASK)).toBe(false);
    line.came(1, notify);
    expect([crossings.enter(CrossingKind.ASK), given.length]).toEqual([true, 2]);
  });
});
