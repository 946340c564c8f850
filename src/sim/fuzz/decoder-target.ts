import { type DecodeResult, decodeFrame } from '../../codec/decode.ts';
import { decodeOpened, decodeSecured } from '../../codec/decode-secured.ts';
import { encodeFrame } from '../../codec/encode.ts';
import { HEADER_BYTES, SEALED_COUNTER_BYTES, SECURED_TRAILER_BYTES } from '../../protocol/constants.ts';
import { FrameFlag, FrameType, type SecuredHandshakeFrame } from '../../protocol/frame.ts';
import { Prng } from '../prng.ts';
import { Mutator } from './mutator.ts';
import {
  count,
  type FuzzCase,
  FuzzFailure,
  type FuzzLife,
  type FuzzStep,
  type FuzzTally,
  type FuzzTarget,
  fromHex,
  type Rejected,
  toHex,
} from './target.ts';

/** Inputs of one life: the clock is read once for all of them. */
export const DECODER_LIFE_EXECUTIONS = 256;

const TEXT_AT = HEADER_BYTES + SEALED_COUNTER_BYTES;
const acceptMac1 = (): boolean => true;
const refuseMac1 = (): boolean => false;

/** How a datagram is read. */
export type Reader = 'clear' | 'secured' | 'wrongMac1';

/**
 * The decoder (S10): never throws, tells an offset within the datagram, reads nothing beside it, and what it accepts encodes to
 * the same bytes. Secured frames are read with MAC1 right or wrong, sealed ones as if they had been opened.
 */
export class DecoderTarget implements FuzzTarget {
  readonly name = 'decoder';
  readonly stateless = true;
  readonly tally: FuzzTally = new Map();
  readonly done = { executions: 0, bytes: 0 };
  readonly #clear: Mutator;
  readonly #secured: Mutator;

  /** @param clear datagrams of mode `none`. @param secured of the others, sealed ones with their TLVs in the open. */
  constructor(clear: readonly Uint8Array[], secured: readonly Uint8Array[]) {
    this.#clear = new Mutator(clear);
    this.#secured = new Mutator(secured);
  }

  begin(seed: number, life: number, record?: (step: FuzzStep) => void): FuzzLife {
    return new DecoderLife(this, new Prng(seed, life), record);
  }

  replay({ steps }: FuzzCase): void {
    for (const { hex, reader } of steps) this.execute(fromHex(String(hex)), reader as Reader);
  }

  /** Draws a mutant and the way to read it. */
  draw(prng: Prng): { readonly bytes: Uint8Array; readonly reader: Reader } {
    const dice = prng.below(32);
    if (dice < 24) return { bytes: this.#clear.next(prng), reader: 'clear' };
    if (dice === 30) return { bytes: this.#secured.next(prng), reader: 'clear' };
    return { bytes: this.#secured.next(prng), reader: dice === 31 ? 'wrongMac1' : 'secured' };
  }

  /** @returns whether it was refused. */
  execute(bytes: Uint8Array, reader: Reader): boolean {
    this.done.executions++;
    this.done.bytes += bytes.length;
    const result = reader === 'clear' ? decodeFrame(bytes) : readSecured(bytes, reader);
    if (!result.ok) {
      count(this.tally, result.reason);
      if (!(result.offset >= 0 && result.offset <= bytes.length)) {
        throw new FuzzFailure(`refused for ${result.reason} at ${result.offset} of ${bytes.length}`);
      }
      return true;
    }
    count(this.tally, 'accepted');
    checkSame(encodedAgain(result, bytes, reader), bytes);
    return false;
  }
}

/** A batch of mutants. */
class DecoderLife implements FuzzLife {
  readonly settings = {};
  over = false;
  readonly #target: DecoderTarget;
  readonly #prng: Prng;
  readonly #record: ((step: FuzzStep) => void) | undefined;
  #rejected: { readonly bytes: Uint8Array; readonly reader: Reader } | undefined;

  constructor(target: DecoderTarget, prng: Prng, record: ((step: FuzzStep) => void) | undefined) {
    this.#target = target;
    this.#prng = prng;
    this.#record = record;
  }

  draw(): void {
    // Mutants are made one at a time, and far faster than the limit on time.
  }

  execute(): void {
    for (let execution = 0; execution < DECODER_LIFE_EXECUTIONS; execution++) {
      const { bytes, reader } = this.#target.draw(this.#prng);
      this.#record?.({ hex: toHex(bytes), reader });
      if (this.#target.execute(bytes, reader)) this.#rejected = { bytes, reader };
      if (execution === 0) checkAlone(bytes, reader);
    }
    this.over = true;
  }

  finish(): void {
    // Each input was looked at by itself.
  }

  rejected(): Rejected | undefined {
    if (this.#rejected === undefined) return undefined;
    // The mutator's buffer is that of the next mutants.
    const { reader } = this.#rejected;
    const bytes = this.#rejected.bytes.slice();
    const again = (): void => {
      if (reader === 'clear') decodeFrame(bytes);
      else readSecured(bytes, reader);
    };
    return { step: { hex: toHex(bytes), reader }, again };
  }
}

/** What a secured end reads. A sealed frame is taken for one that was opened. */
function readSecured(bytes: Uint8Array, reader: Reader): DecodeResult {
  const first = decodeSecured(bytes, reader === 'secured' ? acceptMac1 : refuseMac1);
  if (!first.ok || !first.sealed) return first as DecodeResult;
  const opened = decodeOpened(bytes, bytes.subarray(TEXT_AT, bytes.length - SECURED_TRAILER_BYTES));
  return opened;
}

function encodedAgain(result: DecodeResult & { ok: true }, bytes: Uint8Array, reader: Reader): Uint8Array {
  const { frame } = result;
  if (reader === 'clear' || frame.type === FrameType.RESET) return encodeFrame(frame);
  const counterBytes = securedCounterBytes(frame.type);
  return encodeFrame(frame as SecuredHandshakeFrame, {
    flags: FrameFlag.SECURED,
    counterBytes,
    bytes: SECURED_TRAILER_BYTES,
    complete(datagram) {
      datagram.set(bytes.subarray(HEADER_BYTES, HEADER_BYTES + counterBytes), HEADER_BYTES);
      datagram.set(bytes.subarray(-SECURED_TRAILER_BYTES), datagram.length - SECURED_TRAILER_BYTES);
    },
  });
}

function securedCounterBytes(type: number): number {
  return type > FrameType.RETRY ? SEALED_COUNTER_BYTES : 0;
}

function checkSame(again: Uint8Array, bytes: Uint8Array): void {
  let same = again.length === bytes.length;
  for (let at = 0; same && at < bytes.length; at++) same = again[at] === bytes[at];
  if (!same) throw new FuzzFailure(`what was accepted encodes to ${toHex(again)}`);
}

/** S10: reads nothing beside the datagram, so that one in memory of its own gives the same. */
function checkAlone(bytes: Uint8Array, reader: Reader): void {
  const read = (datagram: Uint8Array): string => {
    const result = reader === 'clear' ? decodeFrame(datagram) : readSecured(datagram, reader);
    return result.ok ? `${result.frame.type}` : `${result.reason} at ${result.offset}`;
  };
  const [within, alone] = [read(bytes), read(bytes.slice())];
  if (within !== alone) throw new FuzzFailure(`among other bytes ${within}, in memory of its own ${alone}`);
}
