import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** What is known of one agent. */
export interface RedPepperIdentity {
  /** Hash of its credentials, as {@link hashCredentials} or {@link unsaltedSha256} make it. */
  readonly secret: string;
  /** Addresses and ranges that it may come from, such as `10.0.0.0/8`. Default: those of the manager. */
  readonly allow?: readonly string[];
}

/** Cost of a new hash: 16 MiB and some 50 ms. */
const COST = { N: 16_384, r: 8, p: 1 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** Largest cost that is accepted in a file, so that a wrong digit does not take all memory. */
const N_MAX = 1_048_576;
/** Hashes that are made or wait at the same time; more are refused. */
const JUDGEMENTS_MAX = 64;

interface SaltedHash {
  readonly kind: 'scrypt';
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

interface UnsaltedHash {
  readonly kind: 'unsalted-sha256';
  readonly hash: Uint8Array;
}

type StoredHash = SaltedHash | UnsaltedHash;

/** Credentials as they are stored: `scrypt:N:r:p:salt:hash`, with a salt of their own. */
export async function hashCredentials(credentials: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await slowHash(credentials, { kind: 'scrypt', ...COST, salt, hash: new Uint8Array(HASH_BYTES) });
  return ['scrypt', COST.N, COST.r, COST.p, hex(salt), hex(hash)].join(':');
}

/**
 * Credentials as RedPepper 0.3.4 stores them, under the name that says what it is: `unsalted-sha256:` and 64 hex digits. Only for
 * manager files that exist already; who reads them can try out passwords at full speed.
 */
export function unsaltedSha256(credentials: string): string {
  return `unsalted-sha256:${createHash('sha256').update(credentials, 'utf8').digest('hex')}`;
}

/** Whether credentials are those of an identity, in a time that tells neither which check failed nor which identities there are. */
export class CredentialCheck {
  readonly #stored = new Map<string, StoredHash>();
  /** Compared where there is nothing to compare with. */
  readonly #nobody: StoredHash;
  /** For identities that are stored without a salt, when others are not: takes as long as theirs. */
  readonly #padding: SaltedHash | undefined;
  #judging = 0;

  /** Throws TypeError for a hash that cannot be read; the text names the identity, never the hash. */
  constructor(identities: Readonly<Record<string, RedPepperIdentity>>) {
    for (const [id, { secret }] of Object.entries(identities)) {
      const stored = parseStored(secret);
      if (stored === undefined) throw new TypeError(`the secret of ${JSON.stringify(id)} is no hash that is known`);
      this.#stored.set(id, stored);
    }
    this.#padding = [...this.#stored.values()].find((stored) => stored.kind === 'scrypt');
    const hash = randomBytes(HASH_BYTES);
    this.#nobody = this.#padding === undefined ? { kind: 'unsalted-sha256', hash } : { ...this.#padding, hash };
  }

  /** Identities that are known. */
  get ids(): readonly string[] {
    return [...this.#stored.keys()];
  }

  /** Judges a hello. Never rejects. */
  async check(id: string, credentials: string): Promise<boolean> {
    if (this.#judging >= JUDGEMENTS_MAX) return false;
    this.#judging++;
    try {
      const known = this.#stored.get(id);
      const stored = known ?? this.#nobody;
      const hash = await this.#hash(credentials, stored);
      return timingSafeEqual(hash, stored.hash) && known !== undefined;
    } catch {
      return false;
    } finally {
      this.#judging--;
    }
  }

  async #hash(credentials: string, stored: StoredHash): Promise<Uint8Array> {
    if (stored.kind === 'scrypt') return slowHash(credentials, stored);
    if (this.#padding !== undefined) await slowHash(credentials, this.#padding);
    return createHash('sha256').update(credentials, 'utf8').digest();
  }
}

function slowHash(credentials: string, { N, r, p, salt, hash }: SaltedHash): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(credentials, salt, hash.length, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function parseStored(secret: string): StoredHash | undefined {
  const [, sha256] = /^unsalted-sha256:([0-9a-f]{64})$/i.exec(secret) ?? [];
  if (sha256 !== undefined) return { kind: 'unsalted-sha256', hash: Buffer.from(sha256, 'hex') };
  const [, N, r, p, salt, hash] =
    /^scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([0-9a-f]{16,128}):([0-9a-f]{64})$/i.exec(secret) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  if (cost.N < 2 || cost.N > N_MAX || (cost.N & (cost.N - 1)) !== 0 || cost.r < 1 || cost.p < 1) return undefined;
  return { kind: 'scrypt', ...cost, salt: Buffer.from(salt, 'hex'), hash: Buffer.from(hash, 'hex') };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
