import type { Profile } from '../protocol/profiles.ts';
import type { RunInspector } from './handshake-result.ts';
import { InvariantWatch } from './invariants/invariant-watch.ts';

/** Watches every promise of docs/PROTOCOL.md, section 10, in one run. */
export function invariantInspector(profile: Profile): RunInspector {
  const watch = new InvariantWatch({ profile });
  return {
    see: (event, world) => watch.see(event, world),
    finish: (world) => {
      watch.finish(world);
      return watch.violations.map(({ id, atMs, detail }) => `${id} at ${atMs.toFixed(1)} ms: ${detail}`);
    },
  };
}
