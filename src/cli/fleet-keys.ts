import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { hashCredentials, type RedPepperIdentity, type RedPepperTls } from '../neighbours/redpepper/index.ts';

/** Days that certificates are valid. */
const DAYS = '825';
/** Only for their owner. */
const PRIVATE = 0o600;
/** Names of agents, which are names of files as well. */
const ID = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$/u;

/** Where keys are: a folder as `firstframe fleet keys` makes it, or files one by one. */
export interface KeyOptions {
  readonly keys?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly credentialsFile?: string;
}

/** Keys of one end, and its credentials file. */
export interface Keys {
  readonly tls: RedPepperTls;
  /** Text of the file. */
  readonly credentials: string;
  readonly credentialsPath: string;
}

/** Reads the keys of an end. @param name `manager`, or an agent's id. Throws ConfigError that lists every file that cannot be read. */
export function readKeys(options: KeyOptions, name: string): Keys {
  const { keys } = options;
  const inFolder = (file: string): string | undefined => (keys === undefined ? undefined : join(keys, file));
  const paths = {
    '--cert': options.cert ?? inFolder(`${name}.crt`),
    '--key': options.key ?? inFolder(`${name}.key`),
    '--ca': options.ca ?? inFolder('ca.crt'),
    '--credentials-file':
      options.credentialsFile ?? inFolder(name === 'manager' ? 'identities.json' : `${name}.credentials`),
  };
  const problems: { readonly setting: string; readonly problem: string; readonly tryInstead: string }[] = [];
  const read = (setting: keyof typeof paths): string => {
    const path = paths[setting];
    const tryInstead = 'make keys with: firstframe fleet keys ./keys, and give --keys ./keys';
    try {
      if (path !== undefined) return readFileSync(path, 'utf8');
      problems.push({ setting, problem: 'it is missing', tryInstead });
    } catch (error) {
      problems.push({ setting, problem: `"${path}" cannot be read (${codeOf(error)})`, tryInstead });
    }
    return '';
  };
  const tls = { cert: read('--cert'), key: read('--key'), ca: read('--ca') };
  const credentials = read('--credentials-file');
  if (problems.length > 0) throw new ConfigError(problems);
  return { tls, credentials, credentialsPath: paths['--credentials-file'] ?? '' };
}

/** Reads the identities of a manager. Throws ConfigError. */
export function readIdentities(text: string, path: string): Record<string, RedPepperIdentity> {
  try {
    const identities: unknown = JSON.parse(text);
    if (isIdentities(identities)) return identities;
  } catch {
    // Not even JSON: the same to the user.
  }
  const tryInstead = 'write {"camera-1": {"secret": "scrypt:…"}}, as firstframe fleet keys does';
  throw new ConfigError([{ setting: '--credentials-file', problem: `"${path}" holds no identities`, tryInstead }]);
}

function isIdentities(value: unknown): value is Record<string, RedPepperIdentity> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((identity: unknown) => {
    if (typeof identity !== 'object' || identity === null || !('secret' in identity)) return false;
    const { secret } = identity;
    const allow = 'allow' in identity ? identity.allow : [];
    return typeof secret === 'string' && Array.isArray(allow) && allow.every((range) => typeof range === 'string');
  });
}

/**
 * Makes keys for a fleet in a folder, or adds an agent to it: an authority, certificates of the manager and of one agent, and the
 * agent's credentials. Only the owner can read them. Throws ConfigError.
 *
 * @param names that agents know the manager by, beside localhost.
 */
export async function makeKeys(folder: string, id: string, names: readonly string[]): Promise<void> {
  if (!ID.test(id) || id === 'manager' || id === 'ca') {
    const tryInstead = 'write letters, digits, dots and dashes, such as camera-1';
    throw new ConfigError([{ setting: 'agent', problem: `"${id}" cannot be the name of an agent`, tryInstead }]);
  }
  const path = (file: string): string => join(folder, file);
  if (existsSync(path(`${id}.key`))) {
    const tryInstead = 'name another agent, or remove its files';
    throw new ConfigError([{ setting: 'agent', problem: `"${id}" has keys in ${folder} already`, tryInstead }]);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const sign = (name: string, extensions: string): void => {
    writeFileSync(path('extensions'), extensions, { mode: PRIVATE });
    openssl(folder, ['req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`]);
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-set_serial', `0x${randomBytes(16).toString('hex')}`];
    const how = ['-days', DAYS, '-extfile', 'extensions'];
    openssl(folder, ['x509', '-req', '-in', `${name}.csr`, ...by, ...how, '-out', `${name}.crt`]);
    for (const done of ['extensions', `${name}.csr`]) rmSync(path(done));
    chmodSync(path(`${name}.key`), PRIVATE);
  };
  if (!existsSync(path('ca.key'))) {
    const subject = ['-subj', '/CN=firstframe fleet', '-days', DAYS];
    openssl(folder, ['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', ...subject]);
    chmodSync(path('ca.key'), PRIVATE);
    const known = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1', ...names.map(subjectName)];
    sign('manager', `subjectAltName=${known.join(',')}\nextendedKeyUsage=serverAuth\n`);
  }
  sign(id, 'extendedKeyUsage=clientAuth\n');
  const credentials = randomBytes(24).toString('base64url');
  writeFileSync(path(`${id}.credentials`), `${credentials}\n`, { mode: PRIVATE });
  const file = path('identities.json');
  const identities = existsSync(file) ? readIdentities(readFileSync(file, 'utf8'), file) : {};
  identities[id] = { secret: await hashCredentials(credentials) };
  writeFileSync(file, `${JSON.stringify(identities, undefined, 2)}\n`, { mode: PRIVATE });
}

function subjectName(name: string): string {
  if (/^[\d.]+$/.test(name) || name.includes(':')) return `IP:${name}`;
  return `DNS:${name}`;
}

function openssl(folder: string, args: readonly string[]): void {
  try {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const problem = codeOf(error) === 'ENOENT' ? 'openssl is not installed' : `openssl ${args[0]} failed`;
    throw new ConfigError([{ setting: 'keys', problem, tryInstead: 'install openssl 1.1.1 or newer' }]);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
}
