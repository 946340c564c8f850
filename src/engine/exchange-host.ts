import { jitterMs, rtoMs } from '../../machines/backoff.ts';
import { EXCHANGE_REPEAT_MS } from '../protocol/constants.ts';
import type { FrameBody } from '../protocol/frame.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { CounterName } from './counters.ts';
import type { ExchangeOutput, SessionHandle } from './io-types.ts';

/** What one exchange needs from the session that it belongs to. */
export interface ExchangeHost {
  readonly session: SessionHandle;
  /** Time of the input that is being handled. */
  readonly nowMs: number;
  readonly profile: Profile;
  /** A random number, 0 <= unit < 1. */
  unit(): number;
  count(name: CounterName): void;
  emit(output: ExchangeOutput): void;
  /** Sends a frame with the session's ids. */
  send(body: FrameBody): void;
}

/** The wait before a message is sent again, in ms: T1's schedule from 50 ms on. @param sends since there was progress, from 1. */
export function exchangeRepeatMs(host: ExchangeHost, sends: number): number {
  return jitterMs(rtoMs(host.profile, sends, EXCHANGE_REPEAT_MS), host.profile.rtoJitter, host.unit());
}
