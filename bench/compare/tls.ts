import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:tls';
import { CERTIFICATE_NAME, makeCertificate } from './certificate.ts';
import type { ComparePeer } from './peer.ts';
import { readMedia, serveMedia } from './tcp.ts';

/** TLS 1.3 over TCP, as far as Node goes: a stranger's first visit, so that there is no ticket and no early data. */
export const tls: ComparePeer = {
  name: 'tls',
  title: 'TLS 1.3 over TCP (node tls)',
  counts:
    'from connect() to the first 1,200 bytes: TCP, a full TLS 1.3 handshake with a certificate, one request, media',
  prepare: makeCertificate,
  async camera(site) {
    const { key = '', certificate = '' } = site.credentials;
    const identity = { key: await readFile(key), cert: await readFile(certificate) };
    return await serveMedia(
      createServer({ ...identity, minVersion: 'TLSv1.3', noDelay: true }),
      'secureConnection',
      site,
    );
  },
  async viewers({ address, port, credentials }) {
    const ca = await readFile(credentials['certificate'] ?? '');
    const options = { host: address, port, ca, servername: CERTIFICATE_NAME, minVersion: 'TLSv1.3' } as const;
    return {
      watch: async (signal) => {
        const socket = connect(options);
        socket.setNoDelay(true);
        return await readMedia(socket, signal);
      },
    };
  },
};
