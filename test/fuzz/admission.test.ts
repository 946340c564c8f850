import { describe, expect, it } from 'vitest';
import { AdmissionTarget, endsOf, fuzzModes } from '../../src/sim/fuzz/admission-target.ts';
import { CameraSubject } from '../../src/sim/fuzz/camera-subject.ts';
import { FuzzRun } from '../../src/sim/fuzz/fuzz-run.ts';
import type { FuzzStep } from '../../src/sim/fuzz/target.ts';
import { noProbe, readCorpus } from '../support/fuzz-corpus.ts';
import { seedFromEnv } from '../support/seeded.ts';

const corpus = readCorpus();

describe('a camera and a viewer whose datagrams are mutants', () => {
  it('S1 S2 S5 S7 S12 L1: keep their promises in every mode, and come to their ends', () => {
    const target = new AdmissionTarget(corpus);
    const run = new FuzzRun(target, seedFromEnv('fuzz/admission'), noProbe);
    const lives = 40;
    for (let life = 0; life < lives; life++) expect(run.next()).toBeUndefined();
    expect(target.done.executions).toBe(400 * lives);
    // Mutants come as far as sessions that stream.
    expect(target.tally.get('camera handshakes')).toBeGreaterThan(0);
    expect(target.tally.get('viewer handshakes')).toBeGreaterThan(0);
    for (const reason of ['camera wrongTag', 'camera noSession', 'viewer wrongStreamId']) {
      expect([reason, target.tally.get(reason) ?? 0]).not.toEqual([reason, 0]);
    }
  });

  it('do the same in the same life, and when its inputs are given again', () => {
    const steps = (): readonly FuzzStep[] => {
      const recorded: FuzzStep[] = [];
      const target = new AdmissionTarget(corpus);
      const life = target.begin(9, 4, (step) => recorded.push(step));
      while (!life.over) {
        life.draw();
        life.execute();
      }
      expect(() => target.replay({ target: 'admission', settings: life.settings, steps: recorded })).not.toThrow();
      return recorded;
    };
    expect(steps()).toEqual(steps());
  });
});

describe.each(fuzzModes)('the judge of a camera in mode %s', (mode) => {
  it('S2: reports an answer to an address that did not ask for so much', () => {
    const camera = new CameraSubject(endsOf(mode)?.camera ?? {}, 2, () => undefined);
    const { endpoint } = camera;
    // An endpoint with the bug: it answers anything with 100 bytes.
    const answer = {
      kind: 'send',
      plane: 'control',
      bytes: new Uint8Array(100),
      to: { address: '10.1.0.0', port: 40_000 },
    };
    endpoint.step = () => [answer] as never;
    const step = { bytes: new Uint8Array(99), from: 0, afterMs: 0, application: 0 };
    expect(() => camera.take(step)).toThrow('S2: 99 bytes were answered by 100');
    expect(() => camera.take({ ...step, from: 1 })).toThrow('S2: an answer went to 10.1.0.0');
  });
});
