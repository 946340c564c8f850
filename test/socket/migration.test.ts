import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/engine/io-types.ts';
import { initiate } from '../../src/io/initiate.ts';
import { respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { UdpRelay } from '../../src/io/udp-relay.ts';
import { Witness } from '../support/witness.ts';

/** The watchdog of profile `lan`, the validation, and a machine that is busy. */
const LIMIT_MS = 15_000;
const security = { mode: 'psk', psk: new Uint8Array(32).fill(7) } as const;

describe('a NAT that forgets, between real sockets', () => {
  it.concurrent.each([0, 0.1])(
    'costs a secured session seconds: it is asked at its new port, moves there, and frames go on, at loss %f (S14)',
    async (loss) => {
      const moves = new Witness<{ readonly before: Peer; readonly peer: Peer }>();
      await using camera = await respond({
        port: 0,
        profile: 'lan',
        security,
        streams: { test: testSource({ bytesPerFrame: 500 }) },
      });
      camera.on('moved', (move) => moves.note(move));
      const streaming = new Promise<Peer>((resolve) => camera.once('streaming', ({ peer }) => resolve(peer)));
      const link = { loss };
      await using relay = await UdpRelay.open({ camera: camera.local, seed: 7, toCamera: link, toViewer: link });
      const shown = new Witness<number>();
      await using stream = await initiate(`127.0.0.1:${relay.local.port}`, { profile: 'lan', security });
      const reading = (async () => {
        for await (const { timestamp } of stream.frames()) shown.note(timestamp);
      })();
      await shown.when(() => true, LIMIT_MS, 'a frame');
      const [first] = relay.cameraSidePorts;
      expect((await streaming).port).toBe(first);

      relay.forget();
      const move = await moves.when(() => true, LIMIT_MS, 'a move');
      const [second] = relay.cameraSidePorts;
      expect(second).not.toBe(first);
      expect([move.before.port, move.peer.port]).toEqual([first, second]);
      const { length } = shown.seen;
      await shown.when(() => shown.seen.length > length + 10, LIMIT_MS, 'frames at the new port', length);
      expect(camera.metrics().counters).toMatchObject({ pathsMoved: 1, handshakesCompleted: 1 });
      expect(camera.metrics().closed.CONSENT_EXPIRED).toBe(0);
      await stream.close();
      await reading;
    },
    60_000,
  );
});
