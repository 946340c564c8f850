/**
 * `firstframe/procvision`: ProcVision, a runner that has images judged by an algorithm in a process of its own, in any language; and
 * what an algorithm in TypeScript is made with. See docs/PROCVISION.md.
 */
export type { RunnerFault } from '../../../machines/index.ts';
export {
  type AlgorithmCall,
  type AlgorithmHandler,
  type AlgorithmReturn,
  type ProcvisionAlgorithmOptions,
  procvisionAlgorithm,
} from './algorithm.ts';
export type { AlgorithmCommand } from './algorithm-process.ts';
export type { AlgorithmCallData, ImageReference } from './core/algorithm-call.ts';
export type { AlgorithmOptions } from './core/algorithm-core.ts';
export type { JsonObject } from './core/codec.ts';
export { type ErrorCodeMeaning, type ErrorCodeTable, meaningsOf } from './core/error-codes.ts';
export {
  type AlgorithmHello,
  DEFECTS_MAX,
  type ImageMeta,
  type Phase,
  type ProcvisionResult,
  phases,
  type Rectangle,
} from './core/messages.ts';
export { decodeNpy, encodeNpy, IMAGE_BYTES_MAX, type RgbImage, SIDE_MAX } from './core/npy.ts';
export type { EncodedImage } from './core/picture.ts';
export type { CallFailure, ProcessEnd } from './core/runner-io.ts';
export type { RunnerOptions } from './core/runner-options.ts';
export { type Inspection, type InspectSinkOptions, inspectSink } from './inspect-sink.ts';
export type { LogLine } from './log-lines.ts';
export { ProcvisionError, type ProcvisionErrorCode } from './procvision-error.ts';
export {
  type CallImage,
  type CallOptions,
  type ExecuteRequest,
  type ProcvisionRunner,
  type ProcvisionRunnerOptions,
  type ProcvisionState,
  procvisionRunner,
  type RunnerEnd,
} from './runner.ts';
export { readSharedImage, type SharedImage, sharedImageFolder } from './shared-images.ts';
