import { describe, expect, it } from 'vitest';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorOutput } from '../../src/engine/io-types.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { pskCredentials, viewerCredentials } from '../../src/security/credentials.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { Prng } from '../../src/sim/prng.ts';
import { cameraPeer } from '../../src/sim/world.ts';
import { toHex } from '../codec/bytes.ts';
import { startBytes } from '../support/frames.ts';
import { type CredentialsPair, counting, fixedKeys, keysPair, pskPair } from '../support/secured-pair.ts';
import { SecuredWorld, streamingWorld } from '../support/secured-world.ts';
import { endOf } from '../support/tapped-world.ts';

const modes: readonly (readonly [string, () => CredentialsPair])[] = [
  ['psk', pskPair],
  ['keys', keysPair],
];

describe.each(modes)('mode %s', (mode, pair) => {
  it('a handshake is three messages and no round trip more', () => {
    const { secured, viewer } = streamingWorld(pair());
    expect([...new Set(secured.sent.map(({ name }) => name))].slice(0, 4)).toEqual([
      'START',
      'START_ACK',
      'START_CONFIRM',
      'READY',
    ]);
    expect(
      secured.sent.every(({ bytes }) => ((bytes[3] ?? 0) & 4) !== 0),
      'SECURED in every frame',
    ).toBe(true);
    expect(secured.ofKind('READY')[0]?.atMs).toBe(30);
    expect(viewer.outputs.map(({ output }) => output)).toContainEqual({ kind: 'sdp', sdp: 'v=0' });
    expect(secured.told('reserve')[0]?.streamName).toBe('door');
    const binding = viewer.endpoint.keys?.channelBinding;
    expect(binding).toHaveLength(32);
    expect(secured.world.camera.keysOf(1)?.channelBinding, 'S4').toEqual(binding);
  });

  it('START has 256 bytes, START_ACK 128, START_CONFIRM what the mode needs', () => {
    const { secured } = streamingWorld(pair());
    const sizes = ['START', 'START_ACK', 'START_CONFIRM'].map((name) => secured.ofKind(name)[0]?.bytes.length);
    expect(sizes).toEqual([256, 128, mode === 'psk' ? 72 : 108]);
  });

  it('copies of START differ in attempt and MAC1 alone, those of START_ACK too, those of START_CONFIRM in nothing (S13)', () => {
    const secured = new SecuredWorld(pair(), { link: { oneWayMs: 40 } });
    secured.join();
    secured.world.run(300);
    for (const [name, trailerBytes] of [
      ['START', 16],
      ['START_ACK', 16],
      ['START_CONFIRM', 0],
    ] as const) {
      const copies = secured.ofKind(name).map(({ bytes }) => {
        const kept = bytes.slice(0, bytes.length - trailerBytes);
        if (trailerBytes > 0) kept[20] = 0;
        return toHex(kept);
      });
      expect(copies.length, name).toBeGreaterThan(2);
      expect(new Set(copies).size, name).toBe(1);
    }
  });

  it('every sealed frame has a counter of its own, one more than the one before (S11)', () => {
    const { secured } = streamingWorld(pair());
    secured.world.run(60_000);
    for (const fromCamera of [true, false]) {
      const sealed = secured.sent.filter(
        (datagram) => datagram.fromCamera === fromCamera && !datagram.name.startsWith('START'),
      );
      const counters = sealed.map(({ bytes }) => Number(`0x${toHex(bytes.subarray(24, 32))}`));
      const first = mode === 'psk' && !fromCamera ? 1 : 0;
      expect(counters.length).toBeGreaterThan(5);
      expect(counters).toEqual(counters.map((_, index) => first + index));
    }
  });

  it('both ends change their keys every two minutes and nothing is lost by it', () => {
    const { secured, viewer } = streamingWorld(pair());
    secured.world.run(600_000);
    expect(viewer.endpoint.state).toBe('Streaming');
    const phases = secured.ofKind('PONG').map(({ bytes }) => ((bytes[3] ?? 0) & 8) >> 3);
    expect(phases.join('')).toMatch(/^0+1+0+1+0/);
    expect(secured.cameraDrops()['notAuthentic']).toBe(0);
    expect(viewer.endpoint.counters.snapshot().drops.notAuthentic).toBe(0);
  });

  it('exchanges of the largest size fit into sealed frames, both ways and through loss', () => {
    const secured = new SecuredWorld(pair(), { link: { oneWayMs: 10, loss: 0.1 } });
    const viewer = secured.join();
    secured.world.run(1000);
    const [method, body] = ['m'.repeat(64), new Uint8Array(16_384).fill(7)];
    secured.world.toViewer(viewer, { kind: 'exchange', input: { kind: 'ask', call: 1, method, body } });
    secured.world.run(3000);
    const [asked] = secured.told('asked');
    expect(asked).toMatchObject({ method, body });
    const { session = 0, requestId = 0n } = asked ?? {};
    const status = { exchange: 0, method: 5 };
    const answer = { kind: 'answer', requestId, round: 1, status, body } as const;
    secured.world.toCamera({ kind: 'exchange', session, input: answer });
    secured.world.run(3000);
    const told = viewer.outputs.map(({ output }) => output);
    expect(told).toContainEqual(expect.objectContaining({ kind: 'answered', status: 5, body }));
    expect(Math.max(...secured.sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1200);
  });

  it('a session is ended by a sealed BYE', () => {
    const { secured, viewer } = streamingWorld(pair());
    secured.world.toViewer(viewer, { kind: 'close', code: ErrorCode.NO_ERROR });
    secured.world.run(100);
    expect(viewer.endpoint.state).toBe('Closed');
    expect(secured.ofKind('BYE')[0]?.bytes).toHaveLength(72);
    expect(secured.ofKind('BYE_ACK')[0]?.bytes).toHaveLength(48);
  });

  it('a BYE whose answer is lost is sealed anew each time', () => {
    const { secured, viewer } = streamingWorld(pair());
    viewer.toViewer.partitioned = true;
    secured.world.toViewer(viewer, { kind: 'close', code: ErrorCode.NO_ERROR });
    secured.world.run(7000);
    const byes = secured.ofKind('BYE').map(({ bytes }) => toHex(bytes));
    expect(byes.length).toBe(5);
    expect(new Set(byes).size).toBe(5);
    expect(viewer.endpoint.state).toBe('Closed');
  });

  it('succeeds through 30 % loss each way', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const secured = new SecuredWorld(pair(), { seed, link: { oneWayMs: 25, loss: 0.3 } });
      const viewer = secured.join();
      secured.world.run(3000);
      expect(viewer.endpoint.state, `seed ${seed}`).toBe('Streaming');
    }
  });

  it('a camera that was restarted is found out by a START_ACK with another tag, before the confirm', () => {
    const secured = new SecuredWorld(pair(), { link: { oneWayMs: 20 } });
    const viewer = secured.join();
    secured.world.run(41);
    expect(viewer.endpoint.state).toBe('AwaitingStartConfirm');
    secured.world.restart('camera');
    secured.world.run(500);
    expect(viewer.endpoint.state).toBe('Streaming');
    const session = secured.told('streaming').at(-1)?.session ?? 0;
    expect(secured.world.camera.keysOf(session)?.channelBinding, 'S4').toEqual(viewer.endpoint.keys?.channelBinding);
  });

  it('a forged START_CONFIRM with the right ids confirms nothing, and the true one still does (S1)', () => {
    const secured = new SecuredWorld(pair());
    const viewer = secured.join();
    secured.world.run(29);
    const confirm = secured.ofKind('START_CONFIRM')[0]?.bytes.slice() ?? new Uint8Array(0);
    confirm[30] = (confirm[30] ?? 0) ^ 1;
    secured.world.inject(viewer.peer, confirm);
    // MAC1 keeps out who lacks its key; in mode keys everybody who knows the camera's public key has it.
    expect(secured.cameraDrops()['mac1']).toBe(1);
    secured.world.run(50);
    expect(viewer.endpoint.state).toBe('Streaming');
  });

  it('a session that was recorded and is played again from elsewhere starts nothing (S7, S11)', () => {
    const { secured } = streamingWorld(pair());
    const recorded = secured.sent.filter(({ fromCamera }) => !fromCamera).map(({ bytes }) => bytes);
    const before = secured.told('streaming').length;
    for (const bytes of recorded) {
      secured.world.inject({ address: '10.9.9.9', port: 1 }, bytes);
      secured.world.run(20);
    }
    expect(secured.told('streaming').length).toBe(before);
  });

  it('sealed frames that are played again from the same tuple do nothing (S11)', () => {
    const { secured, viewer } = streamingWorld(pair());
    secured.world.run(1000);
    const recorded = secured.sent.filter(({ fromCamera, name }) => !fromCamera && name === 'PONG');
    for (const { bytes } of recorded) secured.world.inject(viewer.peer, bytes);
    expect(secured.cameraDrops()['replayed']).toBe(recorded.length);
  });

  it('a clear frame does nothing at a secured end, nor a secured one at a clear end', () => {
    const { secured, viewer } = streamingWorld(pair());
    secured.world.inject(viewer.peer, startBytes(7n));
    expect(secured.cameraDrops()['clear']).toBe(1);
    const clear = new InitiatorEndpoint({ profile: profiles.default, entropy: new Prng(3), peer: cameraPeer });
    clear.step({ kind: 'start' }, 0);
    const ack = secured.ofKind('START_ACK')[0]?.bytes ?? new Uint8Array(0);
    expect(clear.step({ kind: 'datagram', bytes: ack, from: cameraPeer }, 1)).toEqual([]);
    expect(clear.counters.snapshot().drops.secured).toBe(1);
  });

  it('a viewer that does not change its secret within three minutes is closed with KEY_LIMIT', () => {
    const secured = new SecuredWorld(pair());
    // By a clock that runs at a third of its speed two minutes are six.
    const viewer = secured.join({ clock: { rate: 1 / 3 } });
    secured.world.run(179_000);
    expect(viewer.endpoint.state).toBe('Streaming');
    secured.world.run(60_000);
    expect(secured.cameraDrops()['keyLimit']).toBeGreaterThan(0);
    expect(endOf(viewer)?.code).toBe(ErrorCode.KEY_LIMIT);
    // The camera cannot open the viewer's BYE_ACK any more.
    expect(secured.told('closed').map(({ code }) => code)).toEqual([ErrorCode.KEY_LIMIT]);
  });

  it('traces show frames as they were before they were sealed', () => {
    const secured = new SecuredWorld(pair());
    const viewer = secured.join({ trace: true });
    secured.world.run(200);
    const frames = viewer.outputs.flatMap(({ output }) => (output.kind === 'traceFrame' ? [output] : []));
    const shown = frames.map(({ direction, frame }) => `${direction} ${frame.type}`);
    for (const expected of ['sent 1', 'received 2', 'sent 3', 'received 6', 'received 7', 'sent 8']) {
      expect(shown).toContain(expected);
    }
    expect(frames.find(({ frame }) => frame.type === 6)?.frame).toMatchObject({ sdp: 'v=0' });
  });
});

describe('a START_CONFIRM', () => {
  it('is remembered as it came, whatever becomes of the memory that it came in (S13)', () => {
    const secured = new SecuredWorld(pskPair());
    const viewer = secured.join();
    secured.world.run(29);
    const early = secured.ofKind('START_CONFIRM')[0]?.bytes.slice() ?? new Uint8Array(0);
    secured.world.inject(viewer.peer, early);
    expect(secured.told('streaming')).toHaveLength(1);
    early.fill(0);
    secured.world.run(21);
    expect(secured.cameraDrops()['notAuthentic']).toBe(0);
    expect(secured.ofKind('READY').length).toBeGreaterThan(1);
  });
});

describe('who may look', () => {
  it('a viewer with another PSK gets no answer', () => {
    const secured = new SecuredWorld(pskPair());
    const viewer = secured.join({ security: pskCredentials(counting(1)) });
    secured.world.run(16_000);
    expect(endOf(viewer)?.code).toBe(ErrorCode.HANDSHAKE_TIMEOUT);
    expect(secured.sent.filter(({ fromCamera }) => fromCamera)).toEqual([]);
    expect(secured.cameraDrops()['mac1']).toBeGreaterThan(5);
    expect(secured.told('reserve')).toEqual([]);
  });

  it('a viewer with another camera’s key gets no answer', () => {
    const secured = new SecuredWorld(keysPair());
    const security = viewerCredentials(KeyPair.of(fixedKeys.viewer), KeyPair.of(counting(9)).publicKey);
    const viewer = secured.join({ security });
    secured.world.run(16_000);
    expect(endOf(viewer)?.code).toBe(ErrorCode.HANDSHAKE_TIMEOUT);
    expect(secured.cameraDrops()['mac1']).toBeGreaterThan(5);
  });

  it('a viewer that is not on the list is told AUTH_FAILED, once it has proven who it is', () => {
    const secured = new SecuredWorld(keysPair([]));
    const viewer = secured.join();
    secured.world.run(100);
    expect(endOf(viewer)?.code).toBe(ErrorCode.AUTH_FAILED);
    expect(secured.told('closed')[0]).toMatchObject({ code: ErrorCode.AUTH_FAILED, wasStreaming: false });
    expect(secured.ofKind('ERROR')[0]?.bytes.length).toBeLessThanOrEqual(108);
    expect(secured.told('streaming')).toEqual([]);
  });

  it('a list of viewers lets nobody look in a mode that does not tell who looks', () => {
    const { viewer, camera } = pskPair();
    const secured = new SecuredWorld({ viewer, camera: { ...camera, viewers: { allows: () => true } } });
    const refused = secured.join();
    secured.world.run(100);
    expect(endOf(refused)?.code).toBe(ErrorCode.AUTH_FAILED);
    expect(secured.told('streaming')).toEqual([]);
  });

  it('the camera says who looks from the confirm on, in bytes that are the caller’s', () => {
    const secured = new SecuredWorld(keysPair());
    secured.join();
    const { camera } = secured.world;
    secured.world.run(29);
    expect([camera.pendingCount, camera.viewerKeyOf(1)]).toEqual([1, undefined]);
    secured.world.run(21);
    const { publicKey } = KeyPair.of(fixedKeys.viewer);
    expect(camera.viewerKeyOf(1)).toEqual(publicKey);
    camera.viewerKeyOf(1)?.fill(0);
    expect(camera.viewerKeyOf(1)).toEqual(publicKey);
  });

  it('in mode psk everybody is the same viewer, whom no key names, and takes over its tuple', () => {
    const secured = new SecuredWorld(pskPair());
    const viewer = secured.join();
    secured.world.run(50);
    expect(secured.world.camera.viewerKeyOf(1)).toBeUndefined();
    secured.world.restart(viewer.number);
    secured.world.toViewer(viewer, { kind: 'start' });
    secured.world.run(50);
    expect(secured.told('closed').map(({ code }) => code)).toEqual([ErrorCode.SUPERSEDED]);
    expect(secured.told('streaming')).toHaveLength(2);
  });

  it('a PSK besides the keys is asked of everybody', () => {
    const camera = keysPair().camera;
    const secured = new SecuredWorld({ ...keysPair(), camera: { ...camera, psk: pskPair().camera.psk } });
    const viewer = secured.join();
    secured.world.run(16_000);
    expect(endOf(viewer)?.code).toBe(ErrorCode.CONFIRM_TIMEOUT);
    expect(secured.cameraDrops()['notAuthentic']).toBeGreaterThan(3);
  });

  it('only the same viewer takes over its tuple: another one is refused and changes nothing (S7)', () => {
    const other = KeyPair.of(counting(0x33));
    const { camera, viewer: credentials } = keysPair([KeyPair.of(fixedKeys.viewer).publicKey, other.publicKey]);
    const secured = new SecuredWorld({ camera, viewer: credentials });
    const first = secured.join();
    secured.world.run(50);
    expect(first.endpoint.state).toBe('Streaming');
    const handshakeAt = (security: typeof credentials, seed: number): readonly InitiatorOutput[] => {
      const endpoint = new InitiatorEndpoint({
        profile: profiles.default,
        entropy: new Prng(seed),
        peer: cameraPeer,
        security,
      });
      const outputs: InitiatorOutput[] = [];
      const give = (given: readonly InitiatorOutput[]): void => {
        for (const output of given) {
          outputs.push(output);
          if (output.kind === 'send') secured.world.inject(first.peer, output.bytes);
        }
      };
      const from = secured.sent.length;
      give(endpoint.step({ kind: 'start' }, 0));
      secured.world.run(1);
      for (const { bytes, fromCamera } of secured.sent.slice(from)) {
        if (fromCamera) give(endpoint.step({ kind: 'datagram', bytes, from: cameraPeer }, 1));
      }
      secured.world.run(1);
      const seen = secured.sent.slice(from).filter(({ name }) => name === 'ERROR' || name === 'READY');
      for (const { bytes } of seen) give(endpoint.step({ kind: 'datagram', bytes, from: cameraPeer }, 2));
      return outputs;
    };
    const stranger = viewerCredentials(other, KeyPair.of(fixedKeys.camera).publicKey);
    expect(handshakeAt(stranger, 77)).toContainEqual(
      expect.objectContaining({ kind: 'closed', code: ErrorCode.AUTH_FAILED }),
    );
    expect(secured.told('closed').map(({ code }) => code)).toEqual([ErrorCode.AUTH_FAILED]);
    expect(handshakeAt(credentials, 78)).toContainEqual(expect.objectContaining({ kind: 'streaming' }));
    expect(secured.told('closed').map(({ code }) => code)).toEqual([ErrorCode.AUTH_FAILED, ErrorCode.SUPERSEDED]);
  });
});
