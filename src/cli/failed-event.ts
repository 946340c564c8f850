import { ExchangeError, HandshakeError } from '../errors.ts';
import type { Output } from './output.ts';

/** Tells programs why there is no stream or no answer; of any other error they see the exit code. */
export function tellFailed(error: unknown, output: Output): void {
  if (error instanceof HandshakeError) {
    const { code, reason, attempts, elapsedMs, peer, tryNext } = error;
    output.event({ event: 'failed', code, reason, attempts, elapsedMs, peer, tryNext });
  } else if (error instanceof ExchangeError) {
    const { code, method, tryNext } = error;
    output.event({ event: 'failed', code, method, tryNext });
  }
}
