/**
 * Bytes that must not appear in a log, a trace, a metric or the JSON of an object that holds them. They are a private field:
 * `JSON.stringify` shows `{}`, and an inspection shows the class alone.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  /** @param bytes kept as they are: the caller must not change them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, for the code that computes with them. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
}
