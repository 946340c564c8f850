import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatTarget,
  isLoopback,
  isWildcard,
  parseHost,
  parseListen,
  parseStreamName,
  parseTarget,
} from '../../src/config/address.ts';
import { seedFromEnv } from '../support/seeded.ts';

const problem = (parsed: ReturnType<typeof parseTarget> | ReturnType<typeof parseListen>): string =>
  parsed.ok ? 'none' : `${parsed.problem}; ${parsed.tryInstead}`;

describe('where a stream is', () => {
  test.each([
    ['127.0.0.1', { host: '127.0.0.1', port: 4444 }],
    ['127.0.0.1:5000', { host: '127.0.0.1', port: 5000 }],
    ['127.0.0.1:4444/door', { host: '127.0.0.1', port: 4444, streamName: 'door' }],
    ['camera.local/door', { host: 'camera.local', port: 4444, streamName: 'door' }],
    ['[::1]:4444/door', { host: '::1', port: 4444, streamName: 'door' }],
    ['[::1]', { host: '::1', port: 4444 }],
    ['::1', { host: '::1', port: 4444 }],
    ['::1/door', { host: '::1', port: 4444, streamName: 'door' }],
    ['fe80::1%eth0', { host: 'fe80::1%eth0', port: 4444 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['kamera-süd/Tür 2/innen', { host: 'kamera-süd', port: 4444, streamName: 'Tür 2/innen' }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('%s', (text, target) => expect(parseTarget(text)).toEqual({ ok: true, value: target }));

  test('a bare IPv6 address whose last group looks like a port is all address', () => {
    expect(parseTarget('fe80::1:4444')).toEqual({ ok: true, value: { host: 'fe80::1:4444', port: 4444 } });
  });

  test.each([
    ['', 'the host is missing; write 127.0.0.1:4444/door'],
    [':4444', 'the host is missing'],
    ['/door', 'the host is missing'],
    ['host:', '"" is no port; write a number from 1 to 65535'],
    ['host:0', '"0" is no port'],
    ['host:65536', '"65536" is no port'],
    ['host:44x', '"44x" is no port'],
    ['host:-1', '"-1" is no port'],
    ['host/', 'the stream name is empty; write a name, such as /door, or leave out the slash'],
    ['a:b:c', '"a:b:c" has too many colons; put an IPv6 address in brackets'],
    ['[::1', '"[::1" has no IPv6 address in its brackets'],
    ['[127.0.0.1]:4444', 'has no IPv6 address in its brackets'],
    ['[::1]4444', 'has no IPv6 address in its brackets'],
    ['[::1]:x', '"x" is no port'],
    ['udp://127.0.0.1:4444', 'begins with "udp://"; leave that out'],
    ['300.1.1.1', '"300.1.1.1" is no IPv4 address'],
    ['127.1', '"127.1" is no IPv4 address'],
    ['my camera', '"my camera" is no host name'],
    ['-host', '"-host" is no host name'],
    [`${'a'.repeat(254)}`, 'is no host name'],
    ['host/\u0007', 'the stream name "\u{FFFD}" has control characters'],
    ['host/\ud800', 'has control characters'],
  ])('%j is refused with a reason', (text, reason) => expect(problem(parseTarget(text))).toContain(reason));

  test('a stream name has at most 64 bytes of UTF-8, whatever number of characters that is', () => {
    expect(parseStreamName('x'.repeat(64)).ok).toBe(true);
    expect(parseStreamName('ü'.repeat(32)).ok).toBe(true);
    expect(parseStreamName('ü'.repeat(33))).toMatchObject({ problem: 'the stream name has 66 bytes' });
  });

  test('every target that is written out reads back', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    const name = fc.option(fc.string({ minLength: 1, maxLength: 16, unit: 'grapheme-ascii' }), { nil: undefined });
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), name, (host, port, streamName) => {
        const target = { host, port, ...(streamName === undefined ? {} : { streamName }) };
        expect(parseTarget(formatTarget(target))).toEqual({ ok: true, value: target });
      }),
      { seed: seedFromEnv('config/address') },
    );
  });

  test('no text makes a parser throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        for (const parse of [parseTarget, parseListen, parseHost]) expect(typeof parse(text).ok).toBe('boolean');
      }),
      { seed: seedFromEnv('config/address') },
    );
  });
});

describe('where to listen', () => {
  test.each([
    [':4444', { host: '::', port: 4444, named: false }],
    [':0', { host: '::', port: 0, named: false }],
    ['0.0.0.0:4444', { host: '0.0.0.0', port: 4444, named: true }],
    ['[::]:4444', { host: '::', port: 4444, named: true }],
    ['127.0.0.1', { host: '127.0.0.1', port: 4444, named: true }],
    ['::1', { host: '::1', port: 4444, named: true }],
    ['localhost:5000', { host: 'localhost', port: 5000, named: true }],
  ])('%s', (text, listen) => expect(parseListen(text)).toEqual({ ok: true, value: listen }));

  test('the port has a default that the caller may change', () => {
    expect(parseListen('127.0.0.1', 9464)).toMatchObject({ value: { port: 9464 } });
  });

  test.each([
    ['4444', '"4444" is only a number; write :4444 for a port'],
    ['', 'the host is missing'],
    [':', '"" is no port; write a number from 0'],
    ['*:4444', '"*" is no host name; write :4444 (all interfaces)'],
    ['[::1', 'has no IPv6 address'],
    ['127.0.0.1:4444/door', '"4444/door" is no port'],
  ])('%j is refused with a reason', (text, reason) => expect(problem(parseListen(text))).toContain(reason));
});

describe('what counts as this machine', () => {
  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::1%lo',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::FFFF:127.9.9.9',
    'localhost',
    'LocalHost.',
  ])('%s is loopback', (host) => expect(isLoopback(host)).toBe(true));

  test.each([
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '126.255.255.255',
    '192.168.1.5',
    '::2',
    '::ffff:128.0.0.1',
    'camera.local',
    'localhost.example.com',
    'notlocalhost',
    '127.1',
    '',
  ])('%j is not', (host) => expect(isLoopback(host)).toBe(false));

  test('all interfaces have several spellings', () => {
    for (const host of ['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0']) expect(isWildcard(host)).toBe(true);
    for (const host of ['127.0.0.1', '::1', 'localhost', '']) expect(isWildcard(host)).toBe(false);
  });
});
