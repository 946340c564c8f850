import { describe, expect, test } from 'vitest';
import { resolveSecurity } from '../../src/config/security.ts';

describe('security modes', () => {
  test.each([[['127.0.0.1']], [['::1']], [['localhost', '127.0.0.2']], [[]]])(
    'on loopback %j none is the default when nothing was said',
    (addresses) => expect(resolveSecurity({ addresses })).toEqual({ ok: true, value: 'none' }),
  );

  test.each(['192.168.1.5', '2001:db8::1', 'camera.local'])('outside loopback, to %s, it must be said', (address) => {
    const resolved = resolveSecurity({ addresses: ['127.0.0.1', address] });
    expect(resolved).toMatchObject({
      ok: false,
      problem: expect.stringContaining(`"${address}" is outside this machine`),
      tryInstead: expect.stringContaining('--security none'),
    });
  });

  test.each(['0.0.0.0', '::'])('a listener on %s is outside loopback, since everybody reaches it', (address) => {
    expect(resolveSecurity({ mode: undefined, addresses: [address] })).toMatchObject({
      problem: expect.stringContaining(`"${address}" is every interface of this machine`),
    });
  });

  test('none that was asked for by name goes anywhere', () => {
    expect(resolveSecurity({ mode: 'none', addresses: ['0.0.0.0', '203.0.113.9'] })).toEqual({
      ok: true,
      value: 'none',
    });
  });

  test.each(['psk', 'keys'])('%s goes anywhere', (mode) => {
    expect(resolveSecurity({ mode, addresses: ['0.0.0.0'] })).toEqual({ ok: true, value: mode });
  });

  test('the error of who said nothing tells of keys first', () => {
    expect(resolveSecurity({ addresses: ['0.0.0.0'] })).toMatchObject({
      tryInstead: expect.stringMatching(
        /^say --security psk or keys \(firstframe keygen makes the keys\), or --security none/,
      ),
    });
  });

  test('any other word is no mode', () => {
    expect(resolveSecurity({ mode: 'NONE', addresses: ['127.0.0.1'] })).toEqual({
      ok: false,
      problem: '"NONE" is no security mode',
      tryInstead: 'write one of none, psk, keys',
    });
  });
});
