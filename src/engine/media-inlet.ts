import type { MediaFormat } from '../media/access-unit.ts';
import { MediaReceiver } from '../media/media-receiver.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { isRtcp, isRtpOrRtcp, rtpSsrc } from '../media/rtp.ts';
import { parseSdp } from '../media/sdp.ts';
import type { InitiatorOutput, Peer } from './io-types.ts';
import type { MediaProtection, MediaRefusal } from './media-protection.ts';
import type { SessionHost } from './session-host.ts';

/** What a viewer wants of its media. */
export interface InletOptions {
  /** Play-out time in ms: how long a gap is waited for. */
  readonly latencyMs: number;
  /** The same for everything of the first two seconds. */
  readonly firstGroupMs: number;
  /** Ask for lost datagrams. */
  readonly repair: boolean;
  /** Also give out RTP datagrams in order. */
  readonly datagrams: boolean;
}

/** What a viewer was told of its first media: once, though a handshake that begins anew after fast media has a second inlet. */
export interface FirstsTold {
  /** When the application asked for the stream, in ms. */
  startedAtMs: number;
  media: boolean;
  frame: boolean;
}

/** One session's media on its way in: only the announced SSRC counts; gaps are asked for; frames come out in order. */
export class MediaInlet {
  readonly #host: SessionHost<InitiatorOutput>;
  readonly #peer: Peer;
  readonly #receiver: MediaReceiver;
  readonly #ssrc: number;
  readonly #told: FirstsTold;
  #secured = false;
  #protection: MediaProtection | undefined;

  /** @param told changes here. */
  constructor(host: SessionHost<InitiatorOutput>, peer: Peer, ssrc: number, options: InletOptions, told: FirstsTold) {
    this.#host = host;
    this.#peer = peer;
    this.#ssrc = ssrc;
    this.#told = told;
    this.#receiver = new MediaReceiver({ ssrc, senderSsrc: host.random.u32(), ...options });
  }

  /** The session is secured: from now on only what opens counts. */
  protect(protection: (ssrc: number) => MediaProtection | undefined): void {
    this.#secured = true;
    this.#protection = protection(this.#ssrc);
  }

  /** The packet in RTP of this session, which in a secured session is protected, or why it is none. RTCP is none. */
  take(datagram: Uint8Array, nowMs: number): Uint8Array | MediaRefusal | 'mediaForeign' {
    const rtp = isRtpOrRtcp(datagram) && !isRtcp(datagram) && datagram.length >= 12;
    if (!rtp || rtpSsrc(datagram) !== this.#ssrc) return 'mediaForeign';
    return this.#secured ? (this.#protection?.unprotect(datagram, nowMs) ?? 'mediaForged') : datagram;
  }

  deadlineMs(): number {
    return this.#receiver.deadlineMs();
  }

  /** Streaming begins: the first group's time runs. */
  start(nowMs: number): void {
    this.#receiver.start(nowMs);
  }

  /** @param bytes accepted media, which the inlet may keep. */
  receive(bytes: Uint8Array, nowMs: number): void {
    this.#host.counters.add('mediaDatagramsReceived');
    this.#host.counters.add('mediaBytesReceived', bytes.length);
    if (!this.#told.media) {
      this.#told.media = true;
      const timeToStreamMs = nowMs - this.#told.startedAtMs;
      this.#host.counters.timeToStream(timeToStreamMs);
      this.#host.emit({ kind: 'firstMedia', timeToStreamMs });
    }
    this.#receiver.receive(bytes, nowMs);
    this.#drain(nowMs);
  }

  /** What READY says of the format. */
  describe(sdp: string, nowMs: number): void {
    const described = parseSdp(sdp);
    if (described === undefined) return;
    const format: MediaFormat = described.format;
    this.#receiver.setFormat(format, described.payloadType);
    this.#drain(nowMs);
  }

  setRtt(rttMs: number): void {
    this.#receiver.setRtt(rttMs);
  }

  timeout(nowMs: number): void {
    this.#receiver.expire(nowMs);
    this.#drain(nowMs);
  }

  /** Gives out whatever still waits; nothing is asked for any more. */
  end(nowMs: number): void {
    this.#receiver.end(nowMs);
    this.#drain(nowMs);
  }

  stats(): ReceiveStats {
    return this.#receiver.stats();
  }

  #drain(nowMs: number): void {
    for (let bytes = this.#receiver.pollNack(nowMs); bytes !== undefined; bytes = this.#receiver.pollNack(nowMs)) {
      const sent = this.#secured ? this.#protection?.protectFeedback(bytes, nowMs) : bytes;
      if (sent === undefined) continue;
      this.#host.counters.add('datagramsSent');
      this.#host.counters.add('bytesSent', sent.length);
      this.#host.emit({ kind: 'send', plane: 'feedback', bytes: sent, to: this.#peer });
    }
    for (let bytes = this.#receiver.pollDatagram(); bytes !== undefined; bytes = this.#receiver.pollDatagram()) {
      this.#host.emit({ kind: 'rtp', bytes });
    }
    for (let frame = this.#receiver.pollFrame(); frame !== undefined; frame = this.#receiver.pollFrame()) {
      if (frame.decodable && !this.#told.frame) {
        this.#told.frame = true;
        const timeToFirstFrameMs = nowMs - this.#told.startedAtMs;
        this.#host.counters.timeToFirstFrame(timeToFirstFrameMs);
        this.#host.emit({ kind: 'firstFrame', timeToFirstFrameMs });
      }
      this.#host.emit({ kind: 'frame', frame });
    }
  }
}
