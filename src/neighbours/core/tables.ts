import {
  type AnswerKeeperContext,
  type AnswerKeeperEvent,
  type AnswerKeeperState,
  answerKeeperMachine,
  type HeartbeatContext,
  type HeartbeatEvent,
  type HeartbeatInput,
  type HeartbeatState,
  type HelloContext,
  type HelloEvent,
  type HelloInput,
  type HelloState,
  heartbeatMachine,
  helloMachine,
  type ReconnectContext,
  type ReconnectEvent,
  type ReconnectInput,
  type ReconnectState,
  type RequestContext,
  type RequestEvent,
  type RequestInput,
  type RequestState,
  reconnectMachine,
  requestMachine,
} from '../../../machines/index.ts';
import { compileMachine } from '../../engine/compile.ts';

/** What every {@link Hello} runs on. */
export const helloTable = compileMachine<HelloState, HelloContext, HelloEvent, HelloInput>(helloMachine);

/** What every {@link Heartbeat} runs on. */
export const heartbeatTable = compileMachine<HeartbeatState, HeartbeatContext, HeartbeatEvent, HeartbeatInput>(
  heartbeatMachine,
);

/** What every request of a {@link RequestTracker} runs on. */
export const requestTable = compileMachine<RequestState, RequestContext, RequestEvent, RequestInput>(requestMachine);

/** What every request of an {@link AnswerKeeper} runs on. */
export const answerKeeperTable = compileMachine<AnswerKeeperState, AnswerKeeperContext, AnswerKeeperEvent, undefined>(
  answerKeeperMachine,
);

/** What every {@link Reconnect} runs on. */
export const reconnectTable = compileMachine<ReconnectState, ReconnectContext, ReconnectEvent, ReconnectInput>(
  reconnectMachine,
);
