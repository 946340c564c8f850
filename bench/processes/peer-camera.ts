/** A camera of one peer of `firstframe bench compare`, in a process of its own. */
import type { CameraSite } from '../compare/peer.ts';
import { peerNamed } from '../compare/peers.ts';
import { serve } from './serve.ts';

/** What it is asked for. */
export interface PeerCameraOptions extends CameraSite {
  /** Name of the peer. */
  readonly peer: string;
}

/** Where it listens. */
export interface PeerCameraReady {
  readonly port: number;
}

serve<PeerCameraOptions, PeerCameraReady, undefined>(async ({ peer, ...site }) => {
  return { ready: { port: await peerNamed(peer).camera(site) }, report: () => undefined };
});
