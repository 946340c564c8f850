import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type PresetName, presets } from '../../src/sim/presets.ts';
import { sequenceDiagram } from '../../src/sim/sequence-diagram.ts';
import { simulate } from '../../src/sim/simulate.ts';
import { h264Frames, testFrames } from '../../src/sim/simulated-stream.ts';
import { seedFromEnv } from '../support/seeded.ts';

describe('simulate()', () => {
  it('does what the README promises: no media before the confirm (S1)', () => {
    const simulation = simulate({ seed: 7, link: { oneWayMs: 20, loss: 0.2 } });
    const report = simulation.handshake();
    expect(report).toMatchObject({ ok: true, code: undefined, mediaBeforeConfirm: 0 });
    expect(report.timeToStreamMs).toBeGreaterThanOrEqual(80);
    expect(report.attempts).toBeGreaterThan(0);
    expect(report.bytes).toBeGreaterThan(256);
  });

  it('gives the same events for the same seed and others for another (S15)', () => {
    const seed = seedFromEnv('sim/simulate');
    const run = (of: number): string => {
      const simulation = simulate({ seed: of, link: 'lossy-wifi' });
      simulation.play(testFrames(20, 5000));
      simulation.join();
      simulation.run(2000);
      return simulation.sequenceDiagram({ linesMax: 1000 });
    };
    expect(run(seed)).toBe(run(seed));
    expect(run(seed)).not.toBe(run((seed + 1) >>> 0));
  });

  it('says why a handshake failed', () => {
    const simulation = simulate({ seed: 1, link: { loss: 1 } });
    expect(simulation.handshake()).toMatchObject({ ok: false, code: 'HANDSHAKE_TIMEOUT', timeToStreamMs: undefined });
  });

  it('carries H.264 as a decoder would get it', () => {
    const clip = readFileSync('bench/clips/mandelbrot.h264');
    const simulation = simulate({ seed: 3, link: { oneWayMs: 10, loss: 0.05 }, format: 'h264' });
    const pictures = [...h264Frames(clip)].slice(0, 50);
    const seen: number[] = [];
    const viewer = simulation.join({ onFrame: (_frame, atMs) => seen.push(atMs), media: { latencyMs: 500 } });
    simulation.play(pictures);
    simulation.run(5000);
    expect(viewer.frameCount).toBe(50);
    expect(seen).toHaveLength(50);
    const received = Buffer.concat(viewer.frames.map(({ frame }) => frame.payload));
    expect(received.equals(clip.subarray(0, received.length))).toBe(true);
  });

  it('waits until something holds, or as long as it may', () => {
    const simulation = simulate({ seed: 1, link: { oneWayMs: 25 } });
    const viewer = simulation.join();
    expect(simulation.runUntil(() => viewer.state === 'Streaming', 1000)).toBe(true);
    expect(simulation.nowMs).toBe(100);
    expect(simulation.runUntil(() => viewer.end !== undefined, 500)).toBe(false);
    expect(simulation.nowMs).toBe(600);
    viewer.close();
    simulation.run(5000);
    expect(viewer.end?.code).toBe('NO_ERROR');
  });

  it('refuses seeds and names that it does not know', () => {
    expect(() => simulate({ seed: -1 })).toThrow('seed -1 is no u32');
    expect(() => simulate({ seed: 1, link: 'wlan' as PresetName })).toThrow(
      'there is no preset "wlan"; there are lan, wifi, lossy-wifi, lte, satellite, congested',
    );
  });

  it('keeps no more events than it may', () => {
    const simulation = simulate({ seed: 1, eventsMax: 10 });
    simulation.handshake();
    expect(simulation.events).toHaveLength(10);
  });
});

describe('the presets', () => {
  it.each(Object.keys(presets) as PresetName[])('%s: a stream of 1 Mbit/s starts and runs', (name) => {
    const seed = seedFromEnv('sim/simulate');
    const simulation = simulate({ seed, link: name });
    simulation.play(testFrames(150, 5000));
    const viewer = simulation.join({ media: { latencyMs: 1000 } });
    simulation.run(9000);
    expect(viewer.state).toBe('Streaming');
    expect(viewer.timeToStreamMs).toBeLessThan(name === 'satellite' ? 3000 : 1500);
    expect(viewer.stats()?.framesDecodable).toBeGreaterThan(100);
  });

  it('have the round trips that their table says', () => {
    const rttMs = (name: PresetName) => presets[name].toCamera.oneWayMs ?? 0;
    expect(Object.fromEntries((Object.keys(presets) as PresetName[]).map((name) => [name, 2 * rttMs(name)]))).toEqual({
      lan: 1,
      wifi: 20,
      'lossy-wifi': 20,
      lte: 45,
      satellite: 560,
      congested: 100,
    });
  });
});

describe('the sequence diagram', () => {
  it('shows a handshake with its losses, times and ends', async () => {
    const simulation = simulate({ seed: 2, link: { oneWayMs: 25, loss: 0.3 } });
    simulation.handshake();
    simulation.viewers[0]?.close();
    simulation.run(3000);
    await expect(simulation.sequenceDiagram({ linesMax: 60 })).toMatchFileSnapshot('handshake.mmd');
  });

  it('tells strangers, faults and what it left out', () => {
    const simulation = simulate({ seed: 2, link: { oneWayMs: 25 } });
    simulation.play(testFrames(20));
    simulation.join();
    simulation.join();
    simulation.run(500);
    simulation.world.inject({ address: '203.0.113.9', port: 9 }, Uint8Array.of(12, 1));
    simulation.world.pause('camera');
    const text = simulation.sequenceDiagram({ linesMax: 20 });
    expect(text).toContain('participant X as stranger');
    expect(text).toContain('more left out');
    const whole = simulation.sequenceDiagram({ linesMax: 10_000 });
    expect(whole).toContain('X->>C: 2 bytes, tooShort');
    expect(whole).toContain('Note over C: 500.0 pause');
    expect(sequenceDiagram(simulation.events, { viewer: 1 })).not.toContain('V0');
  });
});
