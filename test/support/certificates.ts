import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key and its certificate, PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** An authority and what it signed. */
export interface Certificates {
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
}

let made: Certificates | string | undefined;

/** Certificates of an authority made for this run, valid for a day; a text says why there can be none. */
export function certificates(): Certificates | string {
  made ??= make();
  return made;
}

function make(): Certificates | string {
  const folder = mkdtempSync(join(tmpdir(), 'firstframe-tls-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const sign = (name: string): Identity => {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', 'names'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.crt`);
    return { key: read(`${name}.key`), cert: read(`${name}.crt`) };
  };
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  try {
    writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test', '-days', '1');
    return { ca: read('ca.crt'), server: sign('server'), client: sign('client') };
  } catch (error) {
    return `openssl made no certificates: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
