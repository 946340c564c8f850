import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type CameraSite, type ComparePeer, type Leave, MEDIA_BYTES, nothingNeeded, REQUEST_BYTES } from './peer.ts';

/** TCP as the system does it: a connection, a request, media. */
export const tcp: ComparePeer = {
  name: 'tcp',
  title: 'TCP (node net)',
  counts: 'from connect() to the first 1,200 bytes: handshake of the system, one request, media',
  prepare: nothingNeeded,
  camera: async (site) => await serveMedia(createServer({ noDelay: true }), 'connection', site),
  async viewers({ address, port }) {
    return { watch: async (signal) => await readMedia(connect({ host: address, port, noDelay: true }), signal) };
  },
};

/** Answers each request on a byte stream with the key frame. @returns the port. */
export async function serveMedia(
  server: Server,
  event: 'connection' | 'secureConnection',
  { address, keyframeDatagrams }: CameraSite,
): Promise<number> {
  const media = Buffer.alloc(MEDIA_BYTES, 1);
  server.on(event, (socket: Socket) => {
    let missing = REQUEST_BYTES;
    socket.on('data', (bytes) => {
      const asked = missing > 0 && missing <= bytes.length;
      missing -= bytes.length;
      if (!asked) return;
      // One by one: a record of TLS of 16 KiB, which nobody can read before its end, is longer than what TCP may send at first.
      for (let sent = 0; sent < keyframeDatagrams; sent++) socket.write(media);
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen({ host: address, port: 0, backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Asks on a byte stream that may not be connected yet. @returns when {@link MEDIA_BYTES} have come. */
export async function readMedia(socket: Socket, signal: AbortSignal): Promise<Leave> {
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  return await new Promise<Leave>((resolve, reject) => {
    let missing = MEDIA_BYTES;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without media')));
    socket.on('data', (bytes) => {
      missing -= bytes.length;
      if (missing <= 0) resolve(() => socket.destroy());
    });
    socket.write(Buffer.alloc(REQUEST_BYTES, 1));
  });
}
