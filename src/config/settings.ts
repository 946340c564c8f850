import type { AdmissionLimits } from '../engine/admission.ts';
import type { Log } from '../observe/log.ts';
import { DATAGRAM_BYTES_STEPS } from '../protocol/constants.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { InitiatorCredentials, ResponderCredentials } from '../security/credentials.ts';
import { DEFAULT_PORT, parseHost, parseStreamName, parseTarget, type TargetAddress } from './address.ts';
import { readLimits } from './limits.ts';
import type { Methods } from './methods.ts';
import {
  type DropOptions,
  type InitiateOptions,
  type RespondOptions,
  type SocketChoice,
  socketChoices,
} from './options.ts';
import { quoted } from './parsed.ts';
import { handshakeRange, readProfile, rtoInitialRange } from './profile.ts';
import { readCameraSecurity, readViewerSecurity, type SecuritySettings } from './security.ts';
import { type Given, type NumberRange, SettingReader } from './setting-reader.ts';

export type {
  AuthorizeRequest,
  AuthorizeVerdict,
  DropOptions,
  InitiateOptions,
  RespondOptions,
  SocketChoice,
} from './options.ts';
export type { SecurityOptions } from './security.ts';

/** Receive buffer of a socket that media comes to, when nothing else is asked for, in bytes: a second of 30 Mbit/s. */
export const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/**
 * The same of a camera, to which only control comes: what Linux grants without being told more (net.core.rmem_max), some 500
 * STARTs. A camera that more strangers flood than it can answer is late for its viewers by all that waits, three times a handshake,
 * while what is lost is sent again after ms: p50 254 to 525 ms with 4 MiB, 31 to 53 ms with 256 KiB (two runs each of
 * `firstframe bench flood --cameras none --flood 50000/s --run 10s --before 1s` with both cores busy otherwise).
 */
export const RESPONDER_RECEIVE_BUFFER_BYTES = 212_992;
/** Bytes of a reset key. */
export const RESET_KEY_BYTES = 32;

/** Of the TLV. */
const TOKEN_BYTES_MAX = 52;

interface SharedSettings {
  readonly profile: Profile;
  readonly repair: boolean;
  readonly drop: DropOptions | undefined;
  readonly socket: SocketChoice;
  readonly signal: AbortSignal | undefined;
  readonly logger: Log | undefined;
  readonly methods: Methods;
}

/** Options of `respond()`, checked and complete; see {@link RespondOptions} for each. */
export interface RespondSettings<Source> extends SharedSettings, SecuritySettings<ResponderCredentials> {
  readonly port: number;
  readonly host: string;
  readonly dualStack: boolean;
  /** The reverse of `dualStack`, as sockets call it. */
  readonly ipv6Only: boolean;
  readonly streams: Readonly<Record<string, Source>>;
  readonly limits: AdmissionLimits;
  readonly datagramBytesMax: number;
  readonly fast: boolean;
  readonly resetKey: Uint8Array | undefined;
  readonly receiveBufferBytes: number;
  readonly authorize: RespondOptions<Source>['authorize'];
  readonly trace: RespondOptions<Source>['trace'];
}

/** Target and options of `initiate()`, checked and complete; see {@link InitiateOptions} for each. */
export interface InitiateSettings<Sink = never> extends SharedSettings, SecuritySettings<InitiatorCredentials> {
  readonly target: TargetAddress;
  /** That of the option, else the profile's. */
  readonly timeoutMs: number;
  readonly fast: boolean;
  readonly token: Uint8Array | undefined;
  readonly latencyMs: number;
  readonly frameQueueMax: number;
  readonly sink: Sink | undefined;
  readonly datagrams: boolean;
  readonly localAddress: string | undefined;
  readonly localPort: number;
  /** Absent: the profile's. */
  readonly rtoInitialMs: number | undefined;
  readonly trace: InitiateOptions<Sink>['trace'];
}

const shared = ['security', 'profile', 'repair', 'drop', 'socket', 'signal', 'logger', 'trace', 'methods'] as const;
const respondNames: readonly (keyof RespondOptions<unknown>)[] = [
  ...shared,
  'port',
  'host',
  'dualStack',
  'streams',
  'limits',
  'datagramBytesMax',
  'fast',
  'resetKey',
  'authorize',
  'receiveBufferBytes',
];
const initiateNames: readonly (keyof InitiateOptions<unknown>)[] = [
  ...shared,
  'timeoutMs',
  'fast',
  'token',
  'latencyMs',
  'frameQueueMax',
  'sink',
  'datagrams',
  'localAddress',
  'localPort',
  'rtoInitialMs',
];

const portRange: NumberRange = { min: 0, max: 65_535, whole: true };
const u32Range: NumberRange = { min: 0, max: 0xffff_ffff, whole: true };
const isFunction = (given: unknown): boolean => typeof given === 'function';

function isToken(given: unknown): boolean {
  return given instanceof Uint8Array && given.length >= 1 && given.length <= TOKEN_BYTES_MAX;
}

function areMethods(given: unknown): boolean {
  return typeof given === 'object' && given !== null && Object.values(given).every(isFunction);
}

function isSocketChoice(given: unknown): boolean {
  return socketChoices.some((choice) => choice === given);
}

function isLog(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'debug' in given && isFunction(given.debug);
}

function readShared<Source, Sink>(
  reader: SettingReader,
  options: RespondOptions<Source> | InitiateOptions<Sink>,
): SharedSettings {
  const drop = reader.group('drop', options.drop, ['fraction', 'seed']);
  return {
    profile: readProfile(reader, options.profile),
    repair: reader.flag('repair', options.repair, true),
    drop: drop === undefined ? undefined : readDrop(reader, drop),
    socket:
      reader.kind('socket', options.socket ?? 'auto', isSocketChoice, `'${socketChoices.join("', '")}'`) ?? 'auto',
    signal: reader.kind('signal', options.signal, (given) => given instanceof AbortSignal, 'an AbortSignal'),
    logger: reader.kind('logger', options.logger, isLog, 'a logger, such as one of createLog()'),
    methods: reader.kind('methods', options.methods, areMethods, 'an object of functions') ?? {},
  };
}

function readDrop(reader: SettingReader, drop: Given<keyof DropOptions>): DropOptions {
  const { fraction, seed } = drop;
  return {
    // Even at 95 % a handshake can still succeed; beyond, the option would only look like a broken link.
    fraction: reader.number('drop.fraction', fraction ?? null, { min: 0, max: 0.95 }, 0),
    seed: reader.number('drop.seed', seed ?? null, u32Range, 0),
  };
}

function readStreams<Source>(reader: SettingReader, given: unknown): Readonly<Record<string, Source>> {
  // Without a prototype, or a stream called `constructor` would seem to be there before anybody named it.
  const streams: Record<string, Source> = Object.create(null);
  const example = "name one or more: { door: h264File('door.h264') }";
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    reader.problem('streams', `is ${quoted(given)}`, example);
    return streams;
  }
  const entries = Object.entries(given);
  if (entries.length === 0) reader.problem('streams', 'has no stream', example);
  for (const [name, source] of entries) {
    reader.text('streams', name, parseStreamName);
    if (typeof source !== 'object' || source === null) {
      reader.problem(`streams[${quoted(name)}]`, `is ${quoted(source)}`, 'use a source, such as testFrames()');
    }
    streams[name] = source;
  }
  return streams;
}

/** In mode `keys` there are no keys for media before the confirm (docs/PROTOCOL.md, section 7.9). */
function readFast(reader: SettingReader, fast: boolean | undefined, mode: string | undefined): boolean {
  const wanted = reader.flag('fast', fast, false);
  if (wanted && mode === 'keys') {
    reader.problem('fast', "is not there in security mode 'keys'", "leave it out, or use mode 'psk'");
  }
  return wanted;
}

/** An object to read from, whatever a program without types gave. */
function readOptions<Options extends object>(
  reader: SettingReader,
  options: Options,
  names: readonly string[],
): Options {
  return reader.group('options', options, names) === undefined ? ({} as Options) : options;
}

/**
 * Checks the options of `respond()` and fills in the defaults.
 *
 * @throws ConfigError with all problems.
 */
export function resolveRespondSettings<Source>(given: RespondOptions<Source>): RespondSettings<Source> {
  const reader = new SettingReader();
  const options = readOptions(reader, given, respondNames);
  const host = reader.text('host', options.host ?? '127.0.0.1', parseHost);
  const dualStack = reader.flag('dualStack', options.dualStack, true);
  const isStep = (bytes: unknown) => DATAGRAM_BYTES_STEPS.some((step) => step === bytes);
  const isKey = (key: unknown) => key instanceof Uint8Array && key.length === RESET_KEY_BYTES;
  const datagramBytesMax = options.datagramBytesMax ?? DATAGRAM_BYTES_STEPS[0];
  const settings: RespondSettings<Source> = {
    ...readCameraSecurity(reader, options.security, host),
    ...readShared(reader, options),
    port: reader.number('port', options.port, portRange, DEFAULT_PORT),
    host: host ?? '',
    dualStack,
    ipv6Only: !dualStack,
    streams: readStreams(reader, options.streams),
    limits: readLimits(reader, options.limits),
    fast: readFast(reader, options.fast, options.security?.mode),
    datagramBytesMax: reader.kind('datagramBytesMax', datagramBytesMax, isStep, DATAGRAM_BYTES_STEPS.join(', ')) ?? 0,
    resetKey: reader.kind('resetKey', options.resetKey, isKey, `a Uint8Array of ${RESET_KEY_BYTES} random bytes`),
    receiveBufferBytes: reader.number(
      'receiveBufferBytes',
      options.receiveBufferBytes,
      { min: 4096, max: 2 ** 30, whole: true, unit: ' bytes' },
      RESPONDER_RECEIVE_BUFFER_BYTES,
    ),
    authorize: reader.kind('authorize', options.authorize, isFunction, 'a function'),
    trace: reader.kind('trace', options.trace, isFunction, 'a function'),
  };
  reader.finish();
  return settings;
}

/**
 * Checks target and options of `initiate()` and fills in the defaults. Nothing is looked up: a name other than `localhost`
 * counts as outside loopback.
 *
 * @param targetText `host[:port][/stream]`, see {@link parseTarget}.
 * @throws ConfigError with all problems.
 */
export function resolveInitiateSettings<Sink = never>(
  targetText: string,
  given: InitiateOptions<Sink> = {},
): InitiateSettings<Sink> {
  const reader = new SettingReader();
  const options = readOptions(reader, given, initiateNames);
  const target = reader.text('target', targetText, parseTarget);
  const security = readViewerSecurity(reader, options.security, target?.host);
  const common = readShared(reader, options);
  const settings = {
    target: target ?? { host: '', port: 0 },
    fast: readFast(reader, options.fast ?? options.token !== undefined, options.security?.mode),
    token: reader.kind('token', options.token, isToken, 'a Uint8Array of 1 to 52 bytes'),
    timeoutMs: reader.number('timeoutMs', options.timeoutMs, handshakeRange, common.profile.handshakeMs),
    latencyMs: reader.number('latencyMs', options.latencyMs, { min: 0, max: 10_000, unit: ' ms' }, 200),
    frameQueueMax: reader.number('frameQueueMax', options.frameQueueMax, { min: 1, max: 65_536, whole: true }, 256),
    sink: options.sink,
    datagrams: reader.flag('datagrams', options.datagrams, false),
    localAddress:
      options.localAddress === undefined ? undefined : reader.text('localAddress', options.localAddress, parseHost),
    localPort: reader.number('localPort', options.localPort, portRange, 0),
    rtoInitialMs: reader.number('rtoInitialMs', options.rtoInitialMs, rtoInitialRange, undefined),
    trace: reader.kind('trace', options.trace, isFunction, 'a function'),
    // Last: what follows a spread is set one by one, at some microseconds each.
    ...security,
    ...common,
  };
  reader.finish();
  return settings;
}
