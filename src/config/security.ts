import {
  type AllowedViewers,
  cameraCredentials,
  type InitiatorCredentials,
  PSK_BYTES_MAX,
  PSK_BYTES_MIN,
  pskCredentials,
  type ResponderCredentials,
  viewerCredentials,
} from '../security/credentials.ts';
import { KeyPair, X25519_BYTES } from '../security/x25519.ts';
import { isLoopback, isWildcard } from './address.ts';
import { accepted, type Parsed, quoted, refused } from './parsed.ts';
import type { SettingReader } from './setting-reader.ts';

/** Modes of docs/PROTOCOL.md, section 7, weakest first. */
export const securityModes = ['none', 'psk', 'keys'] as const;

/** How a session is protected: one of {@link securityModes}. */
export type SecurityMode = (typeof securityModes)[number];

/** Which protection is asked for, and with what keys. */
export interface SecurityOptions {
  /** Must be said outside loopback, where it has no default. */
  readonly mode: SecurityMode;
  /** Mode `psk`: 32 to 1,024 random bytes that both ends have. Mode `keys`: asked of every viewer besides, if given. */
  readonly psk?: Uint8Array | undefined;
  /** Mode `keys`: the own private key, 32 bytes. */
  readonly privateKey?: Uint8Array | undefined;
  /** Mode `keys`, viewer: the camera's public key, 32 bytes. */
  readonly peerKey?: Uint8Array | undefined;
  /** Mode `keys`, camera: public keys of those that may look, or who decides; asked at each confirm. */
  readonly allowedViewers?: readonly Uint8Array[] | AllowedViewers | undefined;
}

/** What {@link resolveSecurity} judges. */
export interface SecurityRequest {
  /** As asked for; absent when nothing was said. */
  readonly mode?: string | undefined;
  /** Hosts that a socket is bound to or sends to, without brackets or ports. */
  readonly addresses: readonly string[];
}

/** What can go wrong with security is this program's to find out, not the other end's. */
export interface SecuritySettings<Credentials> {
  readonly security: SecurityMode;
  /** Absent in mode `none`. */
  readonly credentials: Credentials | undefined;
}

const cameraNames = ['mode', 'psk', 'privateKey', 'allowedViewers'] as const satisfies (keyof SecurityOptions)[];
const viewerNames = ['mode', 'psk', 'privateKey', 'peerKey'] as const satisfies (keyof SecurityOptions)[];

function isMode(mode: string): mode is SecurityMode {
  return securityModes.some((known) => known === mode);
}

/**
 * The mode to use, or why there is none.
 *
 * Outside loopback `none` must be asked for by name, from the first version on: whoever gets used to being unprotected by
 * default would not notice it later. A socket bound to all interfaces is outside loopback.
 */
export function resolveSecurity(request: SecurityRequest): Parsed<SecurityMode> {
  const { mode, addresses } = request;
  if (mode === undefined) {
    const outside = addresses.find((address) => !isLoopback(address));
    if (outside === undefined) return accepted('none');
    const where = isWildcard(outside) ? `${quoted(outside)} is every interface of` : `${quoted(outside)} is outside`;
    return refused(
      `no security mode was named, and ${where} this machine, where anybody on the path can read and forge media`,
      `say --security psk or keys (firstframe keygen makes the keys), or --security none (library: security: { mode: 'none' }) if that is acceptable on this network, or use 127.0.0.1`,
    );
  }
  if (!isMode(mode)) {
    return refused(`${quoted(mode)} is no security mode`, `write one of ${securityModes.join(', ')}`);
  }
  return accepted(mode);
}

/** A camera's `security`. */
export function readCameraSecurity(
  reader: SettingReader,
  given: unknown,
  host: string | undefined,
): SecuritySettings<ResponderCredentials> {
  const options = read(reader, given, host, cameraNames);
  const { mode, psk, privateKey, allowedViewers } = options;
  if (mode !== 'keys') return { security: mode, credentials: mode === 'psk' && psk ? pskCredentials(psk) : undefined };
  const viewers = readViewers(reader, allowedViewers);
  const complete = privateKey !== undefined && viewers !== undefined;
  const credentials = complete ? cameraCredentials(KeyPair.of(privateKey), viewers, psk) : undefined;
  return { security: mode, credentials };
}

/** A viewer's `security`. */
export function readViewerSecurity(
  reader: SettingReader,
  given: unknown,
  host: string | undefined,
): SecuritySettings<InitiatorCredentials> {
  const { mode, psk, privateKey, peerKey } = read(reader, given, host, viewerNames);
  if (mode !== 'keys') return { security: mode, credentials: mode === 'psk' && psk ? pskCredentials(psk) : undefined };
  const camera = key(reader, 'peerKey', peerKey, "the camera's public key (--peer-key)");
  if (privateKey === undefined || camera === undefined) return { security: mode, credentials: undefined };
  try {
    return { security: mode, credentials: viewerCredentials(KeyPair.of(privateKey), camera, psk) };
  } catch {
    reader.problem('security.peerKey', 'is no public key', 'use what firstframe keygen printed');
    return { security: mode, credentials: undefined };
  }
}

interface Read {
  readonly mode: SecurityMode;
  readonly psk: Uint8Array | undefined;
  readonly privateKey: Uint8Array | undefined;
  readonly peerKey: unknown;
  readonly allowedViewers: unknown;
}

/** What both ends have. Keys are never quoted: what is wrong with one is told without it. */
function read(
  reader: SettingReader,
  given: unknown,
  host: string | undefined,
  known: readonly (keyof SecurityOptions)[],
): Read {
  const group = reader.group('security', given, known);
  const named = group?.mode;
  const isText = named === undefined || typeof named === 'string';
  if (!isText) reader.problem('security.mode', `is ${quoted(named)}`, `use one of '${securityModes.join("', '")}'`);
  const addresses = host === undefined ? [] : [host];
  const mode =
    (isText && host !== undefined
      ? reader.parsed('security', resolveSecurity({ mode: named, addresses }))
      : undefined) ?? 'none';
  const { psk, privateKey, peerKey, allowedViewers } = group ?? {};
  return {
    mode,
    psk: readPsk(reader, mode, psk),
    privateKey: mode === 'keys' ? key(reader, 'privateKey', privateKey, 'the own private key (--key-file)') : undefined,
    peerKey,
    allowedViewers,
  };
}

function readPsk(reader: SettingReader, mode: SecurityMode, given: unknown): Uint8Array | undefined {
  if (mode === 'none' || (mode === 'keys' && given === undefined)) return undefined;
  if (given instanceof Uint8Array && given.length >= PSK_BYTES_MIN && given.length <= PSK_BYTES_MAX) return given;
  const what = given === undefined ? 'is missing' : 'is no PSK';
  reader.problem('security.psk', what, `give ${PSK_BYTES_MIN} to ${PSK_BYTES_MAX} random bytes (--psk-file FILE)`);
  return undefined;
}

function key(
  reader: SettingReader,
  name: 'privateKey' | 'peerKey',
  given: unknown,
  whose: string,
): Uint8Array | undefined {
  if (given instanceof Uint8Array && given.length === X25519_BYTES) return given;
  const what = given === undefined ? 'is missing' : 'is no key';
  reader.problem(`security.${name}`, what, `give ${whose}, ${X25519_BYTES} bytes`);
  return undefined;
}

function readViewers(reader: SettingReader, given: unknown): AllowedViewers | undefined {
  if (Array.isArray(given) && given.every((one) => one instanceof Uint8Array && one.length === X25519_BYTES)) {
    const known = new Set(given.map(String));
    return { allows: (publicKey) => known.has(String(publicKey)) };
  }
  if (typeof given === 'object' && given !== null && 'allows' in given && typeof given.allows === 'function') {
    return given as AllowedViewers;
  }
  const what = given === undefined ? 'is missing' : 'is no list of public keys';
  reader.problem(
    'security.allowedViewers',
    what,
    'give public keys of 32 bytes, or { allows } (--allowed-viewers FILE)',
  );
  return undefined;
}
