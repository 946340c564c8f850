/**
 * What a handshake costs each side in each mode: CPU time of the engine's steps from the call to Streaming, both ends in this
 * process, no sockets. Modes take turns, and the X25519 operations that Node cannot do without are timed in the same run: on a
 * shared machine the ratio means more than the time.
 *
 *     npm run build && node dist/bench/micro/secured-handshake.js --runs 3000
 */
process.env['NODE_ENV'] ??= 'production';

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { InitiatorOutput, Peer, ResponderOutput } from '../../src/engine/io-types.ts';
import type { InitiatorCredentials, ResponderCredentials } from '../../src/security/credentials.ts';

const { InitiatorEndpoint } = await import('../../src/engine/initiator-endpoint.ts');
const { ResponderEndpoint } = await import('../../src/engine/responder-endpoint.ts');
const { cryptoEntropy } = await import('../../src/io/entropy.ts');
const { StreamFeed } = await import('../../src/media/stream-feed.ts');
const { profiles } = await import('../../src/protocol/profiles.ts');
const { describeMachine } = await import('../../src/report/machine.ts');
const { percentiles } = await import('../../src/report/percentiles.ts');
const { cameraCredentials, pskCredentials, viewerCredentials } = await import('../../src/security/credentials.ts');
const { KeyPair } = await import('../../src/security/x25519.ts');

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '3000' },
    out: { type: 'string', default: 'firstframe-out/micro-secured-handshake.json' },
  },
});
const runs = Number(flags.runs);
/** Not counted: the engine's code is compiled meanwhile. */
const WARM_UP_RUNS = 300;
/** Handshakes of one camera; then another is made, so that its sessions do not add up. */
const RUNS_PER_CAMERA = 100;
const LIMIT = 1_000_000;

interface Ends {
  readonly camera?: ResponderCredentials;
  readonly viewer?: InitiatorCredentials;
}

/** CPU time of both sides of one handshake in us. */
interface Cost {
  readonly viewer: number;
  readonly camera: number;
}

const drawn = (): Uint8Array => new Uint8Array(randomBytes(32));
const both = pskCredentials(drawn());
const [cameraKeys, viewerKeys] = [KeyPair.of(drawn()), KeyPair.of(drawn())];
const modes: Readonly<Record<'none' | 'psk' | 'keys', Ends>> = {
  none: {},
  psk: { camera: both, viewer: both },
  keys: {
    camera: cameraCredentials(cameraKeys, { allows: (key) => key.length === 32 }),
    viewer: viewerCredentials(viewerKeys, cameraKeys.publicKey),
  },
};
const cameraPeer: Peer = { address: '10.0.0.1', port: 4444 };
const feed = new StreamFeed({ format: 'generic', payloadType: 97 });

function newCamera({ camera }: Ends): InstanceType<typeof ResponderEndpoint> {
  const limits = {
    prefixRate: { perSecond: LIMIT, burst: LIMIT },
    pendingPerPrefixSoft: LIMIT,
    pendingPerPrefixMax: LIMIT,
    pendingMax: LIMIT,
    load: { pending: LIMIT, startsPerSecond: LIMIT, lateMs: LIMIT },
  };
  const security = camera === undefined ? {} : { security: camera };
  return new ResponderEndpoint({ profile: profiles.default, entropy: cryptoEntropy, limits, ...security });
}

function sentBy(outputs: readonly (InitiatorOutput | ResponderOutput)[]): readonly Uint8Array[] {
  return outputs.flatMap((output) => (output.kind === 'send' ? [output.bytes] : []));
}

/** One handshake: START, START_ACK, START_CONFIRM, and READY at the viewer. */
function handshake(
  camera: InstanceType<typeof ResponderEndpoint>,
  { viewer }: Ends,
  nowMs: number,
  port: number,
): Cost {
  const from: Peer = { address: '10.1.0.1', port };
  const spent = { viewer: 0n, camera: 0n };
  const timed = <Output>(side: keyof Cost, step: () => Output): Output => {
    const startedNs = process.hrtime.bigint();
    const output = step();
    spent[side] += process.hrtime.bigint() - startedNs;
    return output;
  };
  const endpoint = new InitiatorEndpoint({
    profile: profiles.default,
    entropy: cryptoEntropy,
    peer: cameraPeer,
    streamName: 'door',
    ...(viewer === undefined ? {} : { security: viewer }),
  });
  const [start = new Uint8Array(0)] = sentBy(timed('viewer', () => endpoint.step({ kind: 'start' }, nowMs)));
  const asked = timed('camera', () => camera.step({ kind: 'datagram', bytes: start, from }, nowMs));
  const reserve = asked.find((output) => output.kind === 'reserve');
  if (reserve?.kind !== 'reserve') throw new Error('START was not admitted');
  const { session } = reserve;
  const [ack = start] = sentBy(timed('camera', () => camera.step({ kind: 'reserved', session, feed }, nowMs)));
  const answered = timed('viewer', () => endpoint.step({ kind: 'datagram', bytes: ack, from: cameraPeer }, nowMs));
  const [confirm = start] = sentBy(answered);
  const [ready = start] = sentBy(timed('camera', () => camera.step({ kind: 'datagram', bytes: confirm, from }, nowMs)));
  timed('viewer', () => endpoint.step({ kind: 'datagram', bytes: ready, from: cameraPeer }, nowMs));
  if (endpoint.state !== 'Streaming') throw new Error(`the viewer is in ${endpoint.state}`);
  return { viewer: Number(spent.viewer) / 1000, camera: Number(spent.camera) / 1000 };
}

/** An agreement, and a key pair from random bytes, in us. */
function bareOperations(): { readonly keyPair: number; readonly agreement: number } {
  const bytes = drawn();
  const startedNs = process.hrtime.bigint();
  const pair = KeyPair.of(bytes);
  const madeNs = process.hrtime.bigint();
  pair.agree(cameraKeys.publicKey);
  const agreedNs = process.hrtime.bigint();
  return { keyPair: Number(madeNs - startedNs) / 1000, agreement: Number(agreedNs - madeNs) / 1000 };
}

const names = Object.keys(modes) as (keyof typeof modes)[];
const costs = { none: [] as Cost[], psk: [] as Cost[], keys: [] as Cost[] };
const bare: { readonly keyPair: number; readonly agreement: number }[] = [];
const cameras = new Map(names.map((name) => [name, newCamera(modes[name])]));
for (let run = -WARM_UP_RUNS; run < runs; run++) {
  if (run % RUNS_PER_CAMERA === 0) for (const name of names) cameras.set(name, newCamera(modes[name]));
  for (const name of names) {
    const camera = cameras.get(name) ?? newCamera(modes[name]);
    const cost = handshake(camera, modes[name], 1000 + run, 1024 + ((run + WARM_UP_RUNS) % 60_000));
    if (run >= 0) costs[name].push(cost);
  }
  if (run >= 0) bare.push(bareOperations());
}

const keyPair = percentiles(bare.map((one) => one.keyPair));
const agreement = percentiles(bare.map((one) => one.agreement));
/** X25519 operations of each side: key pairs and agreements. */
const operations = { none: [0, 0], psk: [1, 1], keys: [1, 3] } as const;
const figures = names.flatMap((mode) =>
  (['viewer', 'camera'] as const).map((side) => {
    const us = percentiles(costs[mode].map((cost) => cost[side]));
    const [pairs, agreements] = operations[mode];
    const x25519Us = pairs * keyPair.p50 + agreements * agreement.p50;
    return { mode, side, us, x25519Us, beyondUs: us.p50 - x25519Us };
  }),
);
for (const { mode, side, us, x25519Us, beyondUs } of figures) {
  const { p50, p90, p99, max } = us;
  const times = [p50, p90, p99, max].map((time) => time.toFixed(0).padStart(6)).join('');
  process.stdout.write(
    `${mode.padEnd(5)} ${side.padEnd(7)} us p50 p90 p99 max ${times}   X25519 ${x25519Us.toFixed(0)}, all else ${beyondUs.toFixed(0)}\n`,
  );
}
const machine = describeMachine();
process.stdout.write(`key pair ${keyPair.p50.toFixed(1)} us, agreement ${agreement.p50.toFixed(1)} us; failures 0\n`);
process.stdout.write(`${JSON.stringify(machine)}\n`);
await mkdir(dirname(flags.out), { recursive: true });
await writeFile(flags.out, `${JSON.stringify({ machine, runs, keyPair, agreement, figures }, null, 2)}\n`);
