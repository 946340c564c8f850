import { describe, expect, it } from 'vitest';
import type { ProtectedSession } from '../../src/engine/media-protection.ts';
import { srtpMedia } from '../../src/engine/srtp-media.ts';
import { rtpSsrc } from '../../src/media/rtp.ts';
import { type Simulation, simulate } from '../../src/sim/simulate.ts';
import { rtpBytes } from '../support/frames.ts';
import { pskPair } from '../support/secured-pair.ts';
import { SecuredWorld, streamingWorld } from '../support/secured-world.ts';

describe('media of a secured session', () => {
  const text = new TextEncoder().encode('a picture that nobody else may see');

  function watched(options: { readonly loss?: number } = {}) {
    const simulation = simulate({ seed: 3, security: 'psk', link: { oneWayMs: 10, loss: options.loss ?? 0 } });
    const joined = simulation.join();
    simulation.play(Array.from({ length: 50 }, () => ({ units: [text], keyframe: true })));
    return { simulation, joined };
  }

  it('leaves protected, and arrives as it was', () => {
    const { simulation, joined } = watched();
    simulation.run(3000);
    expect(joined.frames.length).toBe(50);
    expect(joined.frames.every(({ frame }) => Buffer.from(frame.payload).equals(Buffer.from(text)))).toBe(true);
    const media = simulation.events.flatMap((event) =>
      event.kind === 'sent' && event.plane === 'media' ? [event] : [],
    );
    expect(media.length).toBeGreaterThanOrEqual(50);
    for (const { bytes } of media) expect(Buffer.from(bytes).includes(Buffer.from(text))).toBe(false);
    expect(simulation.finish()).toEqual([]);
  });

  it('is repaired through loss: NACKs are protected too', () => {
    const { simulation, joined } = watched({ loss: 0.2 });
    simulation.run(5000);
    expect(joined.stats()?.repaired).toBeGreaterThan(0);
    expect(joined.frames.length).toBeGreaterThan(45);
    expect(simulation.world.camera.counters.snapshot().drops.rtcpUnknown).toBe(0);
    expect(simulation.finish()).toEqual([]);
  });

  it('does not count where it was changed on its way, or is in the open', () => {
    const { simulation, joined } = watched();
    simulation.run(1000);
    const ssrc = rtpSsrc(mediaOf(simulation)[0] ?? new Uint8Array(12));
    const changed = mediaOf(simulation).at(-1)?.slice() ?? new Uint8Array(12);
    changed[3] = (changed[3] ?? 0) ^ 0x40;
    const received = joined.stats()?.received;
    simulation.world.injectToViewer(joined.host, changed);
    simulation.world.injectToViewer(joined.host, rtpBytes(ssrc, (ssrc + 900) & 0xffff));
    const { drops } = joined.host.endpoint.counters.snapshot();
    expect(drops.mediaForged).toBe(2);
    expect(drops.mediaReplayed, 'S11: the last datagram of a burst came again').toBeGreaterThan(0);
    expect(joined.stats()?.received).toBe(received);
  });

  it('does not leave where nothing can protect it', () => {
    const { secured } = streamingWorld(pskPair());
    secured.world.run(5000);
    expect(secured.ofKind('media')).toEqual([]);
  });

  it('is protected by whoever the application chose, who is told which end this is', () => {
    const asked: ProtectedSession[] = [];
    const protectMedia = (session: ProtectedSession) => {
      asked.push(session);
      return srtpMedia(session);
    };
    const secured = new SecuredWorld(pskPair(), { camera: { protectMedia } });
    secured.join();
    secured.world.run(50);
    expect(asked.map(({ role }) => role)).toEqual(['responder']);
  });

  it('has no datagram larger than a clear one', () => {
    const simulation = simulate({ seed: 3, security: 'psk' });
    simulation.join();
    simulation.play([{ units: [new Uint8Array(20_000)], keyframe: true }]);
    simulation.run(1000);
    expect(Math.max(...mediaOf(simulation).map(({ length }) => length))).toBe(1200);
  });
});

function mediaOf(simulation: Simulation): readonly Uint8Array[] {
  return simulation.events.flatMap((event) => (event.kind === 'sent' && event.plane === 'media' ? [event.bytes] : []));
}
