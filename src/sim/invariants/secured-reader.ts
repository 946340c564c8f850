import { clearTrailer } from '../../codec/clear-trailer.ts';
import { decodeSecured } from '../../codec/decode-secured.ts';
import { encodeFrame } from '../../codec/encode.ts';
import { headerOffset } from '../../codec/header.ts';
import { HEADER_BYTES, SECURED_TRAILER_BYTES } from '../../protocol/constants.ts';
import { FrameFlag, FrameType, frameTypeName, type SecuredHandshakeFrame } from '../../protocol/frame.ts';
import type { FrameTrailer } from '../../protocol/frame-trailer.ts';
import { type DatagramEye, SeenDatagram, sameBytes } from './seen-datagram.ts';
import type { ViolationLog } from './violation.ts';

/** Sent frames that are known again by their trailer, whoever sends them again. */
const KNOWN_MAX = 65_536;

/** Counters of one session's sealed frames, as its ends sent them. */
interface Counters {
  camera: number;
  viewer: number;
}

/**
 * What a watch can tell of secured frames without keys. Whoever changes a byte makes a frame that nobody takes: so a datagram is a
 * frame if an endpoint sent these very bytes, and otherwise none, but for RESET, which is clear. S11: no end seals two frames
 * with one counter. S10: what endpoints send has the layout of a secured frame.
 */
export class SecuredEye implements DatagramEye {
  readonly #log: ViolationLog;
  readonly #known = new Map<string, SeenDatagram>();
  readonly #counters = new Map<bigint, Counters>();

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  sent(bytes: Uint8Array, fromCamera: boolean): SeenDatagram {
    const type = bytes[headerOffset.type] ?? 0;
    const sealed = isSealed(bytes);
    const seen = new SeenDatagram(bytes, type, true, fromCamera, sealed ? counterOf(bytes) : undefined);
    if (((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) === 0 && type !== FrameType.RESET) {
      this.#log.report('S11', `a secured end sent a clear ${frameTypeName(type)}`);
    }
    this.#look(bytes);
    if (sealed) this.#count(seen);
    const first = this.#known.size >= KNOWN_MAX ? this.#known.keys().next().value : undefined;
    if (first !== undefined) this.#known.delete(first);
    this.#known.set(trailerOf(bytes), seen);
    return seen;
  }

  judge(bytes: Uint8Array): SeenDatagram {
    const known = this.#known.get(trailerOf(bytes));
    if (known !== undefined && sameBytes(known.bytes, bytes)) return known;
    const decoded = decodeSecured(bytes, () => false);
    const isReset = decoded.ok && !decoded.sealed && decoded.frame.type === FrameType.RESET;
    return new SeenDatagram(bytes, isReset ? FrameType.RESET : 0, false);
  }

  /** S10, as far as a frame can be read. */
  #look(bytes: Uint8Array): void {
    const decoded = decodeSecured(bytes, () => true);
    const name = frameTypeName(bytes[headerOffset.type] ?? 0);
    if (!decoded.ok)
      return this.#log.report('S10', `an endpoint sent a ${name} that does not decode: ${decoded.reason}`);
    if (decoded.sealed) return;
    const { frame } = decoded;
    const again =
      frame.type === FrameType.RESET
        ? encodeFrame(frame, clearTrailer)
        : encodeFrame(frame as SecuredHandshakeFrame, sameTrailer(bytes));
    if (!sameBytes(again, bytes)) this.#log.report('S10', `a ${name} was accepted that encodes to other bytes`);
  }

  #count({ sessionTag, fromCamera, counter = 0, type }: SeenDatagram): void {
    let counters = this.#counters.get(sessionTag);
    if (counters === undefined) {
      counters = { camera: -1, viewer: -1 };
      this.#counters.set(sessionTag, counters);
    }
    const end = fromCamera ? 'camera' : 'viewer';
    if (counter <= counters[end])
      this.#log.report('S11', `${frameTypeName(type)} is sealed with a counter that was used`);
    counters[end] = counter;
  }
}

function isSealed(bytes: Uint8Array): boolean {
  if (((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) === 0) return false;
  const decoded = decodeSecured(bytes, () => true);
  return decoded.ok && decoded.sealed;
}

function counterOf(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES, 8).getBigUint64(0));
}

function trailerOf(bytes: Uint8Array): string {
  return bytes.subarray(-SECURED_TRAILER_BYTES).join();
}

/** MAC1 as it was. */
function sameTrailer(bytes: Uint8Array): FrameTrailer {
  return {
    flags: FrameFlag.SECURED,
    counterBytes: 0,
    bytes: SECURED_TRAILER_BYTES,
    complete: (datagram) =>
      datagram.set(bytes.subarray(-SECURED_TRAILER_BYTES), datagram.length - SECURED_TRAILER_BYTES),
  };
}
