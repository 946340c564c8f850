import { expect } from 'vitest';
import type { Peer } from '../../src/engine/io-types.ts';

interface Account {
  readonly who: string;
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
}

/**
 * S2 as a ledger: what came from each address and what went back to it, in bytes and in datagrams. It is kept by what is on the
 * wire alone and asks no endpoint who has confirmed: a test says itself whom it trusts.
 */
export class AnswerLedger {
  readonly #accounts = new Map<string, Account>();
  readonly #trusted = new Set<string>();
  readonly #excess: string[] = [];

  /** From now on whatever goes to this address is its own wish. */
  trust(peer: Peer): void {
    this.#trusted.add(keyOf(peer));
  }

  received(from: Peer, bytes: number): void {
    const account = this.#account(from);
    account.received++;
    account.receivedBytes += bytes;
  }

  sent(to: Peer, bytes: number): void {
    if (this.#trusted.has(keyOf(to))) return;
    const account = this.#account(to);
    account.sent++;
    account.sentBytes += bytes;
    const { who, received, receivedBytes, sent, sentBytes } = account;
    if (sent <= received && sentBytes <= receivedBytes) return;
    this.#excess.push(`${sentBytes} bytes in ${sent} datagrams to ${who}, for ${receivedBytes} in ${received}`);
  }

  /** Datagrams that came from addresses that are not trusted, and that went back to them. */
  get strangers(): { readonly received: number; readonly sent: number } {
    let [received, sent] = [0, 0];
    for (const [key, account] of this.#accounts) {
      if (this.#trusted.has(key)) continue;
      received += account.received;
      sent += account.sent;
    }
    return { received, sent };
  }

  /** Every moment at which S2 did not hold, in words. */
  get excess(): readonly string[] {
    return this.#excess;
  }

  /** S2 held at every moment; and there was something that it could have failed by. */
  expectHeld(): void {
    expect(this.#excess, 'S2').toEqual([]);
    expect(this.#accounts.size, 'addresses that S2 was watched for').toBeGreaterThan(0);
  }

  #account(peer: Peer): Account {
    const key = keyOf(peer);
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    const account = { who: key, received: 0, receivedBytes: 0, sent: 0, sentBytes: 0 };
    this.#accounts.set(key, account);
    return account;
  }
}

function keyOf({ address, port }: Peer): string {
  return `${address} ${port}`;
}
