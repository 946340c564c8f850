import { describe, expect, it } from 'vitest';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { Peer, ResponderInput, ResponderOutput } from '../../src/engine/io-types.ts';
import type { ProtectedSession } from '../../src/engine/media-protection.ts';
import { addressPrefix } from '../../src/engine/prefix.ts';
import { ResponderEndpoint, type ResponderEndpointOptions } from '../../src/engine/responder-endpoint.ts';
import { srtpMedia } from '../../src/engine/srtp-media.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import {
  FAST_BYTES_BASE,
  FAST_BYTES_PER_RECEIVED,
  FAST_MS,
  PENDING_UNDER_LOAD_MS,
} from '../../src/protocol/constants.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { TOKENS_MEMORY_BYTES, Tokens } from '../../src/security/tokens.ts';
import { Prng } from '../../src/sim/prng.ts';
import { securedEnds } from '../../src/sim/simulated-security.ts';
import { controlSent } from '../support/attack-world.ts';
import { startBytes } from '../support/frames.ts';

const ends = securedEnds('psk', 1);
const camera: Peer = { address: '192.0.2.200', port: 4444 };
const from: Peer = { address: '192.0.2.1', port: 5000 };

/** A camera, and the START of a viewer with a token that is good there. The application has more to send than is allowed. */
function candidate(options: Partial<ResponderEndpointOptions> = {}) {
  const tokens = { key: new Uint8Array(32).fill(9), memory: new SharedArrayBuffer(TOKENS_MEMORY_BYTES) };
  const token = new Tokens(tokens.key, tokens.memory).issue(addressPrefix(from.address), 0);
  if (token === undefined) throw new Error('no token');
  const common = { profile: profiles.default, fast: true } as const;
  const endpoint = new ResponderEndpoint({ ...common, tokens, entropy: new Prng(1), ...options });
  const { security } = ends.viewer;
  const secured = options.security === undefined ? {} : { security };
  const viewer = new InitiatorEndpoint({ ...common, entropy: new Prng(2), peer: camera, token, ...secured });
  const [start] = controlSent(viewer.step({ kind: 'start' }, 0));
  if (start === undefined) throw new Error('no START');
  const outputs: ResponderOutput[] = [];
  const step = (input: ResponderInput, nowMs: number) => outputs.push(...endpoint.step(input, nowMs));
  return {
    endpoint,
    outputs,
    start,
    step,
    receive: (nowMs: number) => step({ kind: 'datagram', bytes: start, from }, nowMs),
    /** The application's yes, and all that is due until the allowance is over. */
    reserve(): void {
      const feed = new StreamFeed({ format: 'generic' });
      feed.push({ units: [new Uint8Array(200_000)], timestamp: 0, keyframe: true }, 10, 0);
      const asked = outputs.find((output) => output.kind === 'reserve');
      if (asked?.kind !== 'reserve') throw new Error('nobody asked');
      step({ kind: 'reserved', session: asked.session, feed }, 10);
      for (let nowMs = 10; nowMs < 10 + FAST_MS; nowMs++) step({ kind: 'timeout' }, nowMs);
    },
    mediaBytes: () => outputs.reduce((sum, output) => sum + (output.kind === 'media' ? output.bytes.length : 0), 0),
  };
}

describe('a candidate that showed a token', () => {
  it('is sent no more than its STARTs have earned, those included that came while the application was asked (S2)', () => {
    const { start, receive, reserve, mediaBytes } = candidate();
    for (const nowMs of [0, 5]) receive(nowMs);
    reserve();
    const allowed = FAST_BYTES_BASE + 2 * FAST_BYTES_PER_RECEIVED * start.length;
    expect(mediaBytes()).toBeLessThanOrEqual(allowed);
    expect(mediaBytes()).toBeGreaterThan(allowed - 1200);
  });

  it('has its media protected by whoever the application chose, who is told which end this is', () => {
    const asked: ProtectedSession[] = [];
    const protectMedia = (session: ProtectedSession) => {
      asked.push(session);
      return srtpMedia(session);
    };
    const { receive, reserve, mediaBytes } = candidate({ security: ends.camera.security, protectMedia });
    receive(0);
    reserve();
    expect(asked.map(({ role }) => role)).toEqual(['responder']);
    expect(mediaBytes()).toBeGreaterThan(FAST_BYTES_BASE);
  });

  it('is kept for 3 s only once the camera is under load, like those that sleep', () => {
    const load = { pending: 2, startsPerSecond: 500, lateMs: 50 };
    const { endpoint, outputs, receive, reserve, step } = candidate({ limits: { load } });
    receive(0);
    reserve();
    // So that it is queued for the end of its 10 s, and no longer for that of the application's second.
    step({ kind: 'timeout' }, 1000);
    step({ kind: 'datagram', bytes: startBytes(9n), from: { ...from, address: '198.51.100.1' } }, 1000);
    expect(endpoint.underLoad).toBe(true);
    const closed = () => outputs.flatMap((output) => (output.kind === 'closed' ? [output.session] : []));
    step({ kind: 'timeout' }, 1000 + PENDING_UNDER_LOAD_MS - 1);
    expect(closed()).not.toContain(1);
    step({ kind: 'timeout' }, 1000 + PENDING_UNDER_LOAD_MS);
    expect(closed()).toContain(1);
  });

  it('is sent nothing where nothing can protect it', () => {
    const { endpoint, receive, reserve, mediaBytes } = candidate({ security: ends.camera.security });
    receive(0);
    reserve();
    expect([mediaBytes(), endpoint.pendingCount]).toEqual([0, 1]);
    expect(endpoint.counters.snapshot().counters.fastGranted).toBe(1);
  });
});
