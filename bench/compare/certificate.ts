import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Prepared } from './peer.ts';

const run = promisify(execFile);

/** The name in the certificate, which viewers check. */
export const CERTIFICATE_NAME = 'camera.test';

/** A key on P-256 and a certificate of it, signed by itself, as files; made once for each folder. @returns their paths: `key`, `certificate`. */
export async function makeCertificate(folder: string): Promise<Prepared> {
  const [key, certificate] = [join(folder, 'camera.key'), join(folder, 'camera.crt')];
  if (existsSync(certificate)) return { ok: true, credentials: { key, certificate } };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', `/CN=${CERTIFICATE_NAME}`, '-addext', `subjectAltName=DNS:${CERTIFICATE_NAME}`, '-days', '2'];
  try {
    await run('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', certificate]);
    return { ok: true, credentials: { key, certificate } };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no openssl here' : `openssl says: ${message.split('\n')[1] ?? message}`;
    return { ok: false, reason: `${why} (apt install openssl)` };
  }
}
