import { describe, expect, it } from 'vitest';
import type { DropReason } from '../../src/engine/counters.ts';
import { EXCHANGE_MESSAGE_BYTES_MAX } from '../../src/protocol/constants.ts';
import { ExchangeFault } from '../../src/protocol/exchange-fault.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { ExchangeWorld, faultsOf, otherSide, sides, text } from '../support/exchange-world.ts';
import { forged } from '../support/forged-exchanges.ts';

describe('limits of exchanges (S5)', () => {
  it.each(sides)('%s has 16 open at most; one more is refused at once and counted', (side) => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 }, method: () => undefined });
    world.join();
    for (let open = 0; open < 16; open++) world.ask(side, text(''));
    const call = world.ask(side, text(''));
    expect(faultsOf(world.endsOf(side, call))).toEqual([ExchangeFault.BUSY]);
    world.run(1000);
    expect(world.toldTo(otherSide(side), 'asked')).toHaveLength(16);
  });

  it('a 17th REQUEST gets the status ERROR and BUSY, each copy of it again, and never executes', () => {
    const { world, inject, sent } = forged(() => undefined);
    for (let id = 1n; id <= 17n; id++) inject({ type: FrameType.REQUEST, requestId: id, round: 1, method: 'm' });
    sent.length = 0;
    inject({ type: FrameType.REQUEST, requestId: 17n, round: 1, method: 'm' });
    expect(sent).toMatchObject([{ type: FrameType.RESPONSE, status: { exchange: 1, method: ExchangeFault.BUSY } }]);
    const { exchangesExecuted, exchangesRefused } = world.camera.counters.snapshot().counters;
    expect([exchangesExecuted, exchangesRefused]).toEqual([16, 2]);
    expect(world.toldTo('camera', 'asked')).toHaveLength(16);
  });

  it('remembers 4,096 ended ids; then the one that ended first is forgotten, and counted', () => {
    const { world, inject } = forged();
    const request = (requestId: bigint): void => inject({ type: FrameType.REQUEST, requestId, round: 1, method: 'm' });
    const status = { exchange: 0, method: 0 };
    for (let id = 1n; id <= 4097n; id++) {
      request(id);
      world.run(0);
      inject({ type: FrameType.CONTINUE, requestId: id, round: 1, status });
    }
    const executed = (): number => world.camera.counters.snapshot().counters.exchangesExecuted;
    expect(world.camera.counters.snapshot().counters.exchangesForgotten).toBe(1);
    request(2n);
    request(4097n);
    expect(executed()).toBe(4097);
    request(1n);
    expect(executed()).toBe(4098);
  });

  it('an ended id is remembered 30 s and no longer', () => {
    const { world, inject } = forged();
    const request = { type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm' } as const;
    const executed = (): number => world.camera.counters.snapshot().counters.exchangesExecuted;
    inject(request);
    world.run(10);
    inject({ type: FrameType.CONTINUE, requestId: 1n, round: 1, status: { exchange: 0, method: 0 } });
    world.run(29_000);
    inject(request);
    expect(executed()).toBe(1);
    world.run(1500);
    inject(request);
    expect(executed()).toBe(2);
  });
});

describe('frames of exchanges that are wrong', () => {
  const drops = (world: ExchangeWorld): Partial<Record<DropReason, number>> =>
    Object.fromEntries(Object.entries(world.camera.counters.snapshot().drops).filter(([, count]) => count > 0));

  it('with other ids or from another address change nothing and are not answered', () => {
    const { world, viewer, ids, inject, sent } = forged();
    const request = { type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm' } as const;
    inject(request, viewer.peer, { ...ids, sessionTag: ids.sessionTag ^ 1n });
    inject(request, viewer.peer, { ...ids, streamId: ids.streamId ^ 1n });
    inject(request, { address: '10.9.9.9', port: 1 });
    world.run(100);
    expect(sent).toEqual([]);
    expect(drops(world)).toEqual({ wrongTag: 1, noSession: 1, otherTuple: 1 });
    expect(world.executions.size).toBe(0);
  });

  it.each(['RECEIPT', 'RESPONSE', 'CONTINUE'] as const)('a %s without its question is ignored', (name) => {
    const { world, inject, sent } = forged();
    inject({ type: FrameType[name], requestId: 1n, round: 1, status: { exchange: 1, method: 0 } });
    world.run(100);
    expect(sent).toEqual([]);
    expect(drops(world)).toEqual({ exchangeUnknown: 1 });
  });

  it('a message above 16 KiB is refused, and nothing is kept of it', () => {
    const { inject, sent } = forged();
    const fragment = { offset: 0, total: EXCHANGE_MESSAGE_BYTES_MAX + 1 };
    inject({ type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm', fragment, body: text('x') });
    expect(sent).toMatchObject([
      { type: FrameType.RESPONSE, status: { exchange: 1, method: ExchangeFault.TOO_LARGE } },
    ]);
  });

  it.each([
    ['begins in another round', { round: 2 }],
    ['has more than it announced', { fragment: { offset: 3, total: 3 }, body: text('x') }],
  ])('a REQUEST that %s is counted and not answered', (_, wrong) => {
    const { world, inject, sent } = forged();
    inject({ type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm', ...wrong });
    expect(sent).toEqual([]);
    expect(drops(world)).toEqual({ exchangeMalformed: 1 });
    inject({ type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm' });
    expect(world.toldTo('camera', 'asked')).toHaveLength(1);
  });

  it('a part that announces another length than the one before is counted, and the message goes on', () => {
    const { world, inject } = forged();
    const part = (offset: number, total: number, body: string): void =>
      inject({
        type: FrameType.REQUEST,
        requestId: 1n,
        round: 1,
        method: 'm',
        fragment: { offset, total },
        body: text(body),
      });
    part(0, 4, 'ab');
    part(2, 5, 'xyz');
    part(2, 4, 'cd');
    expect(drops(world)).toEqual({ exchangeMalformed: 1 });
    expect(world.toldTo('camera', 'asked')).toMatchObject([{ body: text('abcd') }]);
  });

  it('parts that overlap or come in any order make the same message', () => {
    const { world, inject, sent } = forged();
    for (const [offset, body] of [
      [4, 'efg'],
      [6, 'gh'],
      [2, 'cde'],
      [0, 'abc'],
    ] as const) {
      const fragment = { offset, total: 8 };
      inject({ type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm', fragment, body: text(body) });
    }
    expect(world.toldTo('camera', 'asked')).toMatchObject([{ body: text('abcdefgh') }]);
    const receipts = sent.flatMap((frame) => (frame.type === FrameType.RECEIPT ? [frame.fragment?.offset] : []));
    expect(receipts).toEqual([0, 0, 0, 8]);
  });

  it('are a sign of life as long as their ids are right', () => {
    const { world, viewer, inject } = forged();
    viewer.toCamera.partitioned = true;
    for (let at = 0; at < 14; at++) {
      inject({ type: FrameType.CONTINUE, requestId: 1n, round: 1, status: { exchange: 0, method: 0 } });
      world.run(1000);
    }
    // 12 s without any sign would have ended it; consent is another matter.
    expect(world.camera.sessionCount).toBe(1);
  });
});
