import type { AccessUnit, MediaFormat } from '../media/access-unit.ts';

/** Where a source puts its frames. */
export interface SourceTarget {
  /** @param frameIntervalMs time until the next frame as far as the source knows; frames are spread over it. */
  frame(unit: AccessUnit, frameIntervalMs: number): void;
  /** No frame follows: viewers are told BYE when everything was sent. */
  end(): void;
  /** As `end`, because something went wrong. */
  fail(error: Error): void;
}

/** What a viewer must know of a stream before its first frame; what is not known yet is absent. */
export interface SourceDescription {
  /** What the stream is to a viewer; `passthrough` when nothing is known of its packets. */
  readonly format: MediaFormat;
  /** The access units are RTP packets as they came, whatever `format` says. Default false. */
  readonly packets?: boolean;
  /** 96..127. */
  readonly payloadType: number;
  /** SPS and PPS without start codes (RFC 6184, 8.1). */
  readonly spropParameterSets?: readonly Uint8Array[];
  readonly framerate?: number;
}

/** A stream's origin: a file, a pipe, a program, an RTP port, test frames. */
export interface MediaSource {
  /**
   * `always`: a live source, started with the camera, so that the newest group is at hand when a viewer comes.
   * `on-demand`: started by the first viewer, from the beginning again after the last one left.
   */
  readonly runs: 'always' | 'on-demand';
  /** Looks, once and before the first viewer, whether it could run and what it would be; rejects when it cannot. */
  prepare?(): Promise<void>;
  /** Begins to feed `target`; resolves when it runs, rejects when it cannot. May be called again after `stop`. */
  start(target: SourceTarget): Promise<void>;
  /** Ends it and frees everything; `target` hears nothing more. */
  stop(): Promise<void>;
  describe(): SourceDescription;
  /** Makes the next frame one that a viewer can begin with, if it can. @returns whether it does. Absent: it cannot. */
  requestKeyframe?(): boolean;
  /** Changes the rate, if it can. @returns whether it does. Absent: it cannot. */
  setBitrate?(bitsPerSecond: number): boolean;
}
