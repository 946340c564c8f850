import { describe, expect, it } from 'vitest';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, ResponderInput, ResponderOutput } from '../../src/engine/io-types.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { cryptoEntropy } from '../../src/io/entropy.ts';
import { EndpointRunner } from '../../src/io/runner.ts';
import { frameTypeName } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { testStream } from '../support/camera-application.ts';
import { keysPair, pskPair } from '../support/secured-pair.ts';
import { skipBecause } from '../support/skip-because.ts';
import { Capture } from '../support/tcpdump.ts';
import { soon } from '../support/witness.ts';

const modes = [
  ['psk', pskPair],
  ['keys', keysPair],
] as const;
const plain = { socket: 'dgram', notice: () => {}, impairment: undefined } as const;

describe.each(modes)('mode %s over real sockets', (_, pair) => {
  it('a packet capture shows three messages and then READY: no round trip more than without keys', async (context) => {
    const { camera: security, viewer: credentials } = pair();
    const { feed } = testStream();
    const camera = new ResponderEndpoint({ profile: profiles.default, entropy: cryptoEntropy, security });
    const cameraRunner: EndpointRunner<ResponderInput, ResponderOutput> = await EndpointRunner.bind(
      camera,
      { address: '127.0.0.1', port: 0, ...plain },
      (output) => {
        if (output.kind === 'reserve') cameraRunner.step({ kind: 'reserved', session: output.session, feed });
      },
    );
    const { local } = cameraRunner.socket;
    const capture = await Capture.start(local.port);
    const profile = { ...profiles.default, rtoInitialMs: 2000 };
    const viewer = new InitiatorEndpoint({ profile, entropy: cryptoEntropy, peer: local, security: credentials });
    let arrived = (): void => {};
    const streaming = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const viewerRunner: EndpointRunner<InitiatorInput, InitiatorOutput> = await EndpointRunner.bind(
      viewer,
      { address: '0.0.0.0', port: 0, remote: local, ...plain },
      (output) => {
        if (output.kind === 'streaming') arrived();
      },
    );
    viewerRunner.step({ kind: 'start' });
    await soon(streaming, 10_000, 'a secured session');
    await Promise.all([viewerRunner.close(), cameraRunner.close()]);
    if (typeof capture === 'string') return skipBecause(context, capture);
    const captured = await capture.stop();
    const kinds = captured.map(({ payload }) => frameTypeName(payload[2] ?? 0));
    expect(kinds.slice(0, 4)).toEqual(['START', 'START_ACK', 'START_CONFIRM', 'READY']);
    expect(captured.every(({ payload }) => ((payload[3] ?? 0) & 4) !== 0)).toBe(true);
  });
});
