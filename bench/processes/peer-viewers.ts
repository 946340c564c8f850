/** The viewers of one peer of `firstframe bench compare`, all in this process. */
import type { Lateness } from '../../src/io/delay-line.ts';
import type { ViewerSite } from '../compare/peer.ts';
import { type PeerLoad, type PeerSample, runPeerLoad } from '../compare/peer-load.ts';
import { peerNamed } from '../compare/peers.ts';
import { serve } from './serve.ts';

/** What it is asked for. */
export interface PeerViewersOptions extends ViewerSite {
  /** Name of the peer. */
  readonly peer: string;
}

serve<PeerViewersOptions, Record<string, never>, undefined, PeerLoad, PeerSample, Lateness>(
  async ({ peer, ...site }) => {
    const viewers = await peerNamed(peer).viewers(site);
    return {
      ready: {},
      report: () => undefined,
      run: (load, tell) => runPeerLoad(viewers, load, tell),
    };
  },
);
