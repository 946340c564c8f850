import { accessSync, constants, promises } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { dirname } from 'node:path';
import { buildSdp, parseSdp, type StreamDescription } from '../../media/sdp.ts';
import type { MediaSink, SinkReport } from '../media-sink.ts';
import { UdpSocket } from '../udp-socket.ts';
import { SinkError } from './sink-error.ts';

/** Where the packets go. */
export interface RtpSinkOptions {
  /** Numeric address of the player. */
  readonly host: string;
  /** 1..65535. */
  readonly port: number;
  /** The session description for the player is written there. */
  readonly sdpPath: string;
}

/** What an RTP sink did. */
export interface RtpSinkReport extends SinkReport {
  /** Bytes handed to the socket, those of dropped datagrams included. */
  readonly bytes: number;
  /** The session description that was written; absent when the stream had none that could be read. */
  readonly sdpPath?: string;
}

/** Passes RTP on to a player. */
export interface RtpSink extends MediaSink {
  /** Resolves when the session description is written, or cannot be. */
  readonly described: Promise<void>;
  close(): Promise<RtpSinkReport>;
}

/** Datagrams that may wait for the socket to be opened. */
const EARLY_DATAGRAMS_MAX = 256;
const PAYLOAD_TYPE_DYNAMIC_MIN = 96;

/**
 * Sends RTP datagrams on to a UDP address, and writes the session description (SDP) with which a player receives them there.
 * Packets of a stream that was passed through are described as H.264, unless their payload type (below 96) says what they are.
 *
 * Throws {@link SinkError} when the address makes no sense or the description cannot be written where it should.
 */
export function rtpSink(options: RtpSinkOptions): RtpSink {
  const { host, port, sdpPath } = options;
  if (isIP(host) === 0) throw new SinkError(`${host} is not a numeric address`, 'give one such as 127.0.0.1');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new SinkError(`${port} is not a UDP port`, 'give one of 1 to 65535');
  }
  try {
    accessSync(dirname(sdpPath), constants.W_OK);
  } catch (error) {
    throw new SinkError(`${sdpPath} cannot be written`, 'give another path for the SDP file', { cause: error });
  }
  return new RtpForwarder(options);
}

class RtpForwarder implements RtpSink {
  readonly wants = 'datagrams';
  onFailure?: (error: Error) => void;
  readonly #options: RtpSinkOptions;
  readonly #opening: Promise<void>;
  #described: Promise<void> = Promise.resolve();
  #early: Uint8Array[] = [];
  #socket: UdpSocket | undefined;
  #sdpWritten = false;
  #closed = false;
  #broken = false;
  #written = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(options: RtpSinkOptions) {
    this.#options = options;
    this.#opening = this.#open().catch((error: Error) => this.#failed(error, 'no UDP socket can be had'));
  }

  get described(): Promise<void> {
    return this.#described;
  }

  describe(sdp: string): void {
    const stream = parseSdp(sdp);
    if (stream === undefined) return;
    this.#described = this.#write(sdpFor(stream, this.#options)).catch((error: Error) =>
      this.#failed(error, `${this.#options.sdpPath} cannot be written`),
    );
  }

  frame(): void {}

  datagram(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#socket !== undefined) this.#send(this.#socket, bytes);
    else if (this.#early.length < EARLY_DATAGRAMS_MAX && !this.#broken) this.#early.push(bytes);
    else this.#dropped++;
  }

  async close(): Promise<RtpSinkReport> {
    this.#closed = true;
    await this.#opening;
    await this.#described;
    await this.#socket?.close();
    const { host, port, sdpPath } = this.#options;
    return {
      target: `rtp://${isIPv6(host) ? `[${host}]` : host}:${port}`,
      written: this.#written,
      bytes: this.#bytes,
      dropped: this.#dropped + this.#early.length,
      ...(this.#sdpWritten ? { sdpPath } : {}),
    };
  }

  async #open(): Promise<void> {
    const address = isIPv6(this.#options.host) ? '::' : '0.0.0.0';
    const socket = await UdpSocket.bind(
      { address, port: 0 },
      {
        datagram: () => {},
        sendFailed: () => this.#lost(),
        dropped: () => this.#lost(),
        failed: (error) => this.#failed(error, 'the UDP socket failed'),
      },
    );
    this.#socket = socket;
    for (const bytes of this.#early.splice(0)) this.#send(socket, bytes);
  }

  #send(socket: UdpSocket, bytes: Uint8Array): void {
    this.#written++;
    this.#bytes += bytes.length;
    socket.send(bytes, { address: this.#options.host, port: this.#options.port }, 'media');
  }

  #lost(): void {
    this.#written--;
    this.#dropped++;
  }

  /** Renamed into place, so that a player that waits for the file never reads half of it. */
  async #write(sdp: string): Promise<void> {
    const { sdpPath } = this.#options;
    const unfinished = `${sdpPath}.${process.pid}.tmp`;
    try {
      await promises.writeFile(unfinished, sdp);
      await promises.rename(unfinished, sdpPath);
      this.#sdpWritten = true;
    } catch (error) {
      await promises.rm(unfinished, { force: true });
      throw error;
    }
  }

  #failed(error: Error, problem: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.onFailure?.(new SinkError(`${problem}: ${error.message}`, 'try another place', { cause: error }));
  }
}

/** Made anew from what was understood: what a camera sends is not put before a player as it is. */
function sdpFor(stream: StreamDescription, { host, port }: RtpSinkOptions): string {
  const { format, payloadType } = stream;
  const passed = format === 'passthrough' && payloadType >= PAYLOAD_TYPE_DYNAMIC_MIN;
  return buildSdp({
    ...stream,
    format: passed ? 'h264' : format,
    streamName: stream.streamName ?? '-',
    address: host,
    port,
  });
}
