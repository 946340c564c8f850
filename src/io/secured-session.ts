/** What both ends of a secured session have alike, and nobody else. */
export interface SecuredSession {
  /** The Noise handshake hash, 32 bytes, no secret: to be signed or compared. `undefined` in mode `none`. */
  readonly channelBinding: Uint8Array | undefined;
  /**
   * A key for the application's own use; says nothing about other labels or about the session's keys.
   *
   * @param label ASCII, the application's own.
   * @param bytes 1..32, default 32.
   * @returns `undefined` in mode `none`.
   * @throws RangeError for another length.
   */
  exportKey(label: string, bytes?: number): Uint8Array | undefined;
}
