// A follower that is spoken with over standard input and output.
import { rrccFollower, standardTransport } from '../../dist/src/neighbours/rrcc/index.js';

rrccFollower(standardTransport(), { methods: { double: ({ params }) => Uint8Array.of((params[0] ?? 0) * 2) } });
