import type { RedPepperEnding } from '../../../../machines/index.ts';
import type { Settlement } from '../../core/request-tracker.ts';
import type { Tally } from '../../core/tally.ts';
import {
  type AgentHello,
  type ManagerHello,
  messageFaults,
  type Notification,
  type Request,
  type Response,
} from './message.ts';

/** Reasons of Bye that this end gives. Stable. */
export const ByeReason = {
  authentication: 'authentication failed',
  helloTimeout: 'hello timeout',
  expectedHello: 'expected hello',
  version: 'incompatible version',
  tooMany: 'too many connections',
  malformed: 'malformed message',
  empty: 'empty message',
  tooLong: 'message too long',
  superseded: 'superseded by another connection',
  pingTimeout: 'ping timeout',
  unread: 'messages are not read',
  shutdown: 'shutting down',
} as const;

/** What is counted, over all sessions of one end. */
export const sessionCounters = [
  'received',
  'sent',
  'queueFull',
  'otherVersion',
  'unexpected',
  'strayPong',
  'strayResponse',
  'duplicateRequest',
  'busy',
  'responseTooLarge',
  'empty',
  'tooLong',
  ...messageFaults,
] as const;

/** Name of a counter of {@link sessionCounters}. */
export type SessionCounter = (typeof sessionCounters)[number];

/** What a session asks of its end. */
export interface SessionHost {
  readonly counters: Tally<SessionCounter>;
  write(bytes: Uint8Array): void;
  disconnect(): void;
  /** This end's hello. */
  hello(): AgentHello | ManagerHello;
  /** The agent's hello is to be judged: {@link Session.judged}. */
  judge(hello: AgentHello): void;
  open(): void;
  /** A request to be worked on: {@link Session.finished}. One at a time, in the order in which they came. */
  execute(request: Request): void;
  notified(notification: Notification): void;
  settled(id: string, settlement: Settlement<Response>): void;
  /** @param reason of the Bye, whoever said it. */
  ended(ending: RedPepperEnding, reason: string): void;
}
