import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { resolveInitiateSettings, resolveRespondSettings } from '../../src/config/settings.ts';
import type { InitiatorOutput, ResponderOutput } from '../../src/engine/io-types.ts';
import type { ProtectMedia } from '../../src/engine/media-protection.ts';
import { srtpMedia } from '../../src/engine/srtp-media.ts';
import { createLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { OutputLog } from '../../src/observe/output-log.ts';
import { Timeline } from '../../src/observe/timeline.ts';
import type { SessionKeys } from '../../src/security/session-keys.ts';
import { KeyPair } from '../../src/security/x25519.ts';
import { fixedKeys, keysPair, pskPair } from '../support/secured-pair.ts';
import { SecuredWorld } from '../support/secured-world.ts';

/** How a secret could be written. Of each a part is looked for, so that a cut one is found too. */
function spellings(secret: Uint8Array): readonly string[] {
  const part = secret.subarray(3, 18);
  const bytes = Buffer.from(part);
  return [
    bytes.toString('hex'),
    bytes.toString('base64').slice(0, 18),
    bytes.toString('base64url').slice(0, 18),
    [...part].join(','),
    [...part].join(', '),
    bytes.toString('latin1'),
    [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    JSON.stringify([...part]).slice(1, -1),
    [...part].map((byte, index) => `"${index + 3}":${byte}`).join(','),
  ];
}

function secretsOf(keys: SessionKeys): readonly Uint8Array[] {
  const { fromInitiator, fromResponder } = keys;
  const directions = [fromInitiator, fromResponder].flatMap(({ control, media }) => [control.bytes, media.bytes]);
  return [...directions, keys.exportKey('x').bytes];
}

/** Everything that a program could show of a secured session, and all secrets that are in it. */
async function show(mode: 'psk' | 'keys') {
  const pair = mode === 'psk' ? pskPair() : keysPair();
  const session: SessionKeys[] = [];
  const protectMedia: ProtectMedia = (protectedSession) => {
    session.push(protectedSession.keys);
    return srtpMedia(protectedSession);
  };
  const secured = new SecuredWorld(pair, { camera: { trace: true, protectMedia } });
  const viewer = secured.join({ trace: true, protectMedia, streamName: 'door' });
  secured.world.run(300_000);
  secured.world.toViewer(viewer, { kind: 'close', code: 0, reason: 'enough' });
  secured.world.run(1000);

  let shown = '';
  const keep = (text: string | undefined): void => {
    shown += `${text}\n`;
  };
  const json = (value: unknown): string =>
    JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one));
  const log = createLog({ level: 'trace', write: keep });
  const outputs: readonly { readonly output: InitiatorOutput | ResponderOutput; readonly atMs: number }[] = [
    ...viewer.outputs,
    ...secured.world.cameraOutputs,
  ];
  const outputLog = new OutputLog(log, () => 0);
  const timeline = new Timeline({ role: 'initiator' });
  for (const { output, atMs } of outputs) {
    keep(json(output));
    outputLog.add(output);
    timeline.add(atMs, output);
  }
  keep(timeline.lines().join('\n'));
  const metrics = new Metrics();
  metrics.attach({ role: 'initiator', snapshot: () => viewer.endpoint.counters.snapshot(), sessions: () => 1 });
  keep(await metrics.text());
  const privateKeys = { mode: 'keys', privateKey: fixedKeys.viewer, peerKey: KeyPair.of(fixedKeys.camera).publicKey };
  const objects: unknown[] = [
    viewer.endpoint,
    secured.world.camera,
    pair,
    session,
    resolveInitiateSettings('127.0.0.1', { security: privateKeys as never }),
    resolveRespondSettings({ streams: { a: {} }, security: { mode: 'psk', psk: fixedKeys.psk } }),
  ];
  for (const object of objects) keep(json(object) + inspect(object, { depth: 12, showHidden: true }));
  const own = mode === 'psk' ? [fixedKeys.psk] : [fixedKeys.viewer, fixedKeys.camera];
  const secrets = [...own, pair.viewer.mac1.bytes, ...session.flatMap(secretsOf)];
  if (mode === 'psk') secrets.push(pair.viewer.psk.bytes);
  return { shown, secrets, sessions: session.length };
}

describe.each(['psk', 'keys'] as const)('mode %s', (mode) => {
  it('no log, trace, metric or JSON of an object has a secret in it, however it is spelled', async () => {
    const { shown, secrets, sessions } = await show(mode);
    expect(sessions).toBe(2);
    expect(shown.length).toBeGreaterThan(20_000);
    for (const [index, secret] of secrets.entries()) {
      for (const spelling of spellings(secret)) {
        expect(shown.includes(spelling), `secret ${index}, as ${spelling.slice(0, 12)}…`).toBe(false);
      }
    }
  });
});

it('a secret that is shown would be found', () => {
  const secret = fixedKeys.psk;
  const all = spellings(secret);
  const hex = Buffer.from(secret).toString('hex');
  expect(all.some((spelling) => `key ${hex}`.includes(spelling))).toBe(true);
  expect(all.some((spelling) => JSON.stringify({ secret }).includes(spelling))).toBe(true);
  expect(all.some((spelling) => inspect(Buffer.from(secret)).includes(spelling))).toBe(true);
  expect(all.some((spelling) => Buffer.from(secret).toString('base64').includes(spelling))).toBe(true);
});
