import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatagramSizeSearch, type SizeVerdict } from '../../src/media/datagram-size.ts';
import { seedFromEnv } from '../support/seeded.ts';

/** One PING after this many datagrams of this size, and its PONG. */
function round(
  search: DatagramSizeSearch,
  seen: number,
  datagrams = 4,
  bytes = search.current,
  nowMs = 0,
): SizeVerdict {
  for (let count = 0; count < datagrams; count++) search.sent(bytes);
  nonce++;
  search.pingSent(nonce, nowMs);
  return search.pong(nonce, seen, nowMs);
}
let nonce = 0n;

describe('datagram size search', () => {
  it('starts at 1200 bytes and stays there while PONGs show that size', () => {
    const search = new DatagramSizeSearch();
    for (let count = 0; count < 10; count++) expect(round(search, 1200)).toBe('keep');
    expect([search.current, search.suspicious]).toEqual([1200, false]);
  });

  it('steps down 1200, 600, 296 after three PONGs in a row that show none of the size, and then says too small', () => {
    const search = new DatagramSizeSearch();
    const verdicts = Array.from({ length: 9 }, () => [round(search, 0), search.current]);
    const keep = (bytes: number): unknown[] => ['keep', bytes];
    expect(verdicts).toEqual([
      ...[keep(1200), keep(1200), ['stepDown', 600]],
      ...[keep(600), keep(600), ['stepDown', 296]],
      ...[keep(296), keep(296), ['tooSmall', 296]],
    ]);
  });

  it('is suspicious from the first PONG that shows none of the size until one that does', () => {
    const search = new DatagramSizeSearch();
    round(search, 1124);
    expect(search.suspicious).toBe(true);
    round(search, 1125);
    expect(search.suspicious).toBe(false);
    round(search, 0);
    round(search, 0);
    expect(round(search, 1200)).toBe('keep');
    expect(round(search, 0)).toBe('keep');
    expect(search.current).toBe(1200);
  });

  it('counts only PONGs to a PING before which four full-size datagrams went out since the PING before', () => {
    const search = new DatagramSizeSearch();
    for (let count = 0; count < 20; count++) {
      expect(round(search, 0, 3)).toBe('keep');
      expect(round(search, 0, 50, 1124)).toBe('keep');
    }
    expect(search.suspicious).toBe(false);
    expect([round(search, 0, 4, 1125), round(search, 0), round(search, 0)]).toEqual(['keep', 'keep', 'stepDown']);
  });

  it('lets a PONG that can say nothing neither count nor end the row, unless it shows the size', () => {
    const search = new DatagramSizeSearch();
    expect([round(search, 0), round(search, 0, 0), round(search, 0), round(search, 0)].at(-1)).toBe('stepDown');
    const other = new DatagramSizeSearch();
    expect([round(other, 0), round(other, 0), round(other, 1200, 0), round(other, 0)].at(-1)).toBe('keep');
  });

  it('ignores PONGs with nonces that are unknown, answered or older than the last eight', () => {
    const search = new DatagramSizeSearch();
    for (let count = 0; count < 5; count++) expect(search.pong(999n, 0, 0)).toBe('keep');
    for (let count = 0; count < 4; count++) search.sent(1200);
    search.pingSent(1n, 0);
    for (let count = 0; count < 5; count++) search.pong(1n, 0, 0);
    expect(search.current).toBe(1200);
    for (let count = 0; count < 36; count++) {
      search.sent(1200);
      if (count % 4 === 3) search.pingSent(BigInt(100 + count), 0);
    }
    expect(search.pong(103n, 1200, 0)).toBe('keep');
    expect(search.suspicious).toBe(true);
    search.pong(107n, 1200, 0);
    expect(search.suspicious).toBe(false);
  });

  it('forgets PINGs of another size, so that their late PONGs do not step down twice', () => {
    const search = new DatagramSizeSearch();
    for (let ping = 1n; ping <= 6n; ping++) {
      for (let count = 0; count < 4; count++) search.sent(1200);
      search.pingSent(ping, 0);
    }
    const verdicts = [1n, 2n, 3n, 4n, 5n, 6n].map((ping) => search.pong(ping, 0, 0));
    expect(verdicts).toEqual(['keep', 'keep', 'stepDown', 'keep', 'keep', 'keep']);
    expect([search.current, search.suspicious]).toEqual([600, false]);
  });

  it('steps up one size 60 s after the last change', () => {
    const search = new DatagramSizeSearch();
    expect(search.stepUpDue(1e9)).toBeUndefined();
    for (let count = 0; count < 6; count++) round(search, 0, 4, search.current, 1000);
    expect([search.current, search.stepUpDue(60_999), search.stepUpDue(61_000)]).toEqual([296, undefined, 600]);
    expect(search.stepUp(61_000)).toBe(600);
    expect([search.stepUpDue(120_999), search.stepUpDue(121_000)]).toEqual([undefined, 1200]);
    expect([search.stepUp(121_000), search.stepUp(122_000), search.stepUpDue(1e9)]).toEqual([1200, 1200, undefined]);
  });

  it('steps below the size that the system refused, and never closes a session for it (S7)', () => {
    const search = new DatagramSizeSearch();
    expect([search.emsgsize(1201), search.current]).toEqual(['keep', 1200]);
    expect([search.emsgsize(1200), search.current]).toEqual(['stepDown', 600]);
    expect([search.emsgsize(1100), search.current]).toEqual(['keep', 600]);
    expect([search.emsgsize(300), search.current]).toEqual(['stepDown', 296]);
    expect([search.emsgsize(200), search.current]).toEqual(['keep', 296]);
    const refused = new DatagramSizeSearch();
    expect([refused.emsgsize(500), refused.current]).toEqual(['stepDown', 296]);
  });

  it('begins at a smaller largest size when told so', () => {
    const search = new DatagramSizeSearch(700);
    for (let count = 0; count < 3; count++) round(search, 0);
    expect(search.current).toBe(600);
  });

  it('never leaves its sizes and remembers at most eight PINGs whatever happens (S5)', () => {
    const event = fc.record({ kind: fc.nat(4), value: fc.nat(1300) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300, size: 'max' }), (events) => {
        const search = new DatagramSizeSearch();
        events.forEach(({ kind, value }, index) => {
          const before = search.current;
          if (kind === 0) search.sent(value);
          if (kind === 1) search.pingSent(BigInt(value % 16), index);
          if (kind === 2) search.pong(BigInt(value % 16), value, index);
          if (kind === 3) search.emsgsize(value);
          if (kind === 4 && search.stepUpDue(index * 1000) !== undefined) search.stepUp(index * 1000);
          expect([296, 600, 1200]).toContain(search.current);
          if (kind < 2) expect(search.current).toBe(before);
        });
      }),
      { seed: seedFromEnv('media/datagram-size') },
    );
  });
});
