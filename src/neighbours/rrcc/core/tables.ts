import {
  type RrccFollowerContext,
  type RrccFollowerEvent,
  type RrccFollowerState,
  type RrccLeaderContext,
  type RrccLeaderEvent,
  type RrccLeaderState,
  rrccFollowerMachine,
  rrccLeaderMachine,
} from '../../../../machines/index.ts';
import { compileMachine } from '../../../engine/compile.ts';

/** What every exchange of a leader runs on. */
export const rrccLeaderTable = compileMachine<RrccLeaderState, RrccLeaderContext, RrccLeaderEvent, undefined>(
  rrccLeaderMachine,
);

/** What every exchange of a follower runs on. */
export const rrccFollowerTable = compileMachine<RrccFollowerState, RrccFollowerContext, RrccFollowerEvent, undefined>(
  rrccFollowerMachine,
);
