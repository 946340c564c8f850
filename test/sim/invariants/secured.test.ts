import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../src/protocol/error-code.ts';
import { pskCredentials } from '../../../src/security/credentials.ts';
import { InvariantWatch } from '../../../src/sim/invariants/invariant-watch.ts';
import { SecuredEye } from '../../../src/sim/invariants/secured-reader.ts';
import { ViolationLog } from '../../../src/sim/invariants/violation.ts';
import { runPlan } from '../../../src/sim/run-plan.ts';
import { simulate } from '../../../src/sim/simulate.ts';
import { World } from '../../../src/sim/world.ts';
import { fromHex } from '../../codec/bytes.ts';
import { opened, unsealed } from '../../codec/vectors/secured.ts';
import { testStream } from '../../support/camera-application.ts';
import { sessionFrame } from '../../support/frames.ts';
import { counting } from '../../support/secured-pair.ts';

const vector = (name: string): Uint8Array => {
  const found = [...opened, ...unsealed].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return fromHex(found.hex);
};

function eye() {
  const log = new ViolationLog();
  return { eye: new SecuredEye(log), ids: () => log.list.map(({ id }) => id) };
}

describe('what a watch sees of secured frames', () => {
  it('S11: two frames that are sealed with one counter', () => {
    const { eye: watching, ids } = eye();
    watching.sent(vector('a sealed READY with an SDP'), true);
    expect(ids()).toEqual([]);
    watching.sent(vector('a sealed PONG'), true);
    expect(ids()).toEqual(['S11']);
  });

  it('the two ends of a session count each for itself', () => {
    const { eye: watching, ids } = eye();
    watching.sent(vector('a sealed READY with an SDP'), true);
    watching.sent(vector('a sealed PONG'), false);
    expect(ids()).toEqual([]);
  });

  it('S11: a clear frame of a secured end, but for RESET', () => {
    const { eye: watching, ids } = eye();
    watching.sent(sessionFrame('RESET', { streamId: 1n, sessionTag: 2n }), true);
    expect(ids()).toEqual([]);
    watching.sent(sessionFrame('PING', { streamId: 1n, sessionTag: 2n }), true);
    expect(ids()).toContain('S11');
  });

  it('S10: a frame that does not decode', () => {
    const { eye: watching, ids } = eye();
    watching.sent(vector('a secured START_ACK').subarray(0, 127), true);
    expect(ids()).toEqual(['S10']);
  });

  it('a datagram is a frame only if an end sent these very bytes', () => {
    const { eye: watching } = eye();
    const ack = vector('a secured START_ACK');
    expect(watching.judge(ack).type).toBe(0);
    watching.sent(ack, true);
    expect(watching.judge(ack.slice()).type).toBe(2);
    const changed = ack.slice();
    changed[20] = 9;
    expect(watching.judge(changed).type).toBe(0);
  });

  it('S4: ends that stream without keys, or with different ones', () => {
    const stream = testStream();
    const watch = new InvariantWatch({ secured: true });
    const world = new World({
      seed: 1,
      application: (self, output) => {
        if (output.kind === 'reserve') self.toCamera({ kind: 'reserved', session: output.session, feed: stream.feed });
      },
      observe: (event, self) => watch.see(event, self),
    });
    const viewer = world.addViewer();
    world.toViewer(viewer, { kind: 'start' });
    world.run(100);
    expect(watch.violations.map(({ id }) => id)).toContain('S4');
  });
});

describe('simulate() with security', () => {
  it.each(['psk', 'keys'] as const)('%s: viewers stream through loss and nothing is broken', (security) => {
    const simulation = simulate({ seed: 5, security, link: { oneWayMs: 20, loss: 0.2 } });
    const viewers = [simulation.join(), simulation.join()];
    simulation.run(30_000);
    expect(viewers.map(({ state }) => state)).toEqual(['Streaming', 'Streaming']);
    expect(viewers[0]?.host.endpoint.keys?.channelBinding).not.toEqual(viewers[1]?.host.endpoint.keys?.channelBinding);
    expect(simulation.finish()).toEqual([]);
    expect(simulation.sequenceDiagram()).toContain('START_CONFIRM secured');
  });

  it('the same seed gives the same bytes (S15)', () => {
    const bytesOf = () => {
      const simulation = simulate({ seed: 6, security: 'keys', link: { oneWayMs: 20, loss: 0.2 } });
      simulation.join();
      simulation.run(5000);
      return simulation.events.flatMap((event) => (event.kind === 'sent' ? [...event.bytes] : []));
    };
    expect(bytesOf()).toEqual(bytesOf());
  });

  it('a viewer with another key is another one, and gets no answer', () => {
    const simulation = simulate({ seed: 7, security: 'psk' });
    const viewer = simulation.join({ security: pskCredentials(counting(1)) });
    simulation.run(20_000);
    expect(viewer.end?.code).toBe('HANDSHAKE_TIMEOUT');
    expect(simulation.finish()).toEqual([]);
  });

  it('S8: a START_ACK that comes late is no sign of life: nobody reads it', () => {
    const { violations } = runPlan({
      seed: 20_260_159,
      mode: 'safety',
      security: 'psk',
      profile: 'lan',
      camera: { keepsKey: true, repair: true, datagramBytesMax: 1200 },
      application: { late: 0, refuses: 0, silent: 0, lateMs: 0 },
      media: { frames: 1, bytes: 100, intervalMs: 24, ends: true },
      viewers: [
        {
          startsAtMs: 0,
          toCamera: { oneWayMs: 30 },
          toViewer: { oneWayMs: 45, reorder: 0.26, reorderMs: 58 },
          repair: true,
          fast: false,
        },
      ],
      faults: [{ atMs: 218, kind: 'rebind', viewer: 0 }],
      faultyMs: 3612,
    });
    expect(violations).toEqual([]);
  });

  it('S8: media that came before is no sign of life: a viewer may give up that hears of nothing else', () => {
    const link = { toCamera: { oneWayMs: 10 }, toViewer: { oneWayMs: 10 } };
    const viewer = { ...link, repair: true, fast: false };
    const plan = {
      seed: 20_260_122,
      mode: 'safety',
      security: 'psk',
      profile: 'lan',
      camera: { keepsKey: true, repair: true, datagramBytesMax: 1200 },
      application: { late: 0, refuses: 0, silent: 0, lateMs: 0 },
      media: { frames: 1, bytes: 100, intervalMs: 82, ends: false },
      viewers: [viewer, { ...viewer, startsAtMs: 0 }],
      faults: [{ atMs: 744, kind: 'partition', viewer: 1, ways: 'both' }],
      faultyMs: 3308,
    } as const;
    const seen: string[] = [];
    const { violations } = runPlan(plan, (event) => {
      if (event.kind === 'sent' && event.plane === 'media') seen.push('media');
      if (event.kind === 'told' && event.output.kind === 'closed') seen.push(`closed ${event.output.code}`);
    });
    expect(violations).toEqual([]);
    expect(seen).toContain(`closed ${ErrorCode.PEER_DEAD}`);
    expect(seen.filter((what) => what === 'media').length).toBeGreaterThan(1);
  });
});
