import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { FuzzRun } from '../../src/sim/fuzz/fuzz-run.ts';
import { SessionTarget } from '../../src/sim/fuzz/session-target.ts';
import { attackers, SessionWorld } from '../../src/sim/fuzz/session-world.ts';
import type { FuzzStep } from '../../src/sim/fuzz/target.ts';
import { noProbe, readCorpus } from '../support/fuzz-corpus.ts';
import { seedFromEnv } from '../support/seeded.ts';

const corpus = readCorpus();

describe('whole sessions among mutants', () => {
  it('keep their promises against a stranger, one on the path and a peer, in every mode', () => {
    const target = new SessionTarget(corpus);
    const run = new FuzzRun(target, seedFromEnv('fuzz/session'), noProbe);
    for (let life = 0; life < 40; life++) expect(run.next()).toBeUndefined();
    for (const attacker of attackers) {
      const lives = [...target.tally].filter(([name]) => name.startsWith(attacker));
      expect([attacker, lives.length]).not.toEqual([attacker, 0]);
    }
    expect(target.tally.get('camera handshakes')).toBeGreaterThan(0);
  });

  it.each([0, 4, 6, 7])('life %i does the same again, also from its recorded inputs', (number) => {
    const record = (): readonly FuzzStep[] => {
      const steps: FuzzStep[] = [];
      const target = new SessionTarget(corpus);
      const life = target.begin(3, number, (step) => steps.push(step));
      while (!life.over) {
        life.draw();
        life.execute();
      }
      const { settings } = life;
      expect(() => target.replay({ target: 'session', settings, steps })).not.toThrow();
      return steps;
    };
    expect(record()).toEqual(record());
  });

  it('S8: a BYE of somebody who has the ids is reported where he should have none, and excused where he should', () => {
    const afterBye = (attacker: 'stranger' | 'path', to: number): SessionWorld => {
      const settings = { mode: 'none', attacker, format: 'generic', lossEvery: 0, seed: 1 } as const;
      const world = new SessionWorld(settings, () => undefined);
      world.pass(500);
      const { streamId, sessionTag } = world.viewers[0]?.host.endpoint ?? { streamId: 0n, sessionTag: 0n };
      const ids = { flags: 0, streamId, sessionTag, attempt: 0 };
      const bye = encodeFrame({ ...ids, type: FrameType.BYE, errorCode: ErrorCode.SHUTDOWN });
      world.inject(bye, to, 'own');
      return world;
    };
    expect(() => afterBye('stranger', 0).finish()).toThrow('S8: among mutants of a stranger a viewer came to Draining');
    expect(() => afterBye('stranger', -1).finish()).toThrow('S8: among mutants of a stranger viewer 0 saw no picture');
    for (const to of [-1, 0]) expect(() => afterBye('path', to).finish()).not.toThrow();
  });
});
