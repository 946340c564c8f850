/** How a frame ends, and what stands before its TLVs: the part of its layout that keys decide (docs/PROTOCOL.md, section 2). */
export interface FrameTrailer {
  /** Flags that go with it: 0 or SECURED. The trailer itself may add KEY_PHASE. */
  readonly flags: number;
  /** Bytes between header and TLVs: 0, or 8 for the counter of a sealed frame. */
  readonly counterBytes: number;
  /** Bytes after the TLVs. */
  readonly bytes: number;
  /** Finishes a datagram, in place, in which all but counter and trailer are written. */
  complete(datagram: Uint8Array): void;
}
