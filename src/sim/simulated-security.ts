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

/** What both ends of a simulated world have. */
export interface SimulatedCredentials {
  readonly camera: ResponderCredentials;
  readonly viewer: InitiatorCredentials;
}

/** Keys for the ends of a simulated world, by its seed: all viewers have the same. They protect nothing. */
export function simulatedCredentials(mode: SecuredMode, seed: number): SimulatedCredentials {
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
