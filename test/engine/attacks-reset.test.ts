import { describe, expect, it } from 'vitest';
import { HEADER_BYTES } from '../../src/protocol/constants.ts';
import { FrameFlag, type FrameTypeName } from '../../src/protocol/frame.ts';
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
