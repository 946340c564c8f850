import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { endsOf } from '../../src/sim/fuzz/admission-target.ts';
import { BlindTarget } from '../../src/sim/fuzz/blind-target.ts';
import { BlindWorld, blindPeers } from '../../src/sim/fuzz/blind-world.ts';
import { fromHex } from '../../src/sim/fuzz/target.ts';
import { seedFromEnv } from '../support/seeded.ts';

describe('injections of somebody who sees nothing', () => {
  it.each([
    ['none', 0],
    ['psk', 4],
    ['keys', 9],
  ])('none is accepted in mode %s', (mode, number) => {
    const target = new BlindTarget();
    const life = target.begin(seedFromEnv('fuzz/blind'), number);
    expect(life.settings['mode']).toBe(mode);
    // A fraction of a life: 10,000 of them.
    for (let ms = 0; ms < 10; ms++) {
      life.draw();
      life.execute();
    }
    life.finish();
    expect(target.done.executions).toBe(10_000);
  });

  it.each(['BYE', 'PING', 'NOTIFY'] as const)('a %s with the right tag is reported as accepted', (name) => {
    const world = new BlindWorld(undefined, 3);
    const ids = { flags: 0, ...world.idsOf('streaming'), attempt: 0 };
    const frames = {
      BYE: encodeFrame({ ...ids, type: FrameType.BYE, errorCode: ErrorCode.SHUTDOWN }),
      PING: encodeFrame({ ...ids, type: FrameType.PING, nonce: 1n }),
      NOTIFY: encodeFrame({ ...ids, type: FrameType.NOTIFY, requestId: 1n, method: 'stop' }),
    };
    const attack = (): void => {
      world.remember();
      world.inject(frames[name], 'camera', blindPeers.streaming);
      world.check(1);
    };
    expect(attack).toThrow(/^accepted: /);
  });

  it('a START_CONFIRM with the right tag, and a cookie that is good, are reported as accepted', () => {
    const world = new BlindWorld(undefined, 3);
    const confirm = encodeFrame({ flags: 0, ...world.idsOf('halfOpen'), attempt: 0, type: FrameType.START_CONFIRM });
    expect(() => world.inject(confirm, 'camera', blindPeers.halfOpen)).toThrow('accepted: the camera did');
    const start = { flags: 1, streamId: 5n, sessionTag: 0n, attempt: 1, type: FrameType.START, versions: [1] } as const;
    const input = { kind: 'datagram', bytes: encodeFrame(start), from: blindPeers.nobody } as const;
    const [retry] = world.camera.step(input, world.nowMs);
    const cookie = retry?.kind === 'send' ? retry.bytes.slice(28, 48) : fromHex('');
    expect(() => world.inject(encodeFrame({ ...start, cookie }), 'camera', blindPeers.nobody)).toThrow('did reserve');
  });

  it('a frame sealed by the other end is reported as accepted', () => {
    const world = new BlindWorld(endsOf('psk'), 3);
    const [bye] = world.viewers.streaming.step({ kind: 'close', code: 0 }, world.nowMs);
    if (bye?.kind !== 'send') throw new Error('no BYE');
    expect(() => world.inject(bye.bytes, 'camera', blindPeers.streaming)).toThrow('accepted: the camera did');
  });
});
