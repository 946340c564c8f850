import { type DecodeResult, decodeFrame } from '../../codec/decode.ts';
import { encodeFrame } from '../../codec/encode.ts';
import { headerOffset } from '../../codec/header.ts';
import { CONTROL_BYTES_MIN, CONTROL_FIRST_BYTE } from '../../protocol/constants.ts';
import { FrameFlag, frameTypeName } from '../../protocol/frame.ts';
import type { ViolationLog } from './violation.ts';

/** Sent datagrams that are remembered until their copies arrive: a power of two. */
const REMEMBERED = 8192;
/** A START that cannot be decoded may be answered if these are right; `invalid` tells it from a frame. */
const NO_FRAME = 0;

/** What a watch knows of one datagram. Ids are read when they are asked for: to compare them as bytes is much cheaper. */
export class SeenDatagram {
  readonly bytes: Uint8Array;
  /** Of a valid control frame; 0 for media, for what is damaged and for what is not ours. */
  readonly type: number;
  /** An endpoint sent these very bytes; false for what is damaged or a stranger's. */
  readonly genuine: boolean;
  /** The camera sent it; false also where that is not known. */
  readonly fromCamera: boolean;
  /** Of a sealed frame. */
  readonly counter: number | undefined;
  #streamId: bigint | undefined;
  #sessionTag: bigint | undefined;

  constructor(bytes: Uint8Array, type: number, genuine: boolean, fromCamera = false, counter?: number) {
    this.bytes = bytes;
    this.type = type;
    this.genuine = genuine;
    this.fromCamera = fromCamera;
    this.counter = counter;
  }

  /** 0 without a frame. */
  get streamId(): bigint {
    this.#streamId ??= this.#id(headerOffset.streamIdZero);
    return this.#streamId;
  }

  /** 0 without a frame. */
  get sessionTag(): bigint {
    this.#sessionTag ??= this.#id(headerOffset.sessionTag);
    return this.#sessionTag;
  }

  /** 0 without a frame. */
  get attempt(): number {
    return this.type === NO_FRAME ? 0 : (this.bytes[headerOffset.attempt] ?? 0);
  }

  #id(offset: number): bigint {
    if (this.type === NO_FRAME) return 0n;
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).getBigUint64(offset);
  }
}

/** Whether two frames have the same StreamId. */
export function sameStreamId(a: Uint8Array, b: Uint8Array): boolean {
  return sameRange(a, b, headerOffset.streamIdZero, headerOffset.sessionTag);
}

/** Whether two frames have the same StreamId and SessionTag. */
export function sameIds(a: Uint8Array, b: Uint8Array): boolean {
  return sameRange(a, b, headerOffset.streamIdZero, headerOffset.attempt);
}

/** How control datagrams are read where their bytes alone do not tell. */
export interface DatagramEye {
  /** One that an endpoint sends. */
  sent(bytes: Uint8Array, fromCamera: boolean): SeenDatagram;
  /** One that arrives and is not known by its number. */
  judge(bytes: Uint8Array): SeenDatagram;
}

/** How datagrams are decoded, and how often one that an endpoint itself sent. */
export interface DecodingOptions {
  /** Default the engine's own. */
  readonly decode?: (datagram: Uint8Array) => DecodeResult;
  /** One of so many sent frames is decoded; what arrives damaged or from a stranger always is. Default 64. */
  readonly decodeEvery?: number;
  /** Both ends are secured; default false. */
  readonly secured?: boolean;
}

/**
 * S10: the decoder neither throws nor accepts what does not encode to the same bytes, and takes what endpoints send. S11: ends
 * that are not secured seal nothing, so no frame may claim to be; of secured ones see {@link DatagramEye}. Also the one place where a watch reads datagrams: a frame that an
 * endpoint sent is read from its header, and each copy that arrives whole is known by its number.
 */
export class DatagramReader {
  readonly #log: ViolationLog;
  readonly #decode: (datagram: Uint8Array) => DecodeResult;
  readonly #every: number;
  readonly #ids: number[] = [];
  readonly #seen: SeenDatagram[] = [];
  readonly #eye: DatagramEye | undefined;
  #untilDecode: number;

  /** @param eye of secured ends. */
  constructor(log: ViolationLog, options: DecodingOptions, eye?: DatagramEye) {
    this.#log = log;
    this.#eye = eye;
    this.#decode = options.decode ?? decodeFrame;
    this.#every = options.decodeEvery ?? 64;
    this.#untilDecode = this.#every - 1;
  }

  /** A datagram that an endpoint sends. */
  sent(id: number, bytes: Uint8Array, fromCamera: boolean): SeenDatagram {
    const control = bytes[0] === CONTROL_FIRST_BYTE && bytes.length >= CONTROL_BYTES_MIN;
    const seen = control ? (this.#eye?.sent(bytes, fromCamera) ?? headerOf(bytes, true)) : noFrame(bytes, true);
    const slot = id & (REMEMBERED - 1);
    this.#ids[slot] = id;
    this.#seen[slot] = seen;
    if (seen.type === NO_FRAME || this.#eye !== undefined) return seen;
    if (((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0) {
      this.#log.report('S11', 'a frame says that it is sealed');
    }
    if (this.#untilDecode-- === 0) {
      this.#untilDecode = this.#every - 1;
      if (this.#judge(bytes).type === NO_FRAME) {
        this.#log.report('S10', `an endpoint sent a ${frameTypeName(seen.type)} that does not decode`);
      }
    }
    return seen;
  }

  /** A copy that arrives, whoever sent it. */
  arrived(id: number, bytes: Uint8Array): SeenDatagram {
    const slot = id & (REMEMBERED - 1);
    const seen = this.#ids[slot] === id ? this.#seen[slot] : undefined;
    return seen !== undefined && sameBytes(seen.bytes, bytes) ? seen : this.#judge(bytes);
  }

  #judge(bytes: Uint8Array): SeenDatagram {
    if (bytes[0] !== CONTROL_FIRST_BYTE) return noFrame(bytes);
    if (this.#eye !== undefined) return this.#eye.judge(bytes);
    try {
      const decoded = this.#decode(bytes);
      if (!decoded.ok) return noFrame(bytes);
      if (!sameBytes(encodeFrame(decoded.frame), bytes)) {
        this.#log.report('S10', `a ${frameTypeName(decoded.frame.type)} was accepted that encodes to other bytes`);
      }
    } catch (error) {
      this.#log.report('S10', `decode threw ${String(error)}`);
      return noFrame(bytes);
    }
    return headerOf(bytes);
  }
}

/** Whether both have the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && sameRange(a, b, 0, a.length);
}

/** Whether both have the same bytes at `from..end`. */
export function sameRange(a: Uint8Array, b: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (a[at] !== b[at]) return false;
  return true;
}

function noFrame(bytes: Uint8Array, genuine = false): SeenDatagram {
  return new SeenDatagram(bytes, NO_FRAME, genuine);
}

function headerOf(bytes: Uint8Array, genuine = false): SeenDatagram {
  return new SeenDatagram(bytes, bytes[headerOffset.type] ?? NO_FRAME, genuine);
}
