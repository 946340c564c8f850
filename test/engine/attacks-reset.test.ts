import { describe, expect, it } from 'vitest';
import { HEADER_BYTES } from '../../src/protocol/constants.ts';
import { FrameFlag, type FrameTypeName } from '../../src/protocol/frame.ts';
import { AnswerLedger } from '../support/answer-ledger.ts';
import { AttackWorld, attackerPeer } from '../support/attack-world.ts';
import { sessionFrame } from '../support/frames.ts';

describe.each(['psk', 'keys'] as const)('mode %s: a sealed frame of a session that nobody has', (mode) => {
  it.each(['PING', 'BYE', 'START_CONFIRM'] as const)(
    '%s of any size gets no answer that is larger than it (S2)',
    (name: FrameTypeName) => {
      const attacked = new AttackWorld({ mode });
      const header = sessionFrame(name, { streamId: 5n, sessionTag: 6n }).subarray(0, HEADER_BYTES);
      let answers = 0;
      for (let size = HEADER_BYTES; size <= 80; size++) {
        const bytes = new Uint8Array(size);
        bytes.set(header);
        bytes[3] = FrameFlag.SECURED;
        new DataView(bytes.buffer).setUint16(22, Math.max(0, size - HEADER_BYTES - 16));
        // Each size from an address of its own, which has no credit.
        answers += attacked.attack({ ...attackerPeer, port: size }, bytes).length;
      }
      expect(answers > 0).toBe(name !== 'START_CONFIRM');
      attacked.expectHeld();
    },
  );
});

describe('the ledger that S2 is watched by', () => {
  const victim = { address: '10.77.0.1', port: 1 };

  it('reports one byte or one datagram too many, from whatever moment on, and nothing of those who are trusted', () => {
    const bytes = new AnswerLedger();
    bytes.received(victim, 100);
    bytes.sent(victim, 60);
    bytes.sent({ ...victim, port: 2 }, 1);
    bytes.received(victim, 100);
    bytes.sent(victim, 140);
    expect(bytes.excess).toEqual(['1 bytes in 1 datagrams to 10.77.0.1 2, for 0 in 0']);
    bytes.sent(victim, 1);
    expect(bytes.excess[1]).toBe('201 bytes in 3 datagrams to 10.77.0.1 1, for 200 in 2');
    bytes.trust(victim);
    bytes.sent(victim, 1200);
    expect(bytes.excess).toHaveLength(2);

    const datagrams = new AnswerLedger();
    datagrams.received(victim, 100);
    datagrams.sent(victim, 10);
    datagrams.sent(victim, 10);
    expect(datagrams.excess).toEqual(['20 bytes in 2 datagrams to 10.77.0.1 1, for 100 in 1']);
    expect(() => datagrams.expectHeld()).toThrow();
    expect(() => new AnswerLedger().expectHeld(), 'it has seen nothing').toThrow();
  });
});
