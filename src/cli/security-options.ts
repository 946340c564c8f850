import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { parsePsk, parsePublicKey } from '../config/key-text.ts';
import type { SecurityMode, SecurityOptions } from '../config/security.ts';
import { ConfigError } from '../errors.ts';
import { readPrivateKeyFile, readPskFile, ViewerListFile } from '../io/key-files.ts';
import { publicKeyOf } from '../security/credentials.ts';
import { errorText } from './exit-code.ts';
import { reader } from './options.ts';
import { complain, type Output } from './output.ts';

/** Where a command's keys are. No secret is ever an argument: other users of the machine could read it there. */
export interface SecurityCommandOptions {
  readonly security?: SecurityMode;
  readonly pskFile?: string;
  readonly keyFile?: string;
  /** Viewers: the camera's public key. */
  readonly peerKey?: Uint8Array;
  /** Cameras: the list. */
  readonly allowedViewers?: string;
}

/** Where a PSK may be besides a file. */
export const PSK_VARIABLE = 'FIRSTFRAME_PSK';

/** Adds `--peer-key`, for viewers. */
export function withPeerKey(command: Command): Command {
  return command.addOption(
    new Option('--peer-key <key>', "the camera's public key, for --security keys").argParser(reader(parsePublicKey)),
  );
}

/** Adds `--allowed-viewers`, for cameras. */
export function withAllowedViewers(command: Command): Command {
  return command.option('--allowed-viewers <file>', 'public keys of viewers, one a line, for --security keys');
}

/** A camera's list of viewers, if it has one. @throws ConfigError if it cannot be read. */
export function viewersOf({ allowedViewers }: SecurityCommandOptions): ViewerListFile | undefined {
  return allowedViewers === undefined ? undefined : new ViewerListFile(allowedViewers);
}

/** What SIGHUP does: the list is read again, or stays as it was if that fails. */
export function reloadViewers(viewers: ViewerListFile, output: Output): void {
  try {
    viewers.reload();
    output.line(`${viewers.size} viewers may look`);
    output.event({ event: 'viewersReloaded', viewers: viewers.size });
  } catch (error) {
    complain(errorText(error));
  }
}

/**
 * The library's `security` of a command's options.
 *
 * @param viewers a camera's list, if it has one.
 * @throws ConfigError for keys that are missing, wrong, or without a mode that uses them.
 */
export function securityOf(
  options: SecurityCommandOptions,
  viewers: ViewerListFile | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): SecurityOptions | undefined {
  const { security: mode, pskFile, keyFile, peerKey } = options;
  checkUse(options);
  if (mode === undefined || mode === 'none') return mode && { mode };
  const psk = pskFile === undefined ? pskFrom(environment) : readPskFile(pskFile, '--psk-file');
  if (mode === 'psk') {
    if (psk !== undefined) return { mode, psk };
    throw problem('--psk-file', 'is missing', `make one with firstframe keygen --psk FILE, or set ${PSK_VARIABLE}`);
  }
  if (keyFile === undefined) throw problem('--key-file', 'is missing', 'make one with firstframe keygen FILE');
  return {
    mode,
    privateKey: readPrivateKeyFile(keyFile, '--key-file'),
    ...(psk === undefined ? {} : { psk }),
    ...(peerKey === undefined ? {} : { peerKey }),
    ...(viewers === undefined ? {} : { allowedViewers: viewers }),
  };
}

/** Keys for two ends in one process, made for this run. */
export function ownSecurity(mode: SecurityMode): {
  readonly camera: SecurityOptions;
  readonly viewer: SecurityOptions;
} {
  if (mode === 'none') return { camera: { mode }, viewer: { mode } };
  const [one, other] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
  if (mode === 'psk') return { camera: { mode, psk: one }, viewer: { mode, psk: one } };
  return {
    camera: { mode, privateKey: one, allowedViewers: [publicKeyOf(other)] },
    viewer: { mode, privateKey: other, peerKey: publicKeyOf(one) },
  };
}

/** A key without the mode that uses it would be silently without effect. */
function checkUse({ security, pskFile, keyFile, peerKey, allowedViewers }: SecurityCommandOptions): void {
  const forKeys = { '--key-file': keyFile, '--peer-key': peerKey, '--allowed-viewers': allowedViewers };
  for (const [name, value] of Object.entries(forKeys)) {
    if (value !== undefined && security !== 'keys') throw problem(name, 'has no use', 'say --security keys too');
  }
  if (pskFile !== undefined && security !== 'psk' && security !== 'keys') {
    throw problem('--psk-file', 'has no use', 'say --security psk too');
  }
}

function pskFrom(environment: NodeJS.ProcessEnv): Uint8Array | undefined {
  const text = environment[PSK_VARIABLE];
  if (text === undefined || text === '') return undefined;
  const parsed = parsePsk(text);
  if (parsed.ok) return parsed.value;
  throw problem(PSK_VARIABLE, parsed.problem, parsed.tryInstead);
}

function problem(setting: string, what: string, tryInstead: string): ConfigError {
  return new ConfigError([{ setting, problem: what, tryInstead }]);
}
