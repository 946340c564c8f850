/**
 * What goes into an endpoint and what comes out: plain data, no sockets, no clocks. Time is monotonic ms.
 */
import type { AnswerOutcome } from '../../machines/exchange-answerer.ts';
import type { InitiatorState, ResponderState } from '../../machines/types.ts';
import type { ReceivedFrame } from '../media/access-unit.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import type { ExchangeStatus, Frame, SecuredHandshakeFrame } from '../protocol/frame.ts';
import type { DropReason, HintName } from './counters.ts';
import type { LoadCause } from './load-meter.ts';
import type { MediaSend } from './media-gate.ts';

/** How an exchange that came ended. */
export type { AnswerOutcome };

/** The other end of a tuple. */
export interface Peer {
  /** Numeric address as the operating system prints it. */
  readonly address: string;
  readonly port: number;
}

/** Names a session within one endpoint; never used twice. */
export type SessionHandle = number;

/** Random bytes from outside: cryptographic in a shell, seeded in a simulation. */
export interface Entropy {
  /** Fills the whole array. */
  fill(target: Uint8Array): void;
}

/** Names an exchange that this end asked for; chosen by the application, never used twice in one session. */
export type CallHandle = number;

/** What an application does with exchanges (docs/PROTOCOL.md, section 9). */
export type ExchangeInput =
  /** Ask the other end. Ends in `answered` or `askFailed`. */
  | {
      readonly kind: 'ask';
      readonly call: CallHandle;
      /** 1 to 64 bytes of UTF-8. */
      readonly method: string;
      /** At most 16 KiB. */
      readonly body: Uint8Array;
      /** For each round, in ms; default and at most 30,000. */
      readonly timeoutMs?: number;
      /** The answer may be followed by a further round: `continue` or `stop` must say. Default false. */
      readonly rounds?: boolean;
    }
  /** One more round. */
  | { readonly kind: 'continue'; readonly call: CallHandle; readonly body: Uint8Array }
  /** No further round; or the answer is no longer wanted. */
  | { readonly kind: 'stop'; readonly call: CallHandle }
  /** What this end's method says to an `asked`. */
  | {
      readonly kind: 'answer';
      readonly requestId: bigint;
      readonly round: number;
      readonly status: ExchangeStatus;
      readonly body: Uint8Array;
    }
  /** Tell the other end, once and without an answer. */
  | { readonly kind: 'notify'; readonly method: string; readonly body: Uint8Array };

/** What an application hears of exchanges. */
export type ExchangeOutput =
  /** A method of this end is asked; told once for each round. Answer with `answer`. */
  | {
      readonly kind: 'asked';
      readonly session: SessionHandle;
      readonly requestId: bigint;
      /** From 1. */
      readonly round: number;
      readonly method: string;
      readonly body: Uint8Array;
    }
  /** Nothing more happens to an exchange that was `asked`. */
  | {
      readonly kind: 'askEnded';
      readonly session: SessionHandle;
      readonly requestId: bigint;
      readonly outcome: AnswerOutcome;
    }
  | {
      readonly kind: 'answered';
      readonly session: SessionHandle;
      readonly call: CallHandle;
      readonly round: number;
      /** The method's own result, u16. */
      readonly status: number;
      readonly body: Uint8Array;
    }
  | {
      readonly kind: 'askFailed';
      readonly session: SessionHandle;
      readonly call: CallHandle;
      /** See protocol/exchange-fault.ts. */
      readonly fault: number;
    }
  | {
      readonly kind: 'notified';
      readonly session: SessionHandle;
      readonly method: string;
      readonly body: Uint8Array;
    };

/** Inputs that both roles take. */
export type SharedInput =
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array; readonly from: Peer }
  | { readonly kind: 'timeout' }
  /** The operating system refused a datagram, or told of an ICMP message. */
  | { readonly kind: 'sendFailed'; readonly to: Peer; readonly hint: HintName; readonly bytes: number }
  | { readonly kind: 'socketFailed' };

/** Inputs of a responder's endpoint. */
export type ResponderInput =
  | SharedInput
  /** The application says yes to a `reserve` output. */
  | {
      readonly kind: 'reserved';
      readonly session: SessionHandle;
      readonly feed: StreamFeed;
      readonly sdp?: string;
    }
  | {
      readonly kind: 'refused';
      readonly session: SessionHandle;
      readonly code: number;
      readonly retryAfterMs?: number;
      readonly reason?: string;
    }
  /** The feed has new datagrams or has ended. */
  | { readonly kind: 'media'; readonly feed: StreamFeed }
  /** Send the newest group of its stream again. */
  | { readonly kind: 'refresh'; readonly session: SessionHandle }
  | { readonly kind: 'exchange'; readonly session: SessionHandle; readonly input: ExchangeInput }
  /** Ends one session, or all when none is named. */
  | { readonly kind: 'close'; readonly session?: SessionHandle; readonly code: number; readonly reason?: string };

/** Inputs of an initiator's endpoint. */
export type InitiatorInput =
  | SharedInput
  | { readonly kind: 'start' }
  | { readonly kind: 'exchange'; readonly input: ExchangeInput }
  | { readonly kind: 'close'; readonly code: number; readonly reason?: string };

/** A control frame for the socket. */
export interface ControlSend {
  readonly kind: 'send';
  readonly plane: 'control';
  readonly bytes: Uint8Array;
  readonly to: Peer;
  /** Of several queued ones of a session with this mark only the newest need be sent. */
  readonly replaces?: SessionHandle | undefined;
}

/** An RTCP packet for the socket; only a viewer sends any, so that a camera has no way for RTP but its gate. */
export interface FeedbackSend {
  readonly kind: 'send';
  readonly plane: 'feedback';
  readonly bytes: Uint8Array;
  readonly to: Peer;
}

/** A frame in a trace. */
export type TracedFrame = Frame | SecuredHandshakeFrame;

/** What happened, for logs and traces; made only when tracing is on. */
export type TraceOutput =
  | {
      readonly kind: 'traceFrame';
      readonly direction: 'sent' | 'received';
      /** As it was before it was sealed; a secured START, START_ACK or START_CONFIRM with its Noise message. */
      readonly frame: TracedFrame;
      readonly bytes: number;
      readonly peer: Peer;
    }
  | {
      readonly kind: 'traceTransition';
      readonly role: 'initiator' | 'responder';
      readonly session: SessionHandle;
      readonly streamId: bigint;
      readonly peer: Peer;
      readonly event: string;
      readonly from: InitiatorState | ResponderState;
      readonly to: InitiatorState | ResponderState;
    }
  | { readonly kind: 'traceDrop'; readonly reason: DropReason; readonly peer: Peer; readonly bytes: number };

/** How a session ended. */
export interface ClosedOutput {
  readonly kind: 'closed';
  readonly session: SessionHandle;
  readonly peer: Peer;
  readonly streamId: bigint;
  /** See protocol/error-code.ts. */
  readonly code: number;
  /** The peer's own words, or the last hint. */
  readonly reason?: string;
  readonly wasStreaming: boolean;
  /** STARTs sent; 0 on a responder. */
  readonly attempts: number;
}

/** Outputs of a responder's endpoint. */
export type ResponderOutput =
  | ControlSend
  | MediaSend
  | TraceOutput
  | ClosedOutput
  | ExchangeOutput
  /** Ask the application; answer with `reserved` or `refused` within a second. */
  | {
      readonly kind: 'reserve';
      readonly session: SessionHandle;
      readonly peer: Peer;
      readonly streamId: bigint;
      readonly streamName?: string;
    }
  /** From now on strangers are asked for a cookie first, and why; or no longer. */
  | { readonly kind: 'load'; readonly under: true; readonly cause: LoadCause }
  | { readonly kind: 'load'; readonly under: false }
  /** Not for this worker: the tag names another one, or, where `worker` is undefined, whoever has the tuple's session may want it. */
  | {
      readonly kind: 'otherWorker';
      readonly worker: number | undefined;
      readonly bytes: Uint8Array;
      readonly from: Peer;
    }
  /** The reservation is no longer needed. */
  | { readonly kind: 'release'; readonly session: SessionHandle }
  | { readonly kind: 'streaming'; readonly session: SessionHandle; readonly peer: Peer; readonly streamId: bigint }
  /** The viewer is at another address or port now, as it has proven; its media goes there. */
  | {
      readonly kind: 'moved';
      readonly session: SessionHandle;
      readonly streamId: bigint;
      readonly before: Peer;
      readonly peer: Peer;
    }
  | { readonly kind: 'peerBye'; readonly session: SessionHandle; readonly code: number; readonly reason?: string };

/** Outputs of an initiator's endpoint. */
export type InitiatorOutput =
  | ControlSend
  | FeedbackSend
  | TraceOutput
  | ClosedOutput
  | ExchangeOutput
  /** There is evidence that the confirm arrived. */
  | { readonly kind: 'streaming'; readonly elapsedMs: number; readonly attempts: number; readonly rttMs?: number }
  /** The first media datagram of the session, which time to stream is measured to. */
  | { readonly kind: 'firstMedia'; readonly timeToStreamMs: number }
  | { readonly kind: 'firstFrame'; readonly timeToFirstFrameMs: number }
  /** For the next session with this camera, once: fast mode. */
  | { readonly kind: 'token'; readonly token: Uint8Array }
  | { readonly kind: 'sdp'; readonly sdp: string | undefined }
  | { readonly kind: 'frame'; readonly frame: ReceivedFrame }
  /** An RTP datagram in order, when the viewer asked for them. */
  | { readonly kind: 'rtp'; readonly bytes: Uint8Array }
  | { readonly kind: 'peerBye'; readonly code: number; readonly reason?: string };
