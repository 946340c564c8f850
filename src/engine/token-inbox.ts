import { equalBytes } from '../security/reset-token.ts';
import type { InitiatorOutput } from './io-types.ts';
import type { SessionHost } from './session-host.ts';

/** Tokens that a camera gives for the next session with it: copies are told once. */
export class TokenInbox {
  readonly #host: SessionHost<InitiatorOutput>;
  #newest: Uint8Array | undefined;

  constructor(host: SessionHost<InitiatorOutput>) {
    this.#host = host;
  }

  take(token: Uint8Array): void {
    if (this.#newest !== undefined && equalBytes(this.#newest, token)) return;
    this.#newest = token.slice();
    this.#host.counters.add('tokensReceived');
    this.#host.emit({ kind: 'token', token: this.#newest });
  }
}
