import type { ProtectMedia } from '../engine/media-protection.ts';
import { srtpMedia } from '../engine/srtp-media.ts';
import {
  cameraCredentials,
  type InitiatorCredentials,
  pskCredentials,
  type ResponderCredentials,
  type SecuredMode,
  viewerCredentials,
} from '../security/credentials.ts';
import { KeyPair } from '../security/x25519.ts';
import { Prng } from './prng.ts';

/** Tells the draws of keys from those of the world that uses them. */
const KEYS_STREAM = 0x4b45_5953;

/** How an endpoint of a secured world is made; of sealed frames a watch knows what traces tell. */
export interface SecuredEnd<Credentials> {
  readonly security: Credentials;
  readonly protectMedia: ProtectMedia;
  readonly trace: true;
}

/** What both ends of a secured world are made with. */
export interface SecuredEnds {
  readonly camera: SecuredEnd<ResponderCredentials>;
  readonly viewer: SecuredEnd<InitiatorCredentials>;
}

/** Options for the ends of a simulated world, with keys by its seed: all viewers have the same. They protect nothing. */
export function securedEnds(mode: SecuredMode, seed: number): SecuredEnds {
  const { camera, viewer } = credentials(mode, seed);
  const both = { protectMedia: srtpMedia, trace: true } as const;
  return { camera: { security: camera, ...both }, viewer: { security: viewer, ...both } };
}

function credentials(mode: SecuredMode, seed: number) {
  const prng = new Prng(seed, KEYS_STREAM);
  const draw = (): Uint8Array => {
    const bytes = new Uint8Array(32);
    prng.fill(bytes);
    return bytes;
  };
  if (mode === 'psk') {
    const both = pskCredentials(draw());
    return { camera: both, viewer: both };
  }
  const [camera, viewer] = [KeyPair.of(draw()), KeyPair.of(draw())];
  const known = viewer.publicKey.join();
  return {
    camera: cameraCredentials(camera, { allows: (key) => key.join() === known }),
    viewer: viewerCredentials(viewer, camera.publicKey),
  };
}
