/** What a responder's session tells the application about itself. */
import type { ResponderOutput } from './io-types.ts';
import type { ResponderSession } from './responder-session.ts';

type Who = Pick<ResponderSession, 'handle' | 'peer' | 'streamId'>;

/** What its viewer said at the end, if it said anything. */
export interface PeerWords {
  readonly reason?: string;
}

const NO_WORDS: PeerWords = {};

export function wordsOf(reason: string | undefined): PeerWords {
  return reason === undefined ? NO_WORDS : { reason };
}

/** @param streamName what the START asked for, if it named anything. */
export function reserveReport(
  { handle: session, peer, streamId }: Who,
  streamName: string | undefined,
): ResponderOutput {
  return { kind: 'reserve', session, peer, streamId, ...(streamName === undefined ? {} : { streamName }) };
}

export function streamingReport({ handle: session, peer, streamId }: Who): ResponderOutput {
  return { kind: 'streaming', session, peer, streamId };
}

export function closedReport(
  { handle: session, peer, streamId }: Who,
  code: number,
  words: PeerWords,
  wasStreaming: boolean,
): ResponderOutput {
  return { kind: 'closed', session, peer, streamId, code, ...words, wasStreaming, attempts: 0 };
}
