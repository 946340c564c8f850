import { randomBytes } from 'node:crypto';
import type { SecurityMode, SecurityOptions } from '../../src/config/security.ts';
import { monotonicMs } from '../../src/io/clock.ts';
import { initiate } from '../../src/io/initiate.ts';
import { respond } from '../../src/io/respond.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { raisedLimits } from '../handshake-cell.ts';
import { frameBytesOf, still } from '../still-source.ts';
import type { ComparePeer, Leave, Prepared } from './peer.ts';

const VIEWERS_MAX = 16_384;

const keyed: Readonly<Record<SecurityMode, string>> = {
  none: 'without encryption',
  psk: 'encrypted, a key that both have',
  keys: 'encrypted, public keys on both sides',
};

/** This project, with its default profile, in one of its modes. */
export function firstframePeer(name: string, mode: SecurityMode): ComparePeer {
  return {
    name,
    title: `firstframe, ${keyed[mode]}`,
    counts: 'from initiate() to the first media datagram: socket, three messages, media',
    prepare: async () => prepare(mode),
    async camera({ address, keyframeDatagrams, credentials }) {
      const camera = await respond({
        host: address,
        port: 0,
        security: cameraSecurity(mode, credentials),
        streams: { bench: still(frameBytesOf(keyframeDatagrams)) },
        limits: raisedLimits(VIEWERS_MAX, 1).camera,
      });
      return camera.local.port;
    },
    async viewers({ address, port, credentials, timeoutMs }) {
      const security = viewerSecurity(mode, credentials);
      const options = { security, timeoutMs };
      return { watch: (signal) => watch(`${address}:${port}/bench`, { ...options, signal }) };
    },
  };
}

async function watch(target: string, options: Parameters<typeof initiate>[1]): Promise<Leave> {
  const beganAtMs = monotonicMs();
  const stream = await initiate(target, options);
  // It resolves without media when the handshake is done and none comes for a while; a key frame that was lost is repaired later.
  if (stream.timeToStreamMs === undefined) {
    await new Promise<void>((resolve, reject) => {
      stream.once('firstFrame', () => resolve());
      void stream.ended.then(() => reject(new Error(`no media in ${Math.round(monotonicMs() - beganAtMs)} ms`)));
    });
  }
  return () => void stream.close();
}

function prepare(mode: SecurityMode): Prepared {
  if (mode === 'none') return { ok: true, credentials: {} };
  if (mode === 'psk') return { ok: true, credentials: { psk: randomBytes(32).toString('hex') } };
  const [camera, viewer] = [randomBytes(32), randomBytes(32)];
  const ofCamera = { cameraKey: hex(camera), cameraPublic: hex(KeyPair.of(camera).publicKey) };
  return {
    ok: true,
    credentials: { ...ofCamera, viewerKey: hex(viewer), viewerPublic: hex(KeyPair.of(viewer).publicKey) },
  };
}

type Credentials = Readonly<Record<string, string>>;

function cameraSecurity(mode: SecurityMode, { psk, cameraKey, viewerPublic }: Credentials): SecurityOptions {
  if (mode === 'none') return { mode };
  if (mode === 'psk') return { mode, psk: bytes(psk) };
  return { mode, privateKey: bytes(cameraKey), allowedViewers: [bytes(viewerPublic)] };
}

function viewerSecurity(mode: SecurityMode, { psk, viewerKey, cameraPublic }: Credentials): SecurityOptions {
  if (mode === 'none') return { mode };
  if (mode === 'psk') return { mode, psk: bytes(psk) };
  return { mode, privateKey: bytes(viewerKey), peerKey: bytes(cameraPublic) };
}

function hex(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}

function bytes(text: string | undefined): Uint8Array {
  return Uint8Array.from(Buffer.from(text ?? '', 'hex'));
}
