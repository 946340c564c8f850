import { describe, expect, it } from 'vitest';
import { parsePsk } from '../../src/config/key-text.ts';
import { initiate } from '../../src/io/initiate.ts';
import { respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { respondWorkers } from '../../src/io/workers/respond-workers.ts';

const secret = parsePsk('ab'.repeat(32));
const psk = secret.ok ? secret.value : new Uint8Array(32);

describe.each([{ mode: 'none' as const }, { mode: 'psk' as const, psk }])(
  'mode $mode: fast mode over sockets',
  (security) => {
    it('takes the token of the session before, remembered by the process or handed over, and calls wait for the confirm', async () => {
      await using camera = await respond({ port: 0, security, fast: true, streams: { test: testSource() } });
      const target = `127.0.0.1:${camera.local.port}/test`;
      const first = await initiate(target, { security, fast: true });
      while (first.token === undefined) await new Promise((resolve) => first.once('token', resolve));
      const shown = first.token;
      await first.close();
      expect(camera.metrics().counters.fastGranted).toBe(0);
      const second = await initiate(target, { security, fast: true });
      expect((await second.call('stats')).body.length).toBeGreaterThan(0);
      expect(camera.metrics().counters.fastGranted).toBe(1);
      await second.close();
      const replayed = await initiate(target, { security, token: shown });
      expect(camera.metrics().counters).toMatchObject({ fastGranted: 1, tokensUsed: 1 });
      await replayed.close();
    });

    it('takes a token with every worker, and once among all', async () => {
      const streams = { test: testSource() };
      await using camera = await respondWorkers({ workers: 3, port: 0, security, fast: true, streams });
      const workers = new Set<number>();
      camera.on('streaming', ({ worker }) => workers.add(worker));
      const target = `127.0.0.1:${camera.local.port}/test`;
      let token: Uint8Array | undefined;
      let returned = 0;
      // Each comes from another port, so that any worker may be the one.
      for (; returned < 4 || workers.size < 2; returned++) {
        const stream = await initiate(target, { security, fast: true, ...(token === undefined ? {} : { token }) });
        while (stream.token === undefined) await new Promise((resolve) => stream.once('token', resolve));
        const shown = token;
        token = stream.token;
        await stream.close();
        if (shown !== undefined) await (await initiate(target, { security, token: shown })).close();
      }
      await camera.close();
      const { fastGranted, tokensUsed, tokensForged } = camera.metrics().counters;
      expect({ fastGranted, tokensUsed, tokensForged }).toEqual({
        ...{ fastGranted: returned - 1, tokensUsed: returned - 1, tokensForged: 0 },
      });
    });
  },
);
