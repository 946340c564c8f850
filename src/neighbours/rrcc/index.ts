/**
 * `firstframe/rrcc`: RRCC, a leader that has a follower compute in rounds, over pipes, TCP, TLS, datagrams or a session. See docs/RRCC.md.
 */
export { type MemoryPair, type MemoryPairOptions, memoryPair } from '../core/memory-transport.ts';
export type {
  Refusal,
  Transport,
  TransportCounter,
  TransportEnd,
  TransportEvents,
  TransportLimits,
} from '../core/transport.ts';
export {
  connectDatagrams,
  type DatagramListener,
  type DatagramListenOptions,
  type DatagramTransport,
  listenDatagrams,
} from '../datagram-transport.ts';
export {
  type ChildEnd,
  type ChildOptions,
  type ChildTransport,
  spawnTransport,
  standardTransport,
} from '../process-transport.ts';
export { StreamTransport, type StreamTransportOptions } from '../stream-transport.ts';
export {
  type ConnectOptions,
  connectTcp,
  connectTls,
  type ListenOptions,
  listenTcp,
  listenTls,
  type TransportListener,
} from '../tcp-transport.ts';
export { virtualTiming } from '../virtual-timing.ts';
export {
  type RrccFollower,
  type RrccFollowerOptions,
  type RrccMethod,
  rrccFollower,
} from './follower.ts';
export {
  type RrccCallOptions,
  type RrccLeader,
  type RrccLeaderOptions,
  type RrccMessageOptions,
  type RrccRound,
  rrccLeader,
} from './leader.ts';
export { type FailedStatus, RrccError, type RrccErrorCode } from './rrcc-error.ts';
export { serveThread } from './serve-thread.ts';
export {
  cameraTransport,
  RRCC_SESSION_BYTES_MAX,
  RRCC_SESSION_METHOD,
  type SessionPort,
  sessionTransport,
  viewerTransport,
} from './session-binding.ts';
export {
  inProcess,
  type RrccCall,
  type RrccHandler,
  type RrccResult,
  type RrccWorker,
  threadWorker,
  WorkerDied,
} from './worker.ts';
