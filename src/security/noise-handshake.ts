import { SymmetricState } from './noise-symmetric.ts';
import { type KeyPair, keptPublicKey, X25519_BYTES } from './x25519.ts';

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
  readonly staticKey?: KeyPair | undefined;
  /** The responder's public key, for an initiator whose pattern says that it is known. */
  readonly remoteStatic?: Uint8Array | undefined;
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
  own: KeyPair | undefined;
  ownEphemeral: KeyPair | undefined;
  remote: Uint8Array | undefined;
  remoteEphemeral: Uint8Array | undefined;
}

/** What of a side stays the same all the time. */
type Side = Pick<NoiseStart, 'pattern' | 'initiator' | 'psk'>;

/** The state while a message is written or read: in use within one call only, so that a refused message costs none. */
const attempt = SymmetricState.start('');
/** What the name of a pattern alone gives. */
const starts = new Map<string, SymmetricState>();

/**
 * HandshakeState of the Noise specification (revision 34, section 5.3) with 25519, AESGCM and SHA256. It never changes: each
 * message gives the state after it, so that a message that does not decrypt leaves no trace, and the state before another
 * message can be gone back to.
 */
export class NoiseHandshake {
  readonly #side: Side;
  readonly #symmetric: SymmetricState;
  readonly #keys: Readonly<Keys>;
  readonly #done: number;

  private constructor(side: Side, symmetric: SymmetricState, keys: Readonly<Keys>, done: number) {
    this.#side = side;
    this.#symmetric = symmetric;
    this.#keys = keys;
    this.#done = done;
  }

  /** @throws RangeError if a key that the pattern needs is missing. */
  static start(options: NoiseStart): NoiseHandshake {
    begin(options);
    const { pattern, initiator, psk } = options;
    return new NoiseHandshake({ pattern, initiator, psk }, attempt.copy(), keysOf(options), 0);
  }

  /**
   * The same as {@link start} and then {@link read}, without a state in between: most first messages may be strangers'.
   *
   * @throws RangeError if a key that the pattern needs is missing, or for an initiator.
   */
  static startReading(options: NoiseStart, message: Uint8Array): NoiseRead | undefined {
    begin(options);
    return NoiseHandshake.#read(options, keysOf(options), 0, message);
  }

  /** All messages are through: {@link split} may be called. */
  get finished(): boolean {
    return this.#done === this.#side.pattern.messages.length;
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
    attempt.assign(this.#symmetric);
    const keys = { ...this.#keys };
    const parts: Uint8Array[] = [];
    for (const token of turn(this.#side, this.#done, true)) {
      if (token === 'e') {
        if (ephemeral === undefined) throw new RangeError('there is no ephemeral key');
        keys.ownEphemeral = ephemeral;
        parts.push(ephemeral.publicKey);
        mixEphemeral(ephemeral.publicKey);
      } else if (token === 's') {
        if (keys.own === undefined) throw new RangeError('there is no static key');
        parts.push(attempt.encryptAndHash(keys.own.publicKey));
      } else if (!mix(token, this.#side, keys)) {
        return undefined;
      }
    }
    parts.push(attempt.encryptAndHash(payload));
    return { message: joined(parts), next: new NoiseHandshake(this.#side, attempt.copy(), keys, this.#done + 1) };
  }

  /**
   * Reads the next message.
   *
   * @returns `undefined` if it is too short or does not decrypt.
   * @throws RangeError if it is this side's turn.
   */
  read(message: Uint8Array): NoiseRead | undefined {
    attempt.assign(this.#symmetric);
    return NoiseHandshake.#read(this.#side, { ...this.#keys }, this.#done, message);
  }

  /** The next message after the state that is being tried. @param keys written to. */
  static #read(side: Side, keys: Keys, done: number, message: Uint8Array): NoiseRead | undefined {
    let at = 0;
    for (const token of turn(side, done, false)) {
      if (token === 'e') {
        if (message.length < at + X25519_BYTES) return undefined;
        const remoteEphemeral = message.subarray(at, at + X25519_BYTES);
        at += X25519_BYTES;
        keys.remoteEphemeral = remoteEphemeral;
        mixEphemeral(remoteEphemeral);
      } else if (token === 's') {
        const bytes = X25519_BYTES + attempt.tagBytes;
        if (message.length < at + bytes) return undefined;
        const remote = attempt.decryptAndHash(message.subarray(at, at + bytes));
        at += bytes;
        if (remote === undefined) return undefined;
        keys.remote = remote;
      } else if (!mix(token, side, keys)) {
        return undefined;
      }
    }
    const payload = attempt.decryptAndHash(message.subarray(at));
    if (payload === undefined) return undefined;
    if (keys.remoteEphemeral !== undefined) keys.remoteEphemeral = keptPublicKey(keys.remoteEphemeral);
    const { pattern, initiator, psk } = side;
    return { payload, next: new NoiseHandshake({ pattern, initiator, psk }, attempt.copy(), keys, done + 1) };
  }
}

function keysOf({ staticKey, remoteStatic }: NoiseStart): Keys {
  return { own: staticKey, ownEphemeral: undefined, remote: remoteStatic, remoteEphemeral: undefined };
}

/** Tries from the beginning. */
function begin({ pattern, initiator, prologue, staticKey, remoteStatic }: NoiseStart): void {
  attempt.assign(startOf(pattern));
  attempt.mixHash(prologue);
  if (!pattern.responderKnown) return;
  const responderStatic = initiator ? remoteStatic : staticKey?.publicKey;
  if (responderStatic === undefined) throw new RangeError(`${pattern.name} needs the responder's static key`);
  attempt.mixHash(responderStatic);
}

function startOf({ name }: NoisePattern): SymmetricState {
  let start = starts.get(name);
  if (start === undefined) {
    start = SymmetricState.start(`Noise_${name}_25519_AESGCM_SHA256`);
    starts.set(name, start);
  }
  return start;
}

function turn({ pattern, initiator }: Side, done: number, write: boolean): readonly NoiseToken[] {
  const tokens = pattern.messages[done];
  const own = (done % 2 === 0) === initiator;
  if (tokens === undefined || own !== write) throw new RangeError('out of turn');
  return tokens;
}

/** @returns whether the keys have a secret. */
function mix(token: Exclude<NoiseToken, 'e' | 's'>, { initiator, psk }: Side, keys: Keys): boolean {
  if (token === 'psk') {
    attempt.mixKeyAndHash(psk);
    return true;
  }
  const shared = agree(token, initiator, keys);
  if (shared === undefined) return false;
  attempt.mixKey(shared);
  return true;
}

/** The first letter is the initiator's key, the second the responder's. */
function agree(token: 'ee' | 'es' | 'se', initiator: boolean, keys: Keys): Uint8Array | undefined {
  const ownIsStatic = token[initiator ? 0 : 1] === 's';
  const remoteIsStatic = token[initiator ? 1 : 0] === 's';
  const own = ownIsStatic ? keys.own : keys.ownEphemeral;
  const remote = remoteIsStatic ? keys.remote : keys.remoteEphemeral;
  if (own === undefined || remote === undefined) throw new RangeError(`there is no key for ${token}`);
  return own.agree(remote);
}

/** In patterns with a PSK an ephemeral key is mixed into the key too (Noise specification, section 9.2). */
function mixEphemeral(publicKey: Uint8Array): void {
  attempt.mixHash(publicKey);
  attempt.mixKey(publicKey);
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
