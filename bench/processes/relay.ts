/** The relay in a process of its own: one way to a camera and one to an echo, over links that are alike. */
import type { Peer } from '../../src/engine/io-types.ts';
import { type RelayStats, UdpRelay } from '../../src/io/udp-relay.ts';
import type { LinkModel } from '../../src/sim/link-model.ts';
import { serve } from './serve.ts';

/** What a relay is asked for. */
export interface RelayOptions {
  readonly camera: Peer;
  readonly echo: Peer;
  readonly seed: number;
  readonly toCamera: LinkModel;
  readonly toViewer: LinkModel;
  readonly limits: { readonly lanesMax: number; readonly laneIdleMs: number; readonly heldMax: number };
}

/** Where it listens, for each. */
export interface RelayReady {
  readonly camera: Peer;
  readonly echo: Peer;
}

serve<RelayOptions, RelayReady, RelayStats>(async ({ camera, echo, seed, ...options }) => {
  const cameraRelay = await UdpRelay.open({ ...options, camera, seed });
  const echoRelay = await UdpRelay.open({ ...options, camera: echo, seed: (seed + 1) >>> 0 });
  return { ready: { camera: cameraRelay.local, echo: echoRelay.local }, report: () => cameraRelay.stats };
});
