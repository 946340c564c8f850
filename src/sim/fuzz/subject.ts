import type { InitiatorEndpoint } from '../../engine/initiator-endpoint.ts';
import type { Peer } from '../../engine/io-types.ts';
import type { ResponderEndpoint } from '../../engine/responder-endpoint.ts';
import { FuzzFailure } from './target.ts';

/** What happens to an endpoint next. */
export interface EndpointStep {
  readonly bytes: Uint8Array;
  /** Number of the address that it comes from. */
  readonly from: number;
  /** Time since the step before. */
  readonly afterMs: number;
  /** What the application says to what this leads to: a number below {@link APPLICATION_ANSWERS}. */
  readonly application: number;
}

/** Yes; refused for good; refused for now; nothing. */
export const APPLICATION_ANSWERS = 4;

/** An endpoint that is fuzzed, with its clock and its application, and the checks of what it does. */
export interface Subject {
  readonly endpoint: Pick<ResponderEndpoint | InitiatorEndpoint, 'counters'>;
  /** Lets time pass until a step. @throws FuzzFailure, or whatever the endpoint throws. */
  pass(step: EndpointStep): void;
  /** Takes its datagram. @throws FuzzFailure, or whatever the endpoint throws. */
  take(step: EndpointStep): void;
  /** Lets time pass until all must be over. @throws FuzzFailure */
  finish(): void;
  /** Takes the last datagram again without a look at what comes of it; `undefined` if it was not refused. */
  again(): (() => void) | undefined;
}

/** Timeouts in one moment: more turn in circles. */
const TIMEOUTS_MAX = 1000;

/** Runs the timeouts of an endpoint that are due by `untilMs`, each at its own time. */
export function passTime<Output>(
  endpoint: Pick<ResponderEndpoint | InitiatorEndpoint, 'deadlineMs'> & {
    step(input: { readonly kind: 'timeout' }, nowMs: number): readonly Output[];
  },
  sinceMs: number,
  untilMs: number,
  perform: (outputs: readonly Output[], nowMs: number) => void,
): void {
  let nowMs = sinceMs;
  let inOneMoment = 0;
  for (;;) {
    const deadlineMs = endpoint.deadlineMs();
    if (Number.isNaN(deadlineMs)) throw new FuzzFailure('the deadline is no number');
    if (deadlineMs > untilMs) return;
    inOneMoment = deadlineMs > nowMs ? 0 : inOneMoment + 1;
    if (inOneMoment > TIMEOUTS_MAX) throw new FuzzFailure(`over ${TIMEOUTS_MAX} timeouts at ${nowMs} ms`);
    nowMs = Math.max(nowMs, deadlineMs);
    perform(endpoint.step({ kind: 'timeout' }, nowMs), nowMs);
  }
}

/** Where steps come from: hosts of one prefix and of others, IPv4, IPv6 and IPv4 written as IPv6. */
export const fuzzPeers: readonly Peer[] = [
  { address: '10.1.0.0', port: 40_000 },
  { address: '10.1.0.0', port: 40_001 },
  { address: '10.1.0.9', port: 40_000 },
  { address: '::ffff:10.1.0.9', port: 40_000 },
  { address: '2001:db8::1', port: 40_000 },
  { address: '2001:db8::2', port: 40_000 },
  { address: '2001:db8:1::1', port: 40_000 },
  { address: 'fe80::1%eth0', port: 65_535 },
];
