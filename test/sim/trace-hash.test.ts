import { describe, expect, it } from 'vitest';
import { drawPlan } from '../../src/sim/draw-plan.ts';
import { runPlan } from '../../src/sim/run-plan.ts';
import { TraceHash } from '../../src/sim/trace-hash.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';

const camera = { address: '10.0.0.1', port: 4444 };
const viewer = { address: '10.1.0.0', port: 40_000 };

function hashOf(...events: readonly WorldEvent[]): string {
  const hash = new TraceHash();
  for (const event of events) hash.see(event);
  return hash.hex;
}

const sent: WorldEvent = {
  kind: 'sent',
  atMs: 1.5,
  id: 1,
  from: camera,
  to: viewer,
  bytes: new Uint8Array(9),
  plane: 'control',
};
const lost: WorldEvent = { kind: 'lost', atMs: 2, id: 1, reason: 'random' };

describe('a trace hash', () => {
  it('tells apart what differs in a bit, a time, an address, an order or a word', () => {
    const last = new Uint8Array(9);
    last[8] = 1;
    const ended = { session: 1, peer: viewer, streamId: 1n, code: 0, wasStreaming: true, attempts: 1 } as const;
    const closed: WorldEvent = { kind: 'told', atMs: 3, host: 0, output: { kind: 'closed', ...ended } };
    const traces: readonly (readonly WorldEvent[])[] = [
      [],
      [sent],
      [{ ...sent, bytes: new Uint8Array(10) }],
      [{ ...sent, bytes: last }],
      [{ ...sent, atMs: 1.5 + 2 ** -50 }],
      [{ ...sent, to: { ...viewer, port: 40_001 } }],
      [{ ...sent, plane: 'feedback' }],
      [sent, lost],
      [lost, sent],
      [closed],
      [{ ...closed, output: { kind: 'closed', ...ended, streamId: 1n + (1n << 63n) } }],
      [{ ...closed, output: { kind: 'closed', ...ended, reason: 'gone' } }],
      [{ kind: 'arrived', atMs: 1, id: 1, host: 'camera', from: viewer, bytes: last }],
      [{ kind: 'asked', atMs: 1, host: 0, input: { kind: 'start' } }],
      [{ kind: 'fault', atMs: 1, host: 'camera', fault: 'crash' }],
    ];
    expect(new Set(traces.map((trace) => hashOf(...trace))).size).toBe(traces.length);
    expect(hashOf(sent, lost)).toBe(hashOf(sent, lost));
  });

  it('of 24 seeds is the one on record, on every Node (S15)', async () => {
    const lines: string[] = [];
    for (const mode of ['safety', 'liveness'] as const) {
      for (let seed = 1; seed <= 12; seed++) {
        lines.push(`${mode} ${seed} ${runPlan(drawPlan(seed, mode)).traceHash}\n`);
      }
    }
    await expect(lines.join('')).toMatchFileSnapshot('trace-hashes.txt');
  });

  it('of 24 seeds of secured worlds is the one on record, on every Node (S15)', async () => {
    const lines: string[] = [];
    for (const security of ['psk', 'keys'] as const) {
      for (let seed = 1; seed <= 12; seed++) {
        const plan = { ...drawPlan(seed, seed % 2 === 0 ? 'safety' : 'liveness'), security } as const;
        lines.push(`${security} ${plan.mode} ${seed} ${runPlan(plan).traceHash}\n`);
      }
    }
    await expect(lines.join('')).toMatchFileSnapshot('trace-hashes-secured.txt');
  });
});
