import { describe, expect, test } from 'vitest';
import { resolveInitiateSettings, resolveRespondSettings } from '../../src/config/settings.ts';
import { ConfigError } from '../../src/errors.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { counting, fixedKeys } from '../support/secured-pair.ts';

const streams = { door: {} };
const camera = KeyPair.of(fixedKeys.camera);
const viewer = KeyPair.of(fixedKeys.viewer);

function wrong(resolve: () => unknown): string {
  try {
    resolve();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

const asCamera = (security: unknown) => () =>
  resolveRespondSettings({ host: '0.0.0.0', streams, security: security as never });
const asViewer = (security: unknown) => () => resolveInitiateSettings('192.0.2.1', { security: security as never });

describe('settings of secured ends', () => {
  test('mode psk gives both ends the same credentials', () => {
    const { credentials, security } = asCamera({ mode: 'psk', psk: fixedKeys.psk })();
    expect(security).toBe('psk');
    expect(credentials?.mac1.bytes).toEqual(asViewer({ mode: 'psk', psk: fixedKeys.psk })().credentials?.mac1.bytes);
  });

  test('mode keys takes a list of viewers, or who decides', () => {
    const privateKey = fixedKeys.camera;
    const listed = asCamera({ mode: 'keys', privateKey, allowedViewers: [viewer.publicKey] })().credentials;
    expect(listed?.viewers?.allows(viewer.publicKey.slice())).toBe(true);
    expect(listed?.viewers?.allows(camera.publicKey)).toBe(false);
    const decided = asCamera({ mode: 'keys', privateKey, allowedViewers: { allows: () => true } })().credentials;
    expect(decided?.viewers?.allows(camera.publicKey)).toBe(true);
    const ours = asViewer({ mode: 'keys', privateKey: fixedKeys.viewer, peerKey: camera.publicKey })().credentials;
    expect(ours?.mac1.bytes).toEqual(listed?.mac1.bytes);
  });

  test('a PSK besides the keys changes what Noise mixes in', () => {
    const keys = { mode: 'keys', privateKey: fixedKeys.viewer, peerKey: camera.publicKey };
    const [without, beside] = [asViewer(keys)(), asViewer({ ...keys, psk: fixedKeys.psk })()];
    expect(beside.credentials?.psk.bytes).not.toEqual(without.credentials?.psk.bytes);
  });

  test.each([
    ['a PSK that is missing', asCamera({ mode: 'psk' }), /security\.psk: is missing.*--psk-file/],
    ['a PSK that is too short', asViewer({ mode: 'psk', psk: counting(1).subarray(1) }), /security\.psk: is no PSK/],
    [
      'a private key that is missing',
      asCamera({ mode: 'keys', allowedViewers: [] }),
      /security\.privateKey: is missing/,
    ],
    ['a private key that is a text', asViewer({ mode: 'keys', privateKey: 'abc' }), /security\.privateKey: is no key/],
    [
      'a camera’s key that is missing',
      asViewer({ mode: 'keys', privateKey: fixedKeys.viewer }),
      /security\.peerKey: is missing.*--peer-key/,
    ],
    [
      'a camera’s key that is none',
      asViewer({ mode: 'keys', privateKey: fixedKeys.viewer, peerKey: new Uint8Array(32) }),
      /security\.peerKey: is no public key/,
    ],
    [
      'a list that is missing',
      asCamera({ mode: 'keys', privateKey: fixedKeys.camera }),
      /security\.allowedViewers: is missing.*--allowed-viewers/,
    ],
    [
      'a list of texts',
      asCamera({ mode: 'keys', privateKey: fixedKeys.camera, allowedViewers: ['a'] }),
      /security\.allowedViewers: is no list/,
    ],
    [
      'a camera’s key at a camera',
      asCamera({ mode: 'none', peerKey: camera.publicKey }),
      /security\.peerKey: is no setting/,
    ],
    ['a list at a viewer', asViewer({ mode: 'none', allowedViewers: [] }), /security\.allowedViewers: is no setting/],
  ])('%s is a problem of its own', (_, resolve, says) => {
    expect(wrong(resolve)).toMatch(says);
  });

  test('no error repeats a key', () => {
    const secret = Buffer.from(fixedKeys.psk).toString('base64');
    for (const given of [
      { mode: 'psk', psk: secret },
      { mode: 'keys', privateKey: secret, peerKey: secret },
    ]) {
      expect(wrong(asViewer(given))).not.toContain(secret.slice(0, 12));
    }
  });
});
