/**
 * firstframe: from "I want this camera" to the first picture over UDP. See README.md.
 */
export type { CallOptions, ExchangeBody, Method, MethodRequest, MethodResult, Methods } from './config/methods.ts';
export type {
  AuthorizeRequest,
  AuthorizeVerdict,
  DropOptions,
  InitiateOptions,
  RespondOptions,
  SecurityOptions,
  SocketChoice,
} from './config/settings.ts';
export type { MetricsSnapshot } from './engine/counters.ts';
export {
  ConfigError,
  ExchangeError,
  type FailureCode,
  HandshakeError,
  SessionError,
  type SettingProblem,
} from './errors.ts';
export type { ExchangeAnswer } from './io/caller.ts';
export type { SocketKind } from './io/datagram-socket.ts';
export { initiate } from './io/initiate.ts';
export type { MediaSink, SinkReport } from './io/media-sink.ts';
export type { MediaSource, SourceDescription, SourceTarget } from './io/media-source.ts';
export type { ReceivedStream, StreamEnd } from './io/received-stream.ts';
export { type LoadOutput, type Responder, type ResponderEvents, respond } from './io/respond.ts';
export type { SecuredSession } from './io/secured-session.ts';
export { annexbFile, annexbStream } from './io/sinks/annexb-sink.ts';
export { execSink } from './io/sinks/exec-sink.ts';
export { nullSink } from './io/sinks/null-sink.ts';
export { rtpSink } from './io/sinks/rtp-sink.ts';
export { SinkError } from './io/sinks/sink-error.ts';
export { testSink } from './io/sinks/test-sink.ts';
export { execSource } from './io/sources/exec-source.ts';
export { h264File } from './io/sources/h264-file.ts';
export { h264Stream } from './io/sources/h264-stream.ts';
export { rtpSource } from './io/sources/rtp-source.ts';
export { SourceError } from './io/sources/source-error.ts';
export { testSource } from './io/sources/test-source.ts';
export type { ViewerSession } from './io/viewer.ts';
export { type ResponderWorkers, respondWorkers } from './io/workers/respond-workers.ts';
export type {
  RespondWorkersEvents,
  RespondWorkersOptions,
  WorkersTrace,
  WorkerViewerSession,
} from './io/workers/worker-options.ts';
export type { AccessUnit, MediaFormat, ReceivedFrame } from './media/access-unit.ts';
export type { ReceiveStats } from './media/receive-stats.ts';
export { createLog, type Log, type LogLevel } from './observe/log.ts';
export { Metrics } from './observe/metrics.ts';
export { ErrorCode, type ErrorCodeName, errorCodeHelp, errorCodeName } from './protocol/error-code.ts';
export { ExchangeFault, type ExchangeFaultName, MethodStatus } from './protocol/exchange-fault.ts';
export { type Profile, type ProfileName, profiles } from './protocol/profiles.ts';
export { type AllowedViewers, publicKeyOf } from './security/credentials.ts';
