/** What a stream carries: how its frames are cut into RTP payloads. */
export type MediaFormat = 'h264' | 'generic' | 'passthrough';

/**
 * One frame of a stream on its way into the packetizer. For H.264 an access unit (ITU-T H.264, 7.4.1.2): its NAL units without
 * start codes. For generic streams one entry with the frame's bytes. For pass-through one entry: the RTP packet itself.
 */
export interface AccessUnit {
  readonly units: readonly Uint8Array[];
  /** RTP timestamp in 1/90,000 s, u32; of no meaning for pass-through, whose packets carry their own. */
  readonly timestamp: number;
  /** A decoder can start here: an IDR with its parameter sets, or any frame that needs no other. */
  readonly keyframe: boolean;
}

/** One frame that a viewer received. */
export interface ReceivedFrame {
  /** H.264: Annex B bytes with start codes. Generic: the bytes as sent. */
  readonly payload: Uint8Array;
  /** RTP timestamp, u32. */
  readonly timestamp: number;
  /** A decoder can start here. */
  readonly keyframe: boolean;
  /** Every frame that it needs was delivered before it, and itself is whole. Only such frames reach files and players. */
  readonly decodable: boolean;
  /** When its last missing datagram arrived, monotonic ms. */
  readonly completedAtMs: number;
}
