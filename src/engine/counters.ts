import { decodeReasons } from '../codec/decode-reason.ts';
import { ErrorCode, type ErrorCodeName, errorCodeName } from '../protocol/error-code.ts';
import { Histogram, type HistogramSnapshot } from './histogram.ts';
import { Tally, TallyNames } from './tally.ts';

/** Why a datagram had no effect, besides the codec's reasons. A closed set: each is a metric label (S16). */
export const engineDropReasons = [
  'notOurs',
  'wrongPeer',
  'unexpectedType',
  'noSession',
  'wrongTag',
  'wrongStreamId',
  'otherTuple',
  'attemptNeverSent',
  'staleRetry',
  'duplicateStart',
  'tombstone',
  'versionUnsupported',
  'prefixRate',
  'pendingPerPrefix',
  'pendingFull',
  'candidatesFull',
  'noRow',
  'readyRate',
  'mediaForeign',
  'mediaEarly',
  'mediaAfterEnd',
  'mediaForged',
  'mediaReplayed',
  'rtcpUnknown',
  'exchangeUnknown',
  'exchangeCopy',
  'exchangeMalformed',
  'notAuthentic',
  'replayed',
  'keyLimit',
  'sealedEarly',
  'handshakePayload',
] as const;

/** Any reason for dropping a datagram. */
export type DropReason = (typeof engineDropReasons)[number] | (typeof decodeReasons)[number];

/** Every drop reason, in a fixed order. */
export const dropReasons: readonly DropReason[] = [...decodeReasons, ...engineDropReasons];

/** Local send errors by their name; everything else is `other`. */
export const hintNames = [
  'ECONNREFUSED',
  'EPERM',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EMSGSIZE',
  'ENOBUFS',
  'other',
] as const;

/** Name of a local send error or ICMP message: a hint only. */
export type HintName = (typeof hintNames)[number];

/** Maps an `errno` name to a hint. */
export function hintName(errno: string): HintName {
  return hintNames.find((name) => name === errno) ?? 'other';
}

/** Label of a closed session: a code's name, or `APPLICATION`, or `UNKNOWN`. */
export type ClosedLabel = ErrorCodeName | 'APPLICATION' | 'UNKNOWN';

/** Every label of closed sessions. */
export const closedLabels: readonly ClosedLabel[] = [
  ...(Object.keys(ErrorCode) as ErrorCodeName[]),
  'APPLICATION',
  'UNKNOWN',
];

/** Plain counters, all monotone. */
export const counterNames = [
  'datagramsReceived',
  'bytesReceived',
  'datagramsSent',
  'bytesSent',
  'mediaDatagramsSent',
  'mediaBytesSent',
  'mediaRepaired',
  'mediaRepairRefused',
  'mediaTailProbes',
  'mediaTooLarge',
  'mediaJumps',
  'mediaPutOff',
  'mediaDatagramsReceived',
  'mediaBytesReceived',
  'handshakesStarted',
  'handshakesCompleted',
  'startsSent',
  'confirmsSent',
  'resetsSent',
  'retriesSent',
  'loadModes',
  'answersWithheld',
  'nacksReceived',
  'pathsTried',
  'pathsMoved',
  'pathsKept',
  'pathsFailed',
  'pathsRefused',
  'datagramSizeStepsDown',
  'datagramSizeStepsUp',
  'exchangesAsked',
  'exchangesAnswered',
  'exchangesFailed',
  'exchangesExecuted',
  'exchangesRefused',
  'exchangesForgotten',
  'exchangeRepeats',
  'notifiesSent',
  'notifiesReceived',
  'fastGranted',
  'tokensIssued',
  'tokensForged',
  'tokensExpired',
  'tokensUsed',
  'tokensForeign',
  'tokensReceived',
  'sendQueueDropped',
  'linkImpaired',
  'workerHandedOver',
  'workerDropped',
  'workerMessagesDropped',
  'workersLost',
] as const;

/** Name of a plain counter. */
export type CounterName = (typeof counterNames)[number];

/** All figures of one endpoint, as plain data. */
export interface MetricsSnapshot {
  readonly counters: Readonly<Record<CounterName, number>>;
  /** Datagrams without effect, by reason. */
  readonly drops: Readonly<Record<DropReason, number>>;
  /** Ended sessions and failed handshakes, by code. */
  readonly closed: Readonly<Record<ClosedLabel, number>>;
  readonly hints: Readonly<Record<HintName, number>>;
  readonly timeToStreamMs: HistogramSnapshot;
  readonly timeToFirstFrameMs: HistogramSnapshot;
}

const counterTally = new TallyNames(counterNames);
const dropTally = new TallyNames(dropReasons);
const closedTally = new TallyNames(closedLabels);
const hintTally = new TallyNames(hintNames);

/** Counts everything that one endpoint does. Labels are closed sets, so a peer cannot make the figures grow in number. */
export class Counters {
  readonly #counters = new Tally(counterTally);
  readonly #drops = new Tally(dropTally);
  readonly #closed = new Tally(closedTally);
  readonly #hints = new Tally(hintTally);
  readonly #timeToStream = new Histogram();
  readonly #timeToFirstFrame = new Histogram();

  add(name: CounterName, amount = 1): void {
    this.#counters.add(name, amount);
  }

  drop(reason: DropReason): void {
    this.#drops.add(reason, 1);
  }

  closed(code: number): void {
    this.#closed.add(errorCodeName(code), 1);
  }

  hint(name: HintName): void {
    this.#hints.add(name, 1);
  }

  timeToStream(ms: number): void {
    this.#timeToStream.observe(ms);
  }

  timeToFirstFrame(ms: number): void {
    this.#timeToFirstFrame.observe(ms);
  }

  /** A copy of all figures. */
  snapshot(): MetricsSnapshot {
    return {
      counters: this.#counters.snapshot(),
      drops: this.#drops.snapshot(),
      closed: this.#closed.snapshot(),
      hints: this.#hints.snapshot(),
      timeToStreamMs: this.#timeToStream.snapshot(),
      timeToFirstFrameMs: this.#timeToFirstFrame.snapshot(),
    };
  }
}
