import type { AccessUnit } from '../../src/media/access-unit.ts';
import { readGenericHeader } from '../../src/media/generic-payload.ts';
import { MediaSender } from '../../src/media/media-sender.ts';
import { rtpSequence } from '../../src/media/rtp.ts';
import { StreamFeed, type StreamFeedOptions } from '../../src/media/stream-feed.ts';

/** Its low 16 bits are two before the wrap. */
export const SSRC = 0x1234fffe;

/** A datagram that a viewer was sent. */
export interface Sent {
  readonly atMs: number;
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** A session's sender in simulated time, called exactly when it says that it must be. */
export class Viewer {
  readonly sender: MediaSender;
  readonly sent: Sent[] = [];
  nowMs = 0;

  constructor(feed: StreamFeed, options: { repair?: boolean; datagramBytesMax?: number; ssrc?: number } = {}) {
    this.sender = new MediaSender({ feed, ssrc: SSRC, repair: true, datagramBytesMax: 1200, ...options });
  }

  start(nowMs: number): this {
    this.nowMs = nowMs;
    this.sender.start(nowMs);
    return this;
  }

  /** Lets time pass; returns what was sent meanwhile. */
  runUntil(untilMs: number): Sent[] {
    const before = this.sent.length;
    for (let calls = 0; this.sender.deadlineMs() <= untilMs; calls++) {
      if (calls > 100_000) throw new Error('deadline does not move on');
      this.nowMs = Math.max(this.nowMs, this.sender.deadlineMs());
      const bytes = this.sender.next(this.nowMs);
      if (bytes !== undefined) this.sent.push({ atMs: this.nowMs, sequence: rtpSequence(bytes), bytes });
      else if (this.sender.deadlineMs() <= this.nowMs) throw new Error('due, but nothing came');
    }
    this.nowMs = untilMs;
    return this.sent.slice(before);
  }
}

/** A frame of this many bytes. */
export function frame(bytes: number, keyframe = false): AccessUnit {
  return { units: [new Uint8Array(bytes).fill(0x41)], timestamp: 0, keyframe };
}

/** Generic frames that fill so many datagrams of 1200 bytes each, the first a keyframe, pushed 40 ms apart from 0 on. */
export function feedOf(datagrams: readonly number[], options: Partial<StreamFeedOptions> = {}): StreamFeed {
  const feed = new StreamFeed({ format: 'generic', ...options });
  datagrams.forEach((count, index) => {
    feed.push(frame(count * 1180, index === 0), 40 * index, 40);
  });
  return feed;
}

/** Which generic frames the datagrams are of. */
export function frameNumbers(sent: readonly Sent[]): number[] {
  return sent.map(({ bytes }) => readGenericHeader(bytes, 12, bytes.length)?.frameNumber ?? -1);
}

/** The 16-bit sequence numbers. */
export function sequences(sent: readonly Sent[]): number[] {
  return sent.map(({ sequence }) => sequence);
}
