import { repeatMs } from '../../machines/index.ts';
import { type PathProof, PathValidation } from './path-validation.ts';
import type { ResponderHost } from './responder-host.ts';
import type { SessionCore } from './session-core.ts';

/** Looks after where one responder's session goes. @param move is told to move it. */
export function responderPath(
  core: SessionCore,
  host: ResponderHost,
  move: (proof: PathProof) => void,
): PathValidation {
  return new PathValidation({
    get sessionTag() {
      return core.sessionTag;
    },
    get peer() {
      return core.peer;
    },
    get nowMs() {
      return core.nowMs;
    },
    get repeatMs() {
      return repeatMs(host.profile.pingRepeatMs, core.rtt.ms);
    },
    challenge: (to) => core.sendPathChallenge(to),
    mayMoveTo: (tupleKey) => host.isFree(tupleKey),
    move,
    count: (name) => host.counters.add(name),
  });
}
