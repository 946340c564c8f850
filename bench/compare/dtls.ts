import { compileProgram } from '../c-program.ts';
import { CERTIFICATE_NAME, makeCertificate } from './certificate.ts';
import { CAMERA_GOES_ON, type ComparePeer, type Prepared } from './peer.ts';
import { programCamera, programViewers } from './program.ts';

/** DTLS as WebRTC and others have it, by OpenSSL; the shortest exchange that confirms an address. */
export const dtls: ComparePeer = {
  name: 'dtls',
  title: 'DTLS 1.2 (OpenSSL), without cookie',
  counts: `from socket() to the first 1,200 bytes: a full handshake with a certificate; media with the last flight, no request; ${CAMERA_GOES_ON}`,
  prepare,
  async camera({ address, credentials, keyframeDatagrams }) {
    const { program = '', key = '', certificate = '' } = credentials;
    return await programCamera(program, ['camera', address, key, certificate, String(keyframeDatagrams)]);
  },
  async viewers({ address, port, credentials }) {
    const { program = '', certificate = '' } = credentials;
    return await programViewers(program, ['viewers', address, String(port), CERTIFICATE_NAME, certificate]);
  },
};

async function prepare(folder: string): Promise<Prepared> {
  const made = await makeCertificate(folder);
  if (!made.ok) return made;
  const { path, why } = await compileProgram('dtls-pair', folder, ['ssl', 'crypto']);
  if (why !== undefined) return { ok: false, reason: `${why} (apt install gcc libssl-dev)` };
  return { ok: true, credentials: { ...made.credentials, program: path } };
}
