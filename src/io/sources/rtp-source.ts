import { isIP } from 'node:net';
import {
  isRtcp,
  isRtpOrRtcp,
  PAYLOAD_TYPE_H264,
  RTP_CLOCK_HZ,
  rtpPayloadRange,
  rtpPayloadType,
  rtpSsrc,
  rtpTimestamp,
  timestampDistance,
} from '../../media/rtp.ts';
import type { MediaSource, SourceDescription, SourceTarget } from '../media-source.ts';
import { UdpSocket } from '../udp-socket.ts';
import { describeH264 } from './h264-description.ts';
import { RtpGroupFinder } from './rtp-group.ts';
import { SourceError } from './source-error.ts';
import { systemTiming, type Timing } from './timing.ts';

/** Where the packets come in. */
export interface RtpSourceOptions {
  /** 0 for any. */
  readonly port: number;
  /** Numeric address to bind. Default 127.0.0.1: an encoder on the same machine. */
  readonly host?: string;
  /** 0..127: packets of any other are not taken. Default: that of the first packet. */
  readonly payloadType?: number;
  /**
   * What the packets carry. `h264` (the default): groups begin at SPS and IDR (RFC 6184). `unknown`: nothing is looked into, and a
   * group begins with every new timestamp; so are payload types below 96 taken, none of which is H.264.
   */
  readonly encoding?: 'h264' | 'unknown';
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/** What became of the datagrams. */
export interface RtpSourceCounters {
  /** RTP packets passed on. */
  readonly packets: number;
  /** RTCP, which says nothing that viewers need. */
  readonly rtcp: number;
  /** Neither RTP nor RTCP, or with lengths that do not fit. */
  readonly malformed: number;
  /** Packets of another SSRC or payload type. */
  readonly foreign: number;
  /** How often another SSRC took over. */
  readonly switched: number;
}

/** An RTP port as a source. */
export interface RtpSource extends MediaSource {
  readonly counters: RtpSourceCounters;
  /** Where it is bound, while it runs. */
  readonly local: { readonly address: string; readonly port: number } | undefined;
}

/** Silence after which another SSRC may take over, in ms. */
export const SSRC_SILENCE_MS = 2000;

const PAYLOAD_TYPE_DYNAMIC_MIN = 96;
const INTERVAL_MS_DEFAULT = 40;
const INTERVAL_MS_MAX = 1000;

/**
 * Passes on the RTP packets of an encoder that sends to a port of this machine, as they are. It keeps to the first SSRC, until that one
 * is silent for 2 s. `start` rejects with {@link SourceError} when the port cannot be had.
 *
 * Throws it for an address, port or payload type that cannot be.
 */
export function rtpSource(options: RtpSourceOptions): RtpSource {
  const { port, host, payloadType } = options;
  if (host !== undefined && isIP(host) === 0) {
    throw new SourceError(`${host} is not a numeric address`, 'give one of this machine, such as 127.0.0.1 or 0.0.0.0');
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SourceError(`${port} is not a UDP port`, 'give one of 1 to 65535');
  }
  if (payloadType !== undefined && !(Number.isInteger(payloadType) && payloadType >= 0 && payloadType <= 127)) {
    throw new SourceError(`${payloadType} is not a payload type`, 'give one of 0 to 127');
  }
  return new RtpPort(options);
}

class RtpPort implements RtpSource {
  readonly runs = 'always';
  readonly counters = { packets: 0, rtcp: 0, malformed: 0, foreign: 0, switched: 0 };
  readonly #options: RtpSourceOptions;
  readonly #timing: Timing;
  readonly #host: string;
  #running = false;
  #opening: Promise<void> = Promise.resolve();
  #socket: UdpSocket | undefined;
  #payloadType: number | undefined;
  #ssrc: number | undefined;
  #lastAtMs = 0;
  #groups = new RtpGroupFinder();
  #timestamp: number | undefined;
  #intervalMs = INTERVAL_MS_DEFAULT;

  constructor(options: RtpSourceOptions) {
    this.#options = options;
    this.#timing = options.timing ?? systemTiming;
    this.#host = options.host ?? '127.0.0.1';
    this.#payloadType = options.payloadType;
  }

  get local(): { readonly address: string; readonly port: number } | undefined {
    return this.#socket?.local;
  }

  describe(): SourceDescription {
    const payloadType = this.#payloadType ?? PAYLOAD_TYPE_H264;
    if (!this.#isH264(payloadType)) return { format: 'passthrough', packets: true, payloadType };
    return { ...describeH264(this.#groups.parameterSets, undefined, payloadType), packets: true };
  }

  async start(target: SourceTarget): Promise<void> {
    if (this.#running) throw new SourceError(`port ${this.#options.port} is read already`, 'stop it first');
    this.#running = true;
    this.#opening = this.#open(target);
    await this.#opening;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#opening.catch(() => {});
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
  }

  async #open(target: SourceTarget): Promise<void> {
    const { port } = this.#options;
    try {
      this.#socket = await UdpSocket.bind(
        { address: this.#host, port },
        {
          datagram: (bytes) => {
            if (this.#running) this.#take(bytes, target);
          },
          sendFailed: () => {},
          dropped: () => {},
          failed: (error) => {
            if (!this.#running) return;
            this.#running = false;
            target.fail(
              new SourceError(`port ${port} of ${this.#host} failed: ${error.message}`, 'check the network', {
                cause: error,
              }),
            );
          },
        },
      );
    } catch (error) {
      this.#running = false;
      throw cannotBind(this.#host, port, error as NodeJS.ErrnoException);
    }
  }

  #take(datagram: Uint8Array, target: SourceTarget): void {
    if (isRtpOrRtcp(datagram) && isRtcp(datagram)) {
      this.counters.rtcp++;
      return;
    }
    if (!isRtpOrRtcp(datagram) || rtpPayloadRange(datagram) === undefined) {
      this.counters.malformed++;
      return;
    }
    const nowMs = this.#timing.nowMs();
    if (!this.#isOurs(datagram, nowMs)) {
      this.counters.foreign++;
      return;
    }
    this.#lastAtMs = nowMs;
    this.counters.packets++;
    const timestamp = rtpTimestamp(datagram);
    const newTimestamp = timestamp !== this.#timestamp;
    if (newTimestamp) this.#measure(timestamp);
    const group = this.#isH264(rtpPayloadType(datagram)) ? this.#groups.push(datagram) : newTimestamp;
    // Not as a Buffer, whose `slice` shares what that of Uint8Array copies.
    const packet = new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.length);
    target.frame({ units: [packet], timestamp, keyframe: group }, this.#intervalMs);
  }

  #isOurs(datagram: Uint8Array, nowMs: number): boolean {
    const payloadType = rtpPayloadType(datagram);
    const { payloadType: wanted } = this.#options;
    if (wanted !== undefined && payloadType !== wanted) return false;
    const ssrc = rtpSsrc(datagram);
    if (ssrc !== this.#ssrc) {
      if (this.#ssrc !== undefined && nowMs - this.#lastAtMs < SSRC_SILENCE_MS) return false;
      if (this.#ssrc !== undefined) this.counters.switched++;
      this.#ssrc = ssrc;
      this.#payloadType = payloadType;
      this.#groups = new RtpGroupFinder();
      this.#timestamp = undefined;
    }
    return payloadType === this.#payloadType;
  }

  #isH264(payloadType: number): boolean {
    return this.#options.encoding !== 'unknown' && payloadType >= PAYLOAD_TYPE_DYNAMIC_MIN;
  }

  #measure(timestamp: number): void {
    const ticks = this.#timestamp === undefined ? 0 : timestampDistance(timestamp, this.#timestamp);
    const intervalMs = (ticks * 1000) / RTP_CLOCK_HZ;
    // With B pictures, timestamps also step back.
    if (intervalMs > 0) this.#intervalMs = Math.min(intervalMs, INTERVAL_MS_MAX);
    this.#timestamp = timestamp;
  }
}

function cannotBind(host: string, port: number, error: NodeJS.ErrnoException): SourceError {
  const what = `port ${port} of ${host} cannot be had`;
  const options = { cause: error };
  if (error.code === 'EADDRINUSE') {
    const hint = `end the program that holds it (ss -ulpn 'sport = :${port}'), or take another port`;
    return new SourceError(`${what}: it is in use`, hint, options);
  }
  if (error.code === 'EADDRNOTAVAIL') {
    return new SourceError(`${what}: this machine has no such address`, 'see with "ip addr" which it has', options);
  }
  if (error.code === 'EACCES') return new SourceError(`${what}: permission denied`, 'take a port above 1023', options);
  return new SourceError(`${what}: ${error.message}`, 'try another port', options);
}
