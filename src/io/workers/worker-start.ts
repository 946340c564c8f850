import type { RespondSettings } from '../../config/settings.ts';
import type { Peer } from '../../engine/io-types.ts';
import { type SharedKeys, shareOfLimits, type WorkerShare } from '../../engine/worker-share.ts';
import { TOKENS_MEMORY_BYTES } from '../../security/tokens.ts';
import { processClockOffsetMs } from '../clock.ts';
import { cryptoEntropy } from '../entropy.ts';
import type { MediaSource } from '../media-source.ts';
import { RemoteLog } from './remote-log.ts';
import type { HandedSocketOptions, SharedSourceDescription, WorkerSecurity } from './worker-messages.ts';
import type { WorkerThread } from './worker-thread.ts';

/** What a worker has besides the camera's settings. */
export interface WorkerPart {
  readonly share: WorkerShare;
  readonly keys: SharedKeys;
  readonly local: Peer;
  readonly handed: HandedSocketOptions | undefined;
  readonly security: WorkerSecurity;
  readonly streams: Readonly<Record<string, SharedSourceDescription>>;
  readonly traces: boolean;
}

/** Random bytes of a key. */
export function randomKey(bytes: number): Uint8Array {
  const key = new Uint8Array(bytes);
  cryptoEntropy.fill(key);
  return key;
}

/** Keys of a camera's workers. @param resetKey of one that was given one. */
export function drawKeys(resetKey: Uint8Array = randomKey(32)): SharedKeys {
  const tokens = { key: randomKey(32), memory: new SharedArrayBuffer(TOKENS_MEMORY_BYTES) };
  return { resetKey, cookieKey: randomKey(16), tokens };
}

/** What a worker is started with. */
export function workerStart(
  settings: RespondSettings<MediaSource>,
  { share, keys, local, handed, security, streams, traces }: WorkerPart,
): ConstructorParameters<typeof WorkerThread>[0] {
  const { dualStack, profile, fast, repair, drop, socket, limits, datagramBytesMax, receiveBufferBytes } = settings;
  return {
    share,
    keys,
    clockOffsetMs: processClockOffsetMs(),
    address: local.address,
    port: local.port,
    dualStack,
    profile,
    fast,
    repair,
    // Each drops others, or all would lose the same of theirs.
    drop: drop && { ...drop, seed: (drop.seed + share.index) >>> 0 },
    socket,
    limits: shareOfLimits(limits, share.count),
    datagramBytesMax,
    receiveBufferBytes,
    security,
    authorizes: settings.authorize !== undefined,
    logLevel: settings.logger && RemoteLog.lowestOf(settings.logger),
    traces,
    methods: Object.keys(settings.methods),
    streams,
    handed,
  };
}
