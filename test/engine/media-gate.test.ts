import { describe, expect, it } from 'vitest';
import { ConfirmProof, MediaGate, MediaSend, TokenProof } from '../../src/engine/media-gate.ts';
import { InvariantError } from '../../src/protocol/invariants.ts';
import { Tokens } from '../../src/security/tokens.ts';

const ids = { streamId: 1n, sessionTag: 2n, tupleKey: 'viewer 1' };
const to = { address: '192.0.2.1', port: 1 };
const datagram = Uint8Array.of(0x80);

function proofOf(tag = ids.sessionTag, tupleKey = ids.tupleKey): ConfirmProof {
  const of = { streamId: 1n, sessionTag: tag, tupleKey };
  const proof = ConfirmProof.of(of, of);
  if (proof === undefined) throw new Error('no proof');
  return proof;
}

/** Of a token that was good. */
function tokenProof(sessionTag = ids.sessionTag, tupleKey = ids.tupleKey): TokenProof {
  const tokens = new Tokens(new Uint8Array(32));
  const address = Uint8Array.of(192, 0, 2, 1);
  const redeemed = tokens.redeem(tokens.issue(address, 0) ?? new Uint8Array(0), address, 0);
  const proof = typeof redeemed === 'string' ? undefined : TokenProof.of(redeemed, { sessionTag, tupleKey });
  if (proof === undefined) throw new Error('no proof');
  return proof;
}

const gate = () => new MediaGate(ids.sessionTag, ids.tupleKey, to);
const breaks = (id: string) => expect.objectContaining({ name: 'InvariantError', id });

describe('ConfirmProof', () => {
  it('exists for equal ids and tuple only (S1)', () => {
    expect(ConfirmProof.of(ids, ids)).toBeInstanceOf(ConfirmProof);
    expect(ConfirmProof.of({ ...ids, streamId: 9n }, ids)).toBeUndefined();
    expect(ConfirmProof.of({ ...ids, sessionTag: 9n }, ids)).toBeUndefined();
    expect(ConfirmProof.of({ ...ids, tupleKey: 'viewer 2' }, ids)).toBeUndefined();
  });

  it('does not exist for a session without a SessionTag (S1)', () => {
    const untagged = { ...ids, sessionTag: 0n };
    expect(ConfirmProof.of(untagged, untagged)).toBeUndefined();
  });
});

describe('MediaGate', () => {
  it('lets nothing pass before it was opened (S1)', () => {
    const shut = gate();
    expect(shut.isOpen(0)).toBe(false);
    expect(() => shut.pass(datagram, 0)).toThrow(InvariantError);
    shut.refresh(1000);
    expect(() => shut.pass(datagram, 0)).toThrow(breaks('S1'));
  });

  it('does not open by the proof of another session or tuple (S1)', () => {
    expect(() => gate().open(proofOf(3n), 1000)).toThrow(breaks('S1'));
    expect(() => gate().open(proofOf(2n, 'viewer 2'), 1000)).toThrow(breaks('S1'));
  });

  it('lets media pass to its own address while consent holds and not a moment longer (S9)', () => {
    const open = gate();
    open.open(proofOf(), 1000);
    expect(open.pass(datagram, 999)).toMatchObject({ kind: 'media', bytes: datagram, to });
    expect(() => open.pass(datagram, 1000)).toThrow(breaks('S1'));
    open.refresh(2000);
    expect(open.pass(datagram, 1999)).toBeInstanceOf(MediaSend);
    expect(open.isOpen(2000)).toBe(false);
  });

  it('lets nothing pass after it was closed, and never opens again (S9)', () => {
    const closed = gate();
    closed.open(proofOf(), 1000);
    closed.close();
    expect(() => closed.pass(datagram, 0)).toThrow(breaks('S1'));
    closed.refresh(5000);
    expect(() => closed.pass(datagram, 0)).toThrow(breaks('S1'));
    expect(() => closed.open(proofOf(), 1000)).toThrow(breaks('S9'));
    expect(closed.isOpen(0)).toBe(false);
  });

  it('that was closed before it was opened never opens (S9)', () => {
    const closed = gate();
    closed.close();
    expect(() => closed.open(proofOf(), 1000)).toThrow(breaks('S9'));
  });
});

describe('MediaGate before the confirm', () => {
  /** Passes datagrams for as long as it is open. @returns their bytes. */
  function drain(open: MediaGate, bytes: number, nowMs: number): number {
    let sent = 0;
    while (open.isOpen(nowMs)) sent += open.pass(new Uint8Array(bytes), nowMs)?.bytes.length ?? 0;
    return sent;
  }

  it('lets 10 bytes pass for each that came, and 32 KiB more, to the last datagram that fits (S1, S2)', () => {
    const fast = gate();
    fast.openFast(tokenProof(), 256, 1000);
    expect(fast.pass(datagram, 1000)).toBeInstanceOf(MediaSend);
    expect(1 + drain(fast, 1, 1000)).toBe(32_768 + 2560 - 1199);
    expect(() => fast.pass(datagram, 1000)).toThrow(breaks('S1'));
  });

  it('lets more pass for further STARTs, 64 KiB in all (S2)', () => {
    const fast = gate();
    fast.openFast(tokenProof(), 256, 0);
    let sent = drain(fast, 1200, 0);
    expect(sent).toBe(29 * 1200);
    fast.startReceived(256);
    sent += drain(fast, 1200, 0);
    expect(sent).toBe(31 * 1200);
    for (let starts = 0; starts < 100; starts++) fast.startReceived(256);
    sent += drain(fast, 1200, 0);
    expect(sent).toBe(54 * 1200);
    expect(sent).toBeLessThanOrEqual(65_536);
  });

  it('shuts after 500 ms whatever is left (S1)', () => {
    const fast = gate();
    fast.openFast(tokenProof(), 256, 1000);
    expect([fast.isOpen(1499.9), fast.isOpen(1500)]).toEqual([true, false]);
    expect(() => fast.pass(datagram, 1500)).toThrow(breaks('S1'));
  });

  it('lets no datagram pass that is larger than what is left (S2)', () => {
    const fast = gate();
    fast.openFast(tokenProof(), 0, 0);
    expect(() => fast.pass(new Uint8Array(32_769), 0)).toThrow(breaks('S2'));
  });

  it('opens by proof of this session only, and once (S1, S2)', () => {
    const fast = gate();
    expect(() => fast.openFast(tokenProof(9n), 256, 0)).toThrow(breaks('S1'));
    expect(() => fast.openFast(tokenProof(2n, 'viewer 2'), 256, 0)).toThrow(breaks('S1'));
    fast.openFast(tokenProof(), 256, 0);
    expect(() => fast.openFast(tokenProof(), 256, 0)).toThrow(breaks('S2'));
  });

  it('is open by the confirm from then on, without a limit, and never by a token again (S2)', () => {
    const fast = gate();
    fast.openFast(tokenProof(), 256, 0);
    fast.open(proofOf(), 10_000);
    for (let sent = 0; sent < 100; sent++) fast.pass(new Uint8Array(1200), 600);
    expect(fast.isOpen(9999)).toBe(true);
    expect(() => fast.openFast(tokenProof(), 256, 0)).toThrow(breaks('S2'));
  });

  it('is shut for good once it was closed (S9)', () => {
    const fast = gate();
    fast.openFast(tokenProof(), 256, 0);
    fast.close();
    expect(fast.isOpen(0)).toBe(false);
    expect(() => fast.openFast(tokenProof(), 256, 0)).toThrow(breaks('S9'));
  });

  it('has one proof for a token', () => {
    const tokens = new Tokens(new Uint8Array(32));
    const address = Uint8Array.of(192, 0, 2, 1);
    const redeemed = tokens.redeem(tokens.issue(address, 0) ?? new Uint8Array(0), address, 0);
    if (typeof redeemed === 'string') throw new Error(redeemed);
    expect([TokenProof.of(redeemed, ids) !== undefined, TokenProof.of(redeemed, ids)]).toEqual([true, undefined]);
  });
});
