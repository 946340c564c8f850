/** Tells whether the first bytes after a pause begin with a start code (ITU-T H.264, B.1.1), however they are chunked. */
export class StartCodeWatch {
  #zeros = 0;

  /** @returns `undefined` while only zeros came. */
  push(chunk: Uint8Array): boolean | undefined {
    const first = chunk.findIndex((byte) => byte !== 0);
    this.#zeros += first < 0 ? chunk.length : first;
    return first < 0 ? undefined : chunk[first] === 1 && this.#zeros >= 2;
  }
}
