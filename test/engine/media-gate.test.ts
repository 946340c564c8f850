import { describe, expect, it } from 'vitest';
import { ConfirmProof, MediaGate, MediaSend } from '../../src/engine/media-gate.ts';
import { InvariantError } from '../../src/protocol/invariants.ts';

const ids = { streamId: 1n, sessionTag: 2n, tupleKey: 'viewer 1' };
const to = { address: '192.0.2.1', port: 1 };
const datagram = Uint8Array.of(0x80);

function proofOf(tag = ids.sessionTag, tupleKey = ids.tupleKey): ConfirmProof {
  const of = { streamId: 1n, sessionTag: tag, tupleKey };
  const proof = ConfirmProof.of(of, of);
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
