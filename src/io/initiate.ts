import { lookup } from 'node:dns/promises';
import { type InitiateOptions, type InitiateSettings, resolveInitiateSettings } from '../config/settings.ts';
import { InitiatorEndpoint } from '../engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer } from '../engine/io-types.ts';
import { RttMemory } from '../engine/rtt-memory.ts';
import { srtpMedia } from '../engine/srtp-media.ts';
import { TokenMemory } from '../engine/token-memory.ts';
import { HandshakeError } from '../errors.ts';
import { peerText } from '../observe/text.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { profiles } from '../protocol/profiles.ts';
import { monotonicMs } from './clock.ts';
import { cryptoEntropy } from './entropy.ts';
import type { MediaSink } from './media-sink.ts';
import { outputObserver } from './output-observer.ts';
import { ReceivedStream } from './received-stream.ts';
import { EndpointRunner } from './runner.ts';
import { isNumericIPv6 } from './socket-address.ts';

const rttMemory = new RttMemory();
const tokenMemory = new TokenMemory();

/**
 * Gets a stream from a camera: looks the host up, shakes hands, and resolves when media flows (or 250 ms after the handshake
 * when the camera has nothing to send).
 *
 * @param target `host[:port][/stream]`, such as `127.0.0.1:4444/door`.
 * @throws ConfigError that lists everything that is wrong with target and options.
 * @throws HandshakeError when no stream came to be, also when `signal` was aborted (code CANCELLED) and when this machine could not
 * look the host up, bind or send (LOCAL_NETWORK).
 */
export async function initiate(target: string, options: InitiateOptions<MediaSink> = {}): Promise<ReceivedStream> {
  const settings = resolveInitiateSettings(target, options);
  const startedAtMs = monotonicMs();
  const { frameQueueMax, sink, signal } = settings;
  let sinkFailure: Error | undefined;
  if (sink !== undefined) {
    sink.onFailure = (error) => {
      sinkFailure = error;
    };
  }
  const peer = await resolvePeer(settings, startedAtMs).catch((error: unknown) => abandon(sink, error));
  const remembered = settings.profile === profiles.internet;
  const rtoInitialMs =
    settings.rtoInitialMs ?? (remembered ? rttMemory.rtoInitialMs(peer.address, startedAtMs) : undefined);
  const remembersToken = settings.fast && settings.token === undefined;
  const token = remembersToken ? tokenMemory.take(peer, startedAtMs) : settings.token;
  const observer = outputObserver(settings);
  const endpoint = new InitiatorEndpoint({
    profile: { ...settings.profile, handshakeMs: settings.timeoutMs },
    entropy: cryptoEntropy,
    peer,
    media: {
      latencyMs: settings.latencyMs,
      repair: settings.repair,
      datagrams: settings.datagrams || settings.sink?.wants === 'datagrams',
    },
    fast: settings.fast,
    ...(token === undefined ? {} : { token }),
    trace: observer !== undefined,
    ...(settings.credentials && { security: settings.credentials }),
    protectMedia: srtpMedia,
    ...(settings.target.streamName === undefined ? {} : { streamName: settings.target.streamName }),
    ...(rtoInitialMs === undefined ? {} : { rtoInitialMs }),
  });
  const stream = new ReceivedStream({ endpoint, peer, frameQueueMax, sink, observer, methods: settings.methods });
  if (settings.fast) stream.on('token', (given) => tokenMemory.keep(peer, given, monotonicMs()));
  const binding = bind(endpoint, peer, settings, stream, startedAtMs);
  stream.run(await binding.catch((error: unknown) => abandon(sink, error)));
  const cancel = (): void => void stream.close(stream.streaming ? ErrorCode.NO_ERROR : ErrorCode.CANCELLED);
  if (signal?.aborted === true) cancel();
  if (sinkFailure !== undefined) stream.sinkFailed(sinkFailure);
  signal?.addEventListener('abort', cancel, { once: true });
  stream.closed.then(() => signal?.removeEventListener('abort', cancel));
  await stream.established;
  if (stream.rttMs !== undefined) rttMemory.remember(peer.address, stream.rttMs, monotonicMs());
  return stream;
}

/** No session will use the sink. */
async function abandon(sink: MediaSink | undefined, error: unknown): Promise<never> {
  await sink?.close();
  throw error;
}

async function bind(
  endpoint: InitiatorEndpoint,
  peer: Peer,
  settings: InitiateSettings<MediaSink>,
  stream: ReceivedStream,
  startedAtMs: number,
): Promise<EndpointRunner<InitiatorInput, InitiatorOutput>> {
  const address = settings.localAddress ?? (isNumericIPv6(peer.address) ? '::' : '0.0.0.0');
  try {
    return await EndpointRunner.bind<InitiatorInput, InitiatorOutput>(
      endpoint,
      {
        address,
        port: settings.localPort,
        remote: peer,
        // A viewer sends a few datagrams a second: nothing for a batch, and loading what it needs would take time from the handshake.
        socket: settings.socket === 'auto' ? 'dgram' : settings.socket,
        notice: (text) => settings.logger?.info({}, text),
        impairment: settings.drop,
      },
      (output) => stream.output(output),
    );
  } catch (error) {
    throw localNetwork(peer, error, startedAtMs);
  }
}

async function resolvePeer({ target }: InitiateSettings<MediaSink>, startedAtMs: number): Promise<Peer> {
  try {
    const { address } = await lookup(target.host);
    return { address, port: target.port };
  } catch (error) {
    throw localNetwork({ address: target.host, port: target.port }, error, startedAtMs);
  }
}

function localNetwork(peer: Peer, cause: unknown, startedAtMs: number): HandshakeError {
  return new HandshakeError({
    code: ErrorCode.LOCAL_NETWORK,
    reason: cause instanceof Error ? cause.message : String(cause),
    peer: peerText(peer),
    attempts: 0,
    elapsedMs: monotonicMs() - startedAtMs,
    cause,
  });
}
