import { TOKEN_SENDS } from '../protocol/constants.ts';
import { FrameFlag, FrameType } from '../protocol/frame.ts';
import type { RedeemedToken, Tokens } from '../security/tokens.ts';
import type { Counters } from './counters.ts';
import type { Peer } from './io-types.ts';
import { addressPrefix } from './prefix.ts';
import type { SessionCore } from './session-core.ts';

/** What a START says of fast mode. */
export interface FastWish {
  readonly flags: number;
  /** In the clear, or from its Noise message. */
  readonly token: Uint8Array | undefined;
}

/** A camera's side of fast mode (docs/PROTOCOL.md, section 7.9). Absent where the camera does not allow it. */
export class FastStart {
  readonly #tokens: Tokens;
  readonly #counters: Counters;

  constructor(tokens: Tokens, counters: Counters) {
    this.#tokens = tokens;
    this.#counters = counters;
  }

  /** Takes the token of a START that was admitted; without a good one the handshake is the normal one. */
  redeem({ flags, token }: FastWish, from: Peer, nowMs: number): RedeemedToken | undefined {
    if (token === undefined || (flags & FrameFlag.FAST) === 0) return undefined;
    const redeemed = this.#tokens.redeem(token, addressPrefix(from.address), nowMs);
    if (typeof redeemed !== 'string') return redeemed;
    this.#counters.add(redeemed);
    return undefined;
  }

  /** A token for a viewer that has confirmed. */
  issue(to: Peer, nowMs: number): Uint8Array | undefined {
    const token = this.#tokens.issue(addressPrefix(to.address), nowMs);
    if (token !== undefined) this.#counters.add('tokensIssued');
    return token;
  }
}

/** What one session is given for the next: the same token a few times, as nothing acknowledges it. */
export class TokenOffer {
  readonly #fast: FastStart;
  readonly #core: SessionCore;
  #token: Uint8Array | undefined;
  #sends = 0;

  constructor(fast: FastStart, core: SessionCore) {
    this.#fast = fast;
    this.#core = core;
  }

  /** Call with each PING: the first three carry a token beside them. */
  send(): void {
    if (this.#sends === TOKEN_SENDS) return;
    if (this.#sends++ === 0) this.#token = this.#fast.issue(this.#core.peer, this.#core.nowMs);
    if (this.#token !== undefined) this.#core.sendOnce({ type: FrameType.TOKEN, token: this.#token });
  }
}
