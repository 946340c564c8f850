/** What the threads of a camera say to each other, besides datagrams, which go through rings. */
import type {
  AuthorizeRequest,
  AuthorizeVerdict,
  DropOptions,
  RespondOptions,
  SocketChoice,
} from '../../config/options.ts';
import type { AdmissionLimits } from '../../engine/admission.ts';
import type { HintName, MetricsSnapshot } from '../../engine/counters.ts';
import type {
  ClosedOutput,
  ExchangeInput,
  ExchangeOutput,
  Peer,
  ResponderOutput,
  SessionHandle,
} from '../../engine/io-types.ts';
import type { SharedKeys, WorkerShare } from '../../engine/worker-share.ts';
import type { LogLevel } from '../../observe/log.ts';
import type { SecuredMode } from '../../security/credentials.ts';
import type { SocketKind } from '../datagram-socket.ts';
import type { SourceDescription } from '../media-source.ts';
import type { LoadOutput } from '../respond.ts';
import type { LineLevel } from './remote-log.ts';

/** How datagrams come to the workers: by the main thread, or by a socket of each that the system spreads them over. */
export type Sharing = 'receiver' | 'reusePort';

/** A camera's `security` as it crosses threads. A list of viewers that is asked stays where it is. */
export interface WorkerSecurity {
  readonly mode: SecuredMode | 'none';
  readonly psk?: Uint8Array;
  readonly privateKey?: Uint8Array;
}

/** A frame on its way to all workers: its units lie one after the other in memory that all have, so that it is copied once. */
export interface SharedUnit {
  readonly memory: SharedArrayBuffer;
  /** Bytes of each unit. */
  readonly lengths: readonly number[];
  readonly timestamp: number;
  readonly keyframe: boolean;
  readonly frameIntervalMs: number;
}

/** What a source is, as far as a worker can use it. */
export interface SharedSourceDescription {
  readonly description: SourceDescription;
  readonly runs: 'always' | 'on-demand';
  readonly makesKeyframes: boolean;
  readonly changesBitrate: boolean;
}

/** The main thread's socket, when it receives for all. */
export interface HandedSocketOptions {
  readonly local: Peer;
  readonly receiveBufferBytes: number;
  /** Its descriptor, which the worker may send on. */
  readonly fd: number | undefined;
}

/** What a worker is started with. */
export interface WorkerStart {
  readonly share: WorkerShare;
  readonly keys: SharedKeys;
  /** Of the main thread, see {@link alignClock}. */
  readonly clockOffsetMs: number;
  /** Numeric. */
  readonly address: string;
  readonly port: number;
  readonly dualStack: boolean;
  readonly profile: RespondOptions<unknown>['profile'];
  readonly fast: boolean;
  readonly repair: boolean;
  readonly drop: DropOptions | undefined;
  readonly socket: SocketChoice;
  /** This worker's part. */
  readonly limits: AdmissionLimits;
  readonly datagramBytesMax: number;
  readonly receiveBufferBytes: number;
  readonly security: WorkerSecurity;
  /** Whether the application must be asked for each viewer. */
  readonly authorizes: boolean;
  /** Lowest that the camera's logger writes, if there is one. */
  readonly logLevel: LogLevel | undefined;
  /** Whether the application hears every output. */
  readonly traces: boolean;
  /** Names of the application's methods. */
  readonly methods: readonly string[];
  readonly streams: Readonly<Record<string, SharedSourceDescription>>;
  /** Absent when the worker has a socket of its own. */
  readonly handed: HandedSocketOptions | undefined;
  /** Rings, by who reads them. */
  readonly toWorker: SharedArrayBuffer;
  readonly toMain: SharedArrayBuffer;
  /** A word: frames that the worker has taken. */
  readonly framesTaken: SharedArrayBuffer;
  /** A word: the answer to the question whether a viewer may look, see {@link AskedViewers}. */
  readonly viewerAnswer: SharedArrayBuffer;
  /** See {@link Crossings}. */
  readonly crossings: SharedArrayBuffer;
}

/** The reader of a ring is to look into it. */
export const WAKE = 0;

/** What a worker hears. */
export type ToWorker =
  | typeof WAKE
  | { readonly kind: 'frame'; readonly stream: string; readonly unit: SharedUnit }
  /** The source's state now: an answer to `joinSource`, and whenever it changes. */
  | { readonly kind: 'described'; readonly stream: string; readonly source: SharedSourceDescription }
  | { readonly kind: 'joined'; readonly stream: string; readonly error: string | undefined }
  | { readonly kind: 'ended'; readonly stream: string; readonly error: string | undefined }
  | { readonly kind: 'verdict'; readonly question: number; readonly verdict: AuthorizeVerdict | 'failed' }
  | { readonly kind: 'sendFailed'; readonly to: Peer; readonly hint: HintName; readonly bytes: number }
  | { readonly kind: 'socketFailed' }
  /** The socket has room for what had to wait. */
  | { readonly kind: 'room' }
  | { readonly kind: 'closeSession'; readonly session: SessionHandle; readonly code: number; readonly reason?: string }
  | { readonly kind: 'exchange'; readonly session: SessionHandle; readonly input: ExchangeInput }
  | { readonly kind: 'close'; readonly atOnce: boolean };

/** A viewer of a worker. */
export interface WorkerViewer {
  readonly session: SessionHandle;
  readonly peer: Peer;
  readonly streamId: bigint;
  readonly publicKey: Uint8Array | undefined;
}

/** An output of a worker's engine, and when it was made, monotonic ms. */
export interface TracedOutput {
  readonly output: ResponderOutput;
  readonly atMs: number;
}

/** What a worker counts, from time to time and at its end. */
export interface WorkerFigures {
  readonly metrics: MetricsSnapshot;
  readonly sessions: number;
  readonly pending: number;
  readonly underLoad: boolean;
}

/** What a worker says. */
export type FromWorker =
  | typeof WAKE
  | {
      readonly kind: 'ready';
      readonly local: Peer;
      readonly receiveBufferBytes: number;
      readonly socket: SocketKind;
      readonly notices: readonly string[];
    }
  | { readonly kind: 'startFailed'; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'figures'; readonly figures: WorkerFigures }
  | { readonly kind: 'joinSource' | 'leaveSource' | 'requestKeyframe'; readonly stream: string }
  | { readonly kind: 'setBitrate'; readonly stream: string; readonly bitsPerSecond: number }
  | { readonly kind: 'authorize'; readonly question: number; readonly request: AuthorizeRequest }
  | { readonly kind: 'mayLook'; readonly question: number; readonly publicKey: Uint8Array }
  | { readonly kind: 'streaming'; readonly viewer: WorkerViewer }
  | {
      readonly kind: 'left';
      readonly session: SessionHandle;
      readonly code: number;
      readonly reason: string | undefined;
    }
  | { readonly kind: 'moved'; readonly session: SessionHandle; readonly before: Peer; readonly peer: Peer }
  | { readonly kind: 'closed'; readonly closed: ClosedOutput }
  | { readonly kind: 'load'; readonly load: LoadOutput }
  | { readonly kind: 'exchange'; readonly output: ExchangeOutput }
  | { readonly kind: 'trace'; readonly outputs: readonly TracedOutput[] }
  | { readonly kind: 'methodFailed'; readonly method: string; readonly message: string }
  | { readonly kind: 'log'; readonly level: LineLevel; readonly fields: object; readonly message: string };
