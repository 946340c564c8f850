import { SymmetricState } from './noise-symmetric.ts';
import { type KeyPair, X25519_BYTES } from './x25519.ts';

/** What a message of a pattern does, in order (Noise specification, section 7.1). */
export type NoiseToken = 'e' | 's' | 'ee' | 'es' | 'se' | 'psk';

/** A handshake pattern: who sends what. */
export interface NoisePattern {
  readonly name: string;
  /** The responder's static key is known to the initiator before. */
  readonly responderKnown: boolean;
  /** The initiator's messages are the first, third and so on. */
  readonly messages: readonly (readonly NoiseToken[])[];
}

/** The two patterns of docs/PROTOCOL.md, section 7, as the Noise specification has them (sections 7.5 and 9.4). */
export const noisePatterns = {
  NNpsk0: {
    name: 'NNpsk0',
    responderKnown: false,
    messages: [
      ['psk', 'e'],
      ['e', 'ee'],
    ],
  },
  XKpsk3: {
    name: 'XKpsk3',
    responderKnown: true,
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
      ['s', 'se', 'psk'],
    ],
  },
} as const satisfies Record<string, NoisePattern>;

/** What a side knows before the first message. */
export interface NoiseStart {
  readonly pattern: NoisePattern;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** 32 bytes. */
  readonly psk: Uint8Array;
  /** This side's static key, where the pattern has one. */
  readonly staticKey?: KeyPair;
  /** The responder's public key, for an initiator whose pattern says that it is known. */
  readonly remoteStatic?: Uint8Array;
}

/** A message that was written, and the state after it. */
export interface NoiseWritten {
  readonly message: Uint8Array;
  readonly next: NoiseHandshake;
}

/** What a message that was read carries, and the state after it. */
export interface NoiseRead {
  readonly payload: Uint8Array;
  readonly next: NoiseHandshake;
}

interface Keys {
  readonly own?: KeyPair | undefined;
  readonly ownEphemeral?: KeyPair | undefined;
  readonly remote?: Uint8Array | undefined;
  readonly remoteEphemeral?: Uint8Array | undefined;
}

/**
 * HandshakeState of the Noise specification (revision 34, section 5.3) with 25519, AESGCM and SHA256. It never changes: each
 * message gives the state after it, so that a message that does not decrypt leaves no trace, and the state before another
 * message can be gone back to.
 */
export class NoiseHandshake {
  readonly #pattern: NoisePattern;
  readonly #initiator: boolean;
  readonly #psk: Uint8Array;
  readonly #symmetric: SymmetricState;
  readonly #keys: Keys;
  readonly #done: number;

  private constructor(
    base: { readonly pattern: NoisePattern; readonly initiator: boolean; readonly psk: Uint8Array },
    symmetric: SymmetricState,
    keys: Keys,
    done: number,
  ) {
    this.#pattern = base.pattern;
    this.#initiator = base.initiator;
    this.#psk = base.psk;
    this.#symmetric = symmetric;
    this.#keys = keys;
    this.#done = done;
  }

  /** @throws RangeError if a key that the pattern needs is missing. */
  static start(options: NoiseStart): NoiseHandshake {
    const { pattern, initiator, staticKey } = options;
    const symmetric = SymmetricState.start(`Noise_${pattern.name}_25519_AESGCM_SHA256`);
    symmetric.mixHash(options.prologue);
    if (pattern.responderKnown) {
      const responderStatic = initiator ? options.remoteStatic : staticKey?.publicKey;
      if (responderStatic === undefined) throw new RangeError(`${pattern.name} needs the responder's static key`);
      symmetric.mixHash(responderStatic);
    }
    return new NoiseHandshake(options, symmetric, { own: staticKey, remote: options.remoteStatic }, 0);
  }

  /** All messages are through: {@link split} may be called. */
  get finished(): boolean {
    return this.#done === this.#pattern.messages.length;
  }

  /** h: the channel binding, once finished. 32 bytes. */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash;
  }

  /** ck: 32 secret bytes. */
  get chainingKey(): Uint8Array {
    return this.#symmetric.chainingKey;
  }

  /** The other side's static key, once its message was read; 32 bytes. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#keys.remote;
  }

  /** The transport keys: what the initiator sends with, then what the responder sends with. */
  split(): readonly [Uint8Array, Uint8Array] {
    return this.#symmetric.split();
  }

  /**
   * Writes the next message.
   *
   * @param ephemeral a key pair of random bytes that are used for nothing else, if the message has one.
   * @returns `undefined` if the other side's key has no secret with anybody.
   * @throws RangeError if it is the other side's turn, or a key is missing.
   */
  write(payload: Uint8Array, ephemeral?: KeyPair): NoiseWritten | undefined {
    const symmetric = this.#symmetric.copy();
    let keys = this.#keys;
    const parts: Uint8Array[] = [];
    for (const token of this.#turn(true)) {
      if (token === 'e') {
        if (ephemeral === undefined) throw new RangeError('there is no ephemeral key');
        keys = { ...keys, ownEphemeral: ephemeral };
        parts.push(ephemeral.publicKey);
        mixEphemeral(symmetric, ephemeral.publicKey);
      } else if (token === 's') {
        if (keys.own === undefined) throw new RangeError('there is no static key');
        parts.push(symmetric.encryptAndHash(keys.own.publicKey));
      } else if (!this.#mix(token, symmetric, keys)) {
        return undefined;
      }
    }
    parts.push(symmetric.encryptAndHash(payload));
    return { message: joined(parts), next: this.#after(symmetric, keys) };
  }

  /**
   * Reads the next message.
   *
   * @returns `undefined` if it is too short or does not decrypt.
   * @throws RangeError if it is this side's turn.
   */
  read(message: Uint8Array): NoiseRead | undefined {
    const symmetric = this.#symmetric.copy();
    let keys = this.#keys;
    let at = 0;
    for (const token of this.#turn(false)) {
      if (token === 'e') {
        if (message.length < at + X25519_BYTES) return undefined;
        const remoteEphemeral = message.slice(at, at + X25519_BYTES);
        at += X25519_BYTES;
        keys = { ...keys, remoteEphemeral };
        mixEphemeral(symmetric, remoteEphemeral);
      } else if (token === 's') {
        const bytes = X25519_BYTES + symmetric.tagBytes;
        if (message.length < at + bytes) return undefined;
        const remote = symmetric.decryptAndHash(message.subarray(at, at + bytes));
        at += bytes;
        if (remote === undefined) return undefined;
        keys = { ...keys, remote };
      } else if (!this.#mix(token, symmetric, keys)) {
        return undefined;
      }
    }
    const payload = symmetric.decryptAndHash(message.subarray(at));
    return payload === undefined ? undefined : { payload, next: this.#after(symmetric, keys) };
  }

  #turn(write: boolean): readonly NoiseToken[] {
    const tokens = this.#pattern.messages[this.#done];
    const own = (this.#done % 2 === 0) === this.#initiator;
    if (tokens === undefined || own !== write) throw new RangeError('out of turn');
    return tokens;
  }

  #mix(token: Exclude<NoiseToken, 'e' | 's'>, symmetric: SymmetricState, keys: Keys): boolean {
    if (token === 'psk') {
      symmetric.mixKeyAndHash(this.#psk);
      return true;
    }
    const shared = this.#agree(token, keys);
    if (shared === undefined) return false;
    symmetric.mixKey(shared);
    return true;
  }

  /** The first letter is the initiator's key, the second the responder's. */
  #agree(token: 'ee' | 'es' | 'se', keys: Keys): Uint8Array | undefined {
    const [initiators, responders] = token;
    const ownIsStatic = (this.#initiator ? initiators : responders) === 's';
    const remoteIsStatic = (this.#initiator ? responders : initiators) === 's';
    const own = ownIsStatic ? keys.own : keys.ownEphemeral;
    const remote = remoteIsStatic ? keys.remote : keys.remoteEphemeral;
    if (own === undefined || remote === undefined) throw new RangeError(`there is no key for ${token}`);
    return own.agree(remote);
  }

  #after(symmetric: SymmetricState, keys: Keys): NoiseHandshake {
    const base = { pattern: this.#pattern, initiator: this.#initiator, psk: this.#psk };
    return new NoiseHandshake(base, symmetric, keys, this.#done + 1);
  }
}

/** In patterns with a PSK an ephemeral key is mixed into the key too (Noise specification, section 9.2). */
function mixEphemeral(symmetric: SymmetricState, publicKey: Uint8Array): void {
  symmetric.mixHash(publicKey);
  symmetric.mixKey(publicKey);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
