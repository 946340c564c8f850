import { describe, expect, test } from 'vitest';
import { resolveInitiateSettings, resolveRespondSettings } from '../../src/config/settings.ts';
import { defaultAdmissionLimits } from '../../src/engine/admission.ts';
import { ConfigError, type SettingProblem } from '../../src/errors.ts';
import { createLog } from '../../src/observe/log.ts';
import { profiles } from '../../src/protocol/profiles.ts';

const source = { what: 'a source' };
const streams = { door: source };

function problems(act: () => unknown): readonly SettingProblem[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** What is wrong with options as a program without types may give them. */
const wrongRespond = (options: unknown) =>
  problems(() => resolveRespondSettings(options as { streams: typeof streams })).map(({ setting }) => setting);
const wrongInitiate = (options: unknown, target: unknown = '127.0.0.1') =>
  problems(() => resolveInitiateSettings(target as string, options as object)).map(({ setting }) => setting);

describe('a camera', () => {
  test('has a default for everything but its streams, and exposes nothing', () => {
    const settings = resolveRespondSettings({ streams });
    expect({ ...settings, streams: { ...settings.streams } }).toEqual({
      port: 4444,
      host: '127.0.0.1',
      dualStack: true,
      ipv6Only: false,
      security: 'none',
      profile: profiles.default,
      streams,
      limits: defaultAdmissionLimits,
      repair: true,
      socket: 'auto',
      datagramBytesMax: 1200,
      fast: false,
      resetKey: undefined,
      receiveBufferBytes: 212_992,
      authorize: undefined,
      drop: undefined,
      signal: undefined,
      logger: undefined,
      trace: undefined,
      methods: {},
    });
  });

  test('takes what it is given', () => {
    const given = {
      port: 0,
      host: '::',
      dualStack: false,
      security: { mode: 'none' },
      profile: 'lan',
      streams,
      limits: {
        prefixRate: { perSecond: 5, burst: 9 },
        pendingMax: 7,
        load: { pending: 3, startsPerSecond: 500, lateMs: 9 },
        retryFraction: 1,
      },
      repair: false,
      socket: 'dgram',
      datagramBytesMax: 600,
      fast: true,
      resetKey: new Uint8Array(32),
      receiveBufferBytes: 65_536,
      authorize: () => true,
      drop: { fraction: 0.95, seed: 0xffff_ffff },
      signal: AbortSignal.abort(),
      logger: createLog({ level: 'silent' }),
      trace: () => undefined,
      methods: { zoom: () => undefined },
    } as const;
    const settings = resolveRespondSettings(given);
    expect({ ...settings, streams: { ...settings.streams } }).toEqual({
      ...given,
      security: 'none',
      ipv6Only: true,
      profile: profiles.lan,
      limits: { ...defaultAdmissionLimits, ...given.limits },
    });
  });

  test('outside loopback asks for the security mode by name', () => {
    expect(wrongRespond({ host: '0.0.0.0', streams })).toEqual(['security']);
    expect(wrongRespond({ host: '0.0.0.0', streams, security: { mode: 'none' } })).toEqual([]);
    expect(wrongRespond({ streams, security: { mode: 'psk' } })).toEqual(['security.psk']);
  });

  test('tells of all wrong settings at once, one line each', () => {
    const act = () =>
      resolveRespondSettings({
        port: 70_000,
        host: 'a b',
        streams: {},
        limits: { pendingMax: 0 },
        datagramBytesMax: 1400,
      });
    expect(act).toThrow(ConfigError);
    const found = problems(act);
    expect(found.map(({ setting }) => setting).sort()).toEqual(
      ['datagramBytesMax', 'host', 'limits.pendingMax', 'port', 'streams'].sort(),
    );
    expect(new ConfigError(found).message.split('\n')).toHaveLength(5);
    expect(new ConfigError(found).message).toContain('port: is 70000. Try: use a whole number from 0 to 65535');
  });

  test.each([
    ['port', { port: 1.5 }],
    ['port', { port: '4444' }],
    ['host', { host: 127 }],
    ['host', { host: '127.0.0.1:4444' }],
    ['dualStack', { dualStack: 'yes' }],
    ['methods', { methods: { zoom: 1 } }],
    ['methods', { methods: 'zoom' }],
    ['security', { security: 'none' }],
    ['security.mode', { security: { mode: 1 } }],
    ['profile', { profile: 'fast' }],
    ['limits', { limits: [] }],
    ['limits.prefixRate.perSecond', { limits: { prefixRate: { perSecond: 0 } } }],
    ['limits.prefixRate.burst', { limits: { prefixRate: { burst: Number.NaN } } }],
    ['limits.retryFraction', { limits: { retryFraction: 1.1 } }],
    ['limits.load.lateMs', { limits: { load: { lateMs: 0 } } }],
    ['limits.pendingPerPrefixMax', { limits: { pendingPerPrefixMax: -1 } }],
    ['limits.pendingPerPrefix', { limits: { pendingPerPrefix: 3 } }],
    ['repair', { repair: 1 }],
    ['socket', { socket: 'fast' }],
    ['resetKey', { resetKey: new Uint8Array(31) }],
    ['resetKey', { resetKey: 'secret' }],
    ['receiveBufferBytes', { receiveBufferBytes: 100 }],
    ['authorize', { authorize: 'everyone' }],
    ['drop', { drop: 0.2 }],
    ['drop.fraction', { drop: { fraction: 0.96, seed: 1 } }],
    ['drop.seed', { drop: { fraction: 0.2 } }],
    ['signal', { signal: {} }],
    ['logger', { logger: {} }],
    ['logger', { logger: null }],
    ['trace', { trace: true }],
    ['streams', { streams: undefined }],
    ['streams', { streams: [source] }],
    ['streams', { streams: { [`${'x'.repeat(65)}`]: source } }],
    ['streams["door"]', { streams: { door: 'door.h264' } }],
    ['reciveBufferBytes', { reciveBufferBytes: 65_536 }],
  ])('names %s in %j as what is wrong', (setting, options) => {
    expect(wrongRespond({ streams, ...options })).toEqual([setting]);
  });

  test('a problem never repeats a reset key', () => {
    const [problem] = problems(() => resolveRespondSettings({ streams, resetKey: new Uint8Array(31).fill(0xab) }));
    expect(problem).toEqual({
      setting: 'resetKey',
      problem: 'is an object',
      tryInstead: 'use a Uint8Array of 32 random bytes',
    });
  });

  test('options that are no object are a problem, not a crash', () => {
    expect(wrongRespond(undefined)).toEqual(['streams']);
    expect(wrongRespond(null)).toEqual(['options', 'streams']);
  });

  test('a stream may be called as a property of every object is, and none such is there unnamed', () => {
    const settings = resolveRespondSettings({ streams: { constructor: source } });
    expect(Object.keys(settings.streams)).toEqual(['constructor']);
    expect('toString' in settings.streams).toBe(false);
  });
});

describe('a viewer', () => {
  test('has a default for everything but its target', () => {
    expect(resolveInitiateSettings('127.0.0.1/door')).toEqual({
      target: { host: '127.0.0.1', port: 4444, streamName: 'door' },
      security: 'none',
      profile: profiles.default,
      repair: true,
      socket: 'auto',
      drop: undefined,
      signal: undefined,
      logger: undefined,
      timeoutMs: 15_000,
      fast: false,
      token: undefined,
      latencyMs: 200,
      frameQueueMax: 256,
      sink: undefined,
      datagrams: false,
      localAddress: undefined,
      localPort: 0,
      rtoInitialMs: undefined,
      trace: undefined,
      methods: {},
    });
  });

  test('waits as long as its profile says, unless told otherwise', () => {
    expect(resolveInitiateSettings('::1', { profile: 'internet' }).timeoutMs).toBe(30_000);
    expect(resolveInitiateSettings('::1', { profile: 'internet', timeoutMs: 100 }).timeoutMs).toBe(100);
  });

  test('keeps a named profile as it is, so that it can be recognised', () => {
    expect(resolveInitiateSettings('::1', { profile: 'internet' }).profile).toBe(profiles.internet);
  });

  test('asks for the security mode when the camera is elsewhere, even behind a name', () => {
    expect(wrongInitiate({}, 'camera.local')).toEqual(['security']);
    expect(wrongInitiate({ security: { mode: 'none' } }, 'camera.local')).toEqual([]);
  });

  test('a target that cannot be read is one problem, beside those of the options', () => {
    expect(wrongInitiate({ latencyMs: -1 }, 'udp://host')).toEqual(['target', 'latencyMs']);
    expect(wrongInitiate({}, null)).toEqual(['target']);
  });

  test.each([
    ['timeoutMs', { timeoutMs: 99 }],
    ['fast', { fast: 1 }],
    ['token', { token: new Uint8Array(53) }],
    ['token', { token: new Uint8Array(0) }],
    ['timeoutMs', { timeoutMs: 600_001 }],
    ['latencyMs', { latencyMs: 10_001 }],
    ['frameQueueMax', { frameQueueMax: 0 }],
    ['datagrams', { datagrams: 'yes' }],
    ['localAddress', { localAddress: 'not an address' }],
    ['localPort', { localPort: -1 }],
    ['rtoInitialMs', { rtoInitialMs: 0 }],
    ['timeout', { timeout: 5000 }],
  ])('names %s in %j as what is wrong', (setting, options) => expect(wrongInitiate(options)).toEqual([setting]));
});

describe('a profile of one’s own', () => {
  test('is taken as it is', () => {
    const profile = { ...profiles.lan, handshakeMs: 2000 };
    expect(resolveInitiateSettings('::1', { profile })).toMatchObject({ profile, timeoutMs: 2000 });
  });

  test('each of the four named ones would pass as one', () => {
    for (const profile of Object.values(profiles)) {
      expect(resolveInitiateSettings('::1', { profile: { ...profile } }).profile).toEqual(profile);
    }
  });

  test.each([
    ['profile.rtoJitter', { rtoJitter: 1 }],
    ['profile.sendsMax', { sendsMax: 256 }],
    ['profile.rtoFactor', { rtoFactor: 0.5 }],
    ['profile.rtoMaxMs', { rtoMaxMs: 1 }],
    ['profile.deadMs', { deadMs: 6000 }],
    ['profile.consentMs', { consentMs: 4000 }],
    ['profile.handshakeMs', { handshakeMs: undefined }],
    ['profile.handshake', { handshake: 5000 }],
  ])('names %s in %j as what is wrong', (setting, change) => {
    expect(wrongInitiate({ profile: { ...profiles.default, ...change } })).toEqual([setting]);
  });

  test('that is no object at all is one problem', () => expect(wrongInitiate({ profile: 5 })).toEqual(['profile']));
});
