import type { AdmissionLimits } from '../engine/admission.ts';
import type { InitiatorOutput, Peer, ResponderOutput } from '../engine/io-types.ts';
import type { Log } from '../observe/log.ts';
import type { Profile, ProfileName } from '../protocol/profiles.ts';
import type { Methods } from './methods.ts';
import type { SecurityOptions } from './security.ts';

/** How an end makes its own link worse, to see what loss does. */
export interface DropOptions {
  /** Fraction of datagrams lost, each way, 0..0.95. */
  readonly fraction: number;
  /** u32; the same seed drops the same datagrams, counted from the first. */
  readonly seed: number;
}

/** A viewer that asks for a stream. */
export interface AuthorizeRequest {
  /** Not yet proven: the START may come from a forged address. */
  readonly peer: Peer;
  /** One of the camera's streams: as asked for, or its only one. */
  readonly streamName: string;
  readonly streamId: bigint;
}

/** A viewer is admitted (`true`), refused by policy (`false`), or refused with a code. */
export type AuthorizeVerdict =
  | boolean
  | {
      /** One of `ErrorCode`, or an application's own 0x80..0xFF. RESOURCE and BUSY let the viewer try on. */
      readonly code: number;
      /** When the viewer may ask again, ms; sent as 1000 or more. */
      readonly retryAfterMs?: number;
      /** For people at the other end, 64 bytes of UTF-8 at most. */
      readonly reason?: string;
    };

/** Which socket sends: Node's own, one that hands many datagrams to the system at once, or that one where it works. */
export const socketChoices = ['auto', 'dgram', 'batch'] as const;

/** One of {@link socketChoices}. */
export type SocketChoice = (typeof socketChoices)[number];

interface SharedOptions {
  /** Default `{ mode: 'none' }` on loopback; elsewhere it must be said. */
  readonly security?: SecurityOptions | undefined;
  /** Timers: a profile's name or all of its figures; default `'default'`. */
  readonly profile?: ProfileName | Profile | undefined;
  /** Answer (camera) or send (viewer) requests for lost datagrams; default true. */
  readonly repair?: boolean | undefined;
  /** Impair the own link; default: not at all. */
  readonly drop?: DropOptions | undefined;
  /** Ends it: with BYE where somebody is there to hear it. */
  readonly signal?: AbortSignal | undefined;
  /** What the other end may ask for over the session; default: nothing but a camera's own methods. */
  readonly methods?: Methods | undefined;
  /**
   * How datagrams leave. Default `'auto'`: a camera sends in batches where koffi is installed and the system can (Linux on x64 or
   * arm64), and says in one line when not; a viewer, who hardly sends, does not. `'batch'` fails where it cannot.
   */
  readonly socket?: SocketChoice | undefined;
  /** Hears of what is worth a line; default: nobody does. */
  readonly logger?: Log | undefined;
}

/**
 * Options of `respond()`. `Source` is what streams are made of; the layer that knows sources names it.
 */
export interface RespondOptions<Source> extends SharedOptions {
  /** 0..65535, 0 for any; default 4444. */
  readonly port?: number | undefined;
  /** Address to bind; default `127.0.0.1`, so that nothing is exposed by accident. `::` or `0.0.0.0`: all interfaces. */
  readonly host?: string | undefined;
  /** With an IPv6 host: IPv4 viewers too; default true. */
  readonly dualStack?: boolean | undefined;
  /** At least one, by name (1..64 bytes of UTF-8). */
  readonly streams: Readonly<Record<string, Source>>;
  /** Limits on strangers; each figure has a default, see {@link AdmissionLimits}. */
  readonly limits?: Partial<AdmissionLimits> | undefined;
  /**
   * Viewers are given tokens, and who comes back with one has media a round trip earlier, before its confirm; default false. Not in
   * mode `keys`.
   */
  readonly fast?: boolean | undefined;
  /** First datagram size of media in bytes: 1200 (default), 600 or 296. */
  readonly datagramBytesMax?: number | undefined;
  /** 32 secret bytes, kept over restarts, so that viewers of the process before learn of it at their next PING; default: drawn. */
  readonly resetKey?: Uint8Array | undefined;
  /** Decides within a second whether a viewer may have a stream; default: every viewer may. */
  readonly authorize?: ((request: AuthorizeRequest) => AuthorizeVerdict | Promise<AuthorizeVerdict>) | undefined;
  /** Asked of the operating system in bytes, 4096..1 GiB; default 208 KiB, some 500 STARTs: see {@link RESPONDER_RECEIVE_BUFFER_BYTES}. */
  readonly receiveBufferBytes?: number | undefined;
  /** Hears every output of the engine, trace outputs included; for timelines and logs. Monotonic ms. */
  readonly trace?: ((output: ResponderOutput, nowMs: number) => void) | undefined;
}

/** Options of `initiate()`. `Sink` is where media can go; the layer that knows sinks names it. */
export interface InitiateOptions<Sink = never> extends SharedOptions {
  /**
   * Ask for media before the confirm, with the token of this process's last session with the camera; default false, or true where
   * `token` is given. Not in mode `keys`.
   */
  readonly fast?: boolean | undefined;
  /** What an earlier stream had as its `token`, 1..52 bytes; default: the one that this process remembers. */
  readonly token?: Uint8Array | undefined;
  /** From the call to Streaming at most, 100 ms..10 min; default: the profile's. */
  readonly timeoutMs?: number | undefined;
  /** Play-out time in ms: how long a gap is waited for, 0..10,000; default 200. */
  readonly latencyMs?: number | undefined;
  /** Frames that wait to be read, 1..65,536; then the oldest goes, counted. Default 256. */
  readonly frameQueueMax?: number | undefined;
  /** Where media goes besides `frames()`; default: nowhere. */
  readonly sink?: Sink | undefined;
  /** Also give out RTP datagrams in order; default false. */
  readonly datagrams?: boolean | undefined;
  /** Address of this host to come from, where it has several; default: the operating system chooses. */
  readonly localAddress?: string | undefined;
  /** 0..65535, 0 (default) for any. */
  readonly localPort?: number | undefined;
  /** T1's first interval in ms, 1..60,000; default: the profile's. */
  readonly rtoInitialMs?: number | undefined;
  /** Hears every output of the engine, trace outputs included; for timelines and logs. Monotonic ms. */
  readonly trace?: ((output: InitiatorOutput, nowMs: number) => void) | undefined;
}
