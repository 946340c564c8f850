import { TOKEN_MS } from '../protocol/constants.ts';
import type { Peer } from './io-types.ts';

const CAMERAS_MAX = 256;

/** The newest token of each of the last 256 cameras, for the next session with it: fast mode. */
export class TokenMemory {
  readonly #tokens = new Map<string, { readonly token: Uint8Array; readonly atMs: number }>();

  keep(camera: Peer, token: Uint8Array, nowMs: number): void {
    const key = keyOf(camera);
    this.#tokens.delete(key);
    this.#tokens.set(key, { token, atMs: nowMs });
    if (this.#tokens.size <= CAMERAS_MAX) return;
    const oldest = this.#tokens.keys().next();
    if (!oldest.done) this.#tokens.delete(oldest.value);
  }

  /** Takes it out, as it is good once; `undefined` when there is none that may still be good. */
  take(camera: Peer, nowMs: number): Uint8Array | undefined {
    const key = keyOf(camera);
    const kept = this.#tokens.get(key);
    this.#tokens.delete(key);
    return kept === undefined || nowMs - kept.atMs >= TOKEN_MS ? undefined : kept.token;
  }
}

function keyOf({ address, port }: Peer): string {
  return `${address} ${port}`;
}
