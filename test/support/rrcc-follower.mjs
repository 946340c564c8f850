// A follower as a program of its own: listens on a port of TCP, tells it, and does nothing else by itself.
import { listenTcp, rrccFollower } from '../../dist/src/neighbours/rrcc/index.js';

const follower = rrccFollower(undefined, {
  methods: {
    double: ({ params }) => Uint8Array.of((params[0] ?? 0) * 2),
    timers: () => Uint8Array.of(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length),
  },
});
const { port } = await listenTcp({ port: 0 }, (transport) => follower.attach(transport));
process.stdout.write(`${port}\n`);
