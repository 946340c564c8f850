import { randomBytes } from 'node:crypto';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorOutput, Peer, ResponderOutput } from '../../src/engine/io-types.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { cryptoEntropy } from '../../src/io/entropy.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import {
  cameraCredentials,
  type InitiatorCredentials,
  pskCredentials,
  type ResponderCredentials,
  viewerCredentials,
} from '../../src/security/credentials.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { raisedLimits } from '../handshake-cell.ts';
import type { Wanted } from '../result.ts';
import { type MicroRow, row } from './row.ts';

/** Handshakes of one camera; then another is made, so that its sessions do not add up. */
const RUNS_PER_CAMERA = 100;
/** 6,000 handshakes of mode `psk` in a second of a core. */
const pskWanted: Wanted = { quantile: 'p50', of: 'value', bound: 1e9 / 6000 };
/** 250 us a side in mode `keys`. */
const keysWanted: Wanted = { quantile: 'p50', of: 'value', bound: 250_000 };

interface Ends {
  readonly camera?: ResponderCredentials;
  readonly viewer?: InitiatorCredentials;
}

type Side = 'viewer' | 'camera';

const cameraPeer: Peer = { address: '10.0.0.1', port: 4444 };

/**
 * What a handshake costs each side in each mode: the engine's steps from the call to Streaming, both ends in this process, no sockets. X25519
 * operations that Node cannot do without are rows of their own: a pair and an agreement in mode `psk`, a pair and three in `keys`.
 */
export function handshakeRows(): readonly MicroRow[] {
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
  const x25519 = (agreements: number) => (): void => {
    const pair = KeyPair.of(drawn());
    for (let i = 0; i < agreements; i++) pair.agree(cameraKeys.publicKey);
  };
  const sides = (mode: keyof typeof modes, more: Partial<MicroRow>): readonly MicroRow[] =>
    (['viewer', 'camera'] as const).map((side) => ({
      name: `${mode}, ${side}`,
      run: (times) => timesOf(modes[mode], side, times),
      ...more,
      ...(mode === 'psk' && side === 'camera' ? { wanted: pskWanted } : {}),
    }));
  return [
    ...sides('none', {}),
    row('psk, X25519 alone', x25519(1)),
    ...sides('psk', { reference: 'psk, X25519 alone' }),
    row('keys, X25519 alone', x25519(3)),
    ...sides('keys', { reference: 'keys, X25519 alone', wanted: keysWanted }),
  ];
}

function timesOf(ends: Ends, side: Side, times: number): number {
  let us = 0;
  let camera = newCamera(ends);
  for (let run = 0; run < times; run++) {
    if (run % RUNS_PER_CAMERA === RUNS_PER_CAMERA - 1) camera = newCamera(ends);
    us += handshake(camera, ends, 1000 + run, 1024 + (run % 60_000))[side];
  }
  return 1000 * us;
}

function newCamera({ camera }: Ends): ResponderEndpoint {
  const security = camera === undefined ? {} : { security: camera };
  const { camera: limits } = raisedLimits(RUNS_PER_CAMERA, 0);
  return new ResponderEndpoint({ profile: profiles.default, entropy: cryptoEntropy, limits, ...security });
}

function sentBy(outputs: readonly (InitiatorOutput | ResponderOutput)[]): readonly Uint8Array[] {
  return outputs.flatMap((output) => (output.kind === 'send' ? [output.bytes] : []));
}

/** One handshake: START, START_ACK, START_CONFIRM, and READY at the viewer. @returns CPU time of each side, in us. */
function handshake(camera: ResponderEndpoint, { viewer }: Ends, nowMs: number, port: number): Record<Side, number> {
  const feed = new StreamFeed({ format: 'generic', payloadType: 97 });
  const from: Peer = { address: '10.1.0.1', port };
  const spent = { viewer: 0, camera: 0 };
  const timed = <Output>(side: Side, step: () => Output): Output => {
    const before = process.cpuUsage();
    const output = step();
    const { user, system } = process.cpuUsage(before);
    spent[side] += user + system;
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
  return spent;
}
