import type { WorldEvent } from './world-event.ts';

/** What stands in front of a value, so that no two different values look alike. */
const MARK = {
  number: 1,
  bigint: 2,
  string: 3,
  boolean: 4,
  nothing: 5,
  bytes: 6,
  list: 7,
  object: 8,
  opaque: 9,
} as const;

/**
 * 64 bits over every event of a world, with all bytes and times: two runs that did the same have the same, on every machine and
 * every Node. Integer operations only (Math.imul), no cryptography: it finds a difference, it keeps nobody from making one.
 */
export class TraceHash {
  #high = 0x811c9dc5 | 0;
  #low = 0x1000193;
  readonly #float = new DataView(new ArrayBuffer(8));

  /** 16 hexadecimal digits. */
  get hex(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  see(event: WorldEvent): void {
    this.#number(event.atMs);
    switch (event.kind) {
      case 'sent':
        this.#text(event.plane);
        this.#mix(event.id);
        this.#text(event.from.address);
        this.#mix(event.from.port);
        this.#text(event.to.address);
        this.#mix(event.to.port);
        return this.#bytes(event.bytes);
      case 'lost':
        this.#text(event.reason);
        return this.#mix(event.id);
      case 'arrived':
        this.#value(event.host);
        this.#mix(event.id);
        return this.#bytes(event.bytes);
      case 'asked':
        this.#value(event.host);
        return this.#value(event.input);
      case 'told':
        this.#value(event.host);
        return this.#value(event.output);
      case 'fault':
        this.#value(event.host);
        return this.#text(event.fault);
    }
  }

  /** Plain data to any depth. What has a class of its own, as a feed does, is not looked into. */
  #value(value: unknown): void {
    if (typeof value === 'number') {
      this.#mix(MARK.number);
      this.#number(value);
    } else if (typeof value === 'bigint') {
      this.#mix(MARK.bigint);
      this.#mix(Number(value & 0xffff_ffffn));
      this.#mix(Number((value >> 32n) & 0xffff_ffffn));
    } else if (typeof value === 'string') {
      this.#mix(MARK.string);
      this.#text(value);
    } else if (typeof value === 'boolean') {
      this.#mix(MARK.boolean);
      this.#mix(value ? 1 : 0);
    } else if (value instanceof Uint8Array) {
      this.#mix(MARK.bytes);
      this.#bytes(value);
    } else if (Array.isArray(value)) {
      this.#mix(MARK.list);
      this.#mix(value.length);
      for (const item of value) this.#value(item);
    } else if (typeof value === 'object' && value !== null) {
      this.#object(value);
    } else {
      this.#mix(MARK.nothing);
    }
  }

  #object(value: object): void {
    if (Object.getPrototypeOf(value) !== Object.prototype) return this.#mix(MARK.opaque);
    this.#mix(MARK.object);
    for (const [name, field] of Object.entries(value)) {
      this.#text(name);
      this.#value(field);
    }
  }

  #number(value: number): void {
    this.#float.setFloat64(0, value);
    this.#mix(this.#float.getInt32(0));
    this.#mix(this.#float.getInt32(4));
  }

  #text(text: string): void {
    this.#mix(text.length);
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
  }

  #bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    const whole = length & ~3;
    this.#mix(length);
    for (let at = 0; at < whole; at += 4) {
      const word =
        ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
      this.#mix(word);
    }
    for (let at = whole; at < length; at++) this.#mix(bytes[at] ?? 0);
  }

  #mix(word: number): void {
    let high = Math.imul(this.#high ^ word, 0x9e3779b1);
    high ^= high >>> 15;
    this.#high = Math.imul(high, 0x85ebca77);
    let low = Math.imul(this.#low + word, 0xc2b2ae3d);
    low = (low << 13) | (low >>> 19);
    this.#low = Math.imul(low, 5) + 0xe6546b64;
    this.#low |= 0;
  }
}
