import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, describe, expect, test } from 'vitest';
import { CResponder, handshakePrograms, type LoadOptions, runCLoad } from '../../bench/c-load.ts';
import { Child } from '../../bench/child.ts';
import { raisedLimits } from '../../bench/handshake-cell.ts';
import { pskHex } from '../../bench/handshake-viewers.ts';
import type { CameraOptions, CameraReady, CameraReport } from '../../bench/processes/camera.ts';
import { runSecuredLoad } from '../../bench/secured-viewers.ts';

const programs = await handshakePrograms();
if (typeof programs === 'string') process.stderr.write(`skipped: ${programs}\n`);
const inC = typeof programs === 'string' ? { load: '', responder: '' } : programs;
afterAll(async () => {
  if (typeof programs !== 'string') await programs[Symbol.asyncDispose]();
});
const few = { window: 4, sockets: 2, addresses: 8, warmUpMs: 50, runMs: 200, seed: 1 };

const load = (port: number, more: Partial<LoadOptions> = {}) =>
  runCLoad(inC.load, { port, ...few, ...more }, undefined, new AbortController().signal, async () => {});

describe.skipIf(typeof programs === 'string')('the viewers in C', () => {
  test('shake hands with the responder in C, and nothing is wrong', async () => {
    await using responder = await CResponder.start(inC.responder, 'v=0', undefined);
    const { ready, pings, failures } = await load(responder.port);
    expect(ready).toBeGreaterThan(0);
    expect(pings).toBeGreaterThan(0);
    expect(failures).toMatchObject({ 'no answer': 0, refused: 0, damaged: 0, 'wrong answer': 0 });
  });

  test('shake hands with a camera, which sends the same datagrams', async () => {
    // More viewers come in a second than a camera takes for usual, and RETRY would be one datagram more.
    const limits = raisedLimits(few.window, 0).camera;
    const options: CameraOptions = { stream: 'silent', frameBytes: 0, host: '127.0.0.1', limits };
    await using camera = await Child.start<CameraReady, CameraReport>('camera', options);
    const { ready, pings, datagramsReceived, failures } = await load(camera.ready.port);
    expect(ready).toBeGreaterThan(0);
    // START_ACK, READY, PING and BYE_ACK; those of four viewers may lie outside of the time that counts.
    expect(Math.abs(datagramsReceived - 4 * ready)).toBeLessThanOrEqual(4 * few.window);
    expect(Math.abs(pings - ready)).toBeLessThanOrEqual(few.window);
    expect(failures).toMatchObject({ 'no answer': 0, refused: 0, damaged: 0, 'wrong answer': 0 });
  });

  test('shake hands with a camera with workers, whose tags name them with one byte', async () => {
    const workers = 2;
    const limits = raisedLimits(few.window * workers, 0).camera;
    const options: CameraOptions = { stream: 'silent', frameBytes: 0, host: '127.0.0.1', limits, workers };
    await using camera = await Child.start<CameraReady, CameraReport>('camera', options);
    expect(camera.ready.sharing).toBeDefined();
    // Of fewer tags nothing is said, however long that many take.
    for (let runMs = 500; ; runMs *= 2) {
      const { ready, failures } = await load(camera.ready.port, { runMs, randomTagBits: 56 });
      expect(failures).toMatchObject({ 'no answer': 0, refused: 0, damaged: 0, 'wrong answer': 0 });
      expect(failures).toMatchObject({ 'tags not random': 0 });
      if (ready > 256) break;
    }
  });

  test('do not take an echo for a camera', async () => {
    const echo = createSocket('udp4');
    echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address));
    echo.bind(0, '127.0.0.1');
    await once(echo, 'listening');
    await expect(load(echo.address().port)).rejects.toThrow('it does not answer START with START_ACK');
    echo.close();
  });
});

test('viewers in mode psk shake hands with a camera, with workers and without', async () => {
  for (const workers of [undefined, 2]) {
    const limits = raisedLimits(few.window * 2, 0).camera;
    const common: CameraOptions = { stream: 'silent', frameBytes: 0, host: '127.0.0.1', limits, pskHex };
    const options = workers === undefined ? common : { ...common, workers };
    await using camera = await Child.start<CameraReady, CameraReport>('camera', options);
    let counted = 0;
    const count = (): void => {
      counted++;
    };
    const asked = { port: camera.ready.port, window: 4, warmUpMs: 50, runMs: 500 };
    const { ready, failures, datagramsReceived } = await runSecuredLoad(asked, Buffer.from(pskHex, 'hex'), count);
    expect([workers, failures, counted]).toEqual([workers, {}, 2]);
    expect(ready).toBeGreaterThan(0);
    expect(datagramsReceived).toBeGreaterThan(2 * ready);
  }
});

test('viewers in mode psk with another secret get no answer', async () => {
  const options: CameraOptions = { stream: 'silent', frameBytes: 0, host: '127.0.0.1', limits: {}, pskHex };
  await using camera = await Child.start<CameraReady, CameraReport>('camera', options);
  const asked = { port: camera.ready.port, window: 1, warmUpMs: 0, runMs: 50 };
  expect(await runSecuredLoad(asked, new Uint8Array(32), () => {})).toMatchObject({ ready: 0, datagramsReceived: 0 });
});
