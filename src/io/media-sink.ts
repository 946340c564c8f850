import type { ReceivedFrame } from '../media/access-unit.ts';

/** What a sink did. */
export interface SinkReport {
  /** Where it went, for people: a path, an address, a command. */
  readonly target: string;
  /** Frames (or datagrams) written. */
  readonly written: number;
  readonly bytes: number;
  /** Frames (or datagrams) that it could not take in time. */
  readonly dropped: number;
}

/** Where a viewer's media goes. */
export interface MediaSink {
  /** `frames`: whole decodable frames; `datagrams`: RTP in order. */
  readonly wants: 'frames' | 'datagrams';
  /** The stream's description, once. */
  describe(sdp: string): void;
  /** A frame in order; the sink itself keeps to what decodes. */
  frame(frame: ReceivedFrame): void;
  /** An RTP datagram in order. */
  datagram(bytes: Uint8Array): void;
  /** Called when the sink cannot go on (disk full, player closed); set by the owner. */
  onFailure?: (error: Error) => void;
  /** Writes out what it holds, and says what it did. */
  close(): Promise<SinkReport>;
}
