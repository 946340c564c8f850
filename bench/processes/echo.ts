/** Sends every datagram back: what the network, the machine and Node take without any handshake. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { serve } from './serve.ts';

serve(async () => {
  const socket = createSocket({ type: 'udp4', lookup: (address, _, done) => done(null, address, 4) });
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  // Its own lookup answers at once, so that it may be bound before `bind` returns.
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  return { ready: { address: '127.0.0.1', port: socket.address().port }, report: () => undefined };
});
