import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageFile } from '../../src/io/package-file.ts';
import { CERTIFICATE_NAME, makeCertificate } from './certificate.ts';
import { type ComparePeer, MEDIA_BYTES, type Prepared } from './peer.ts';
import { programCamera, programViewers } from './program.ts';

const run = promisify(execFile);

/** Where Debian puts packages of Go, which are built without a module and without a network. */
const debian = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOFLAGS: '-buildvcs=false' } as const;

/** QUIC by quic-go, as Debian has it: a stranger's first visit, so that there is no token and no early data. */
export const quic: ComparePeer = {
  name: 'quic',
  title: 'QUIC (quic-go), without Retry',
  counts:
    'from DialAddr() to the first 1,200 bytes of a stream: a full handshake with a certificate, one request, media',
  prepare,
  async camera({ address, credentials, keyframeDatagrams }) {
    const { program = '', key = '', certificate = '' } = credentials;
    return await programCamera(program, ['camera', address, key, certificate, String(keyframeDatagrams * MEDIA_BYTES)]);
  },
  async viewers({ address, port, credentials, timeoutMs }) {
    const { program = '', certificate = '' } = credentials;
    const parameters = [`${address}:${port}`, CERTIFICATE_NAME, certificate, String(timeoutMs)];
    return await programViewers(program, ['viewers', ...parameters]);
  },
};

async function prepare(folder: string): Promise<Prepared> {
  const made = await makeCertificate(folder);
  if (!made.ok) return made;
  const program = join(folder, 'quic-pair');
  try {
    const source = packageFile('bench/go/quic-pair.go');
    await run('go', ['build', '-o', program, source], { env: { ...process.env, ...debian } });
    return { ok: true, credentials: { ...made.credentials, program } };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no go here' : `go says: ${message.split('\n')[1] ?? message}`;
    return { ok: false, reason: `${why} (apt install golang-go golang-github-lucas-clemente-quic-go-dev)` };
  }
}
