import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type ComparePeer, MEDIA_BYTES, nothingNeeded, REQUEST_BYTES } from './peer.ts';

/** One datagram there, one back: the round trip that nobody can be faster than. It confirms nothing and repeats nothing. */
export const udpEcho: ComparePeer = {
  name: 'echo',
  title: 'UDP echo (node dgram), the round trip itself',
  counts: 'from socket() to the answer: one request, one datagram of media to an address that confirmed nothing',
  unrepeated: true,
  prepare: nothingNeeded,
  async camera({ address }) {
    const socket = createSocket('udp4');
    const media = Buffer.alloc(MEDIA_BYTES, 1);
    socket.on('message', (_, from) => socket.send(media, from.port, from.address));
    socket.bind(0, address);
    await once(socket, 'listening');
    return socket.address().port;
  },
  async viewers({ address, port }) {
    const request = Buffer.alloc(REQUEST_BYTES, 1);
    return {
      watch: (signal) =>
        new Promise((resolve, reject) => {
          const socket = createSocket({ type: 'udp4', lookup: (host, _, done) => done(null, host, 4) });
          signal.addEventListener('abort', () => socket.close(), { once: true });
          socket.once('error', reject);
          socket.once('message', () => resolve(() => socket.close()));
          socket.send(request, port, address);
        }),
    };
  },
};
