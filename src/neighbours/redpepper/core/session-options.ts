import { REDPEPPER_VERSION } from './message.ts';

/** Pace and limits of every session of one end. */
export interface SessionOptions {
  /** The version that is told and compared. Default 0.3.4. */
  readonly version?: string;
  /** From the connection to the end of the hellos, in ms. Default 3,000. */
  readonly helloMs?: number;
  /** From Ping to Ping, in ms; 0 for never. Default 30,000. */
  readonly pingIntervalMs?: number;
  /** How long a Pong may take, in ms. Default 5,000. */
  readonly pingTimeoutMs?: number;
  /** Pings beyond the first before the peer counts as dead: 0.3.4 may hold an answer back until more bytes come. Default 1. */
  readonly pingRetriesMax?: number;
  /** Requests of this end that wait for their answer at the same time. Default 64. */
  readonly requestsMax?: number;
  /** Time limit of a request, in ms, where it has none of its own. Default 30,000. */
  readonly requestMs?: number;
  /** Requests of the peer that wait or are worked on at the same time. Default 64. */
  readonly workingMax?: number;
  /** How long an answer is kept for copies of its request, in ms. Default 60,000. */
  readonly keepMs?: number;
  /** From message to message, at least, in ms. Default 5; 0 only where the peer is known not to be RedPepper 0.3.4. */
  readonly gapMs?: number;
  /** While answers are waited for and nothing else is sent: from Ping to Ping, in ms; 0 for never. Default 1,000. */
  readonly nudgeMs?: number;
  /** Messages that wait to be sent. Default 1,024. */
  readonly waitingMax?: number;
}

/** What holds where nothing is said. */
export const sessionDefaults: Required<SessionOptions> = {
  version: REDPEPPER_VERSION,
  helloMs: 3000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 5000,
  pingRetriesMax: 1,
  requestsMax: 64,
  requestMs: 30_000,
  workingMax: 64,
  keepMs: 60_000,
  gapMs: 5,
  nudgeMs: 1000,
  waitingMax: 1024,
};
