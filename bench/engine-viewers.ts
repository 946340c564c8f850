import { encodeFrame } from '../src/codec/encode.ts';
import type { Peer, ResponderInput } from '../src/engine/io-types.ts';
import { ResponderEndpoint } from '../src/engine/responder-endpoint.ts';
import { cryptoEntropy } from '../src/io/entropy.ts';
import { StreamFeed } from '../src/media/stream-feed.ts';
import { PROTOCOL_VERSION } from '../src/protocol/constants.ts';
import { FrameFlag, FrameType, type FrameTypeValue } from '../src/protocol/frame.ts';
import type { Profile } from '../src/protocol/profiles.ts';
import { raisedLimits } from './handshake-cell.ts';

const SDP = 'v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=bench\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=application 9 RTP/AVP 97\r\n';
const TYPE_AT = 2;
const STREAM_ID_AT = 4;
const TAG_AT = 12;
const NONCE_AT = 28;
/** A camera remembers a session whose viewer left for 3.5 s. */
const FORGOTTEN_MS = 4000;

/** A datagram and where it comes from, as a socket hands both over: made anew for each. */
interface Incoming {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly from: Peer;
}

/**
 * Many viewers of one camera's engine, in this process, without sockets, on a clock that stands still unless it is moved: `step` is called with
 * what their datagrams would be. What viewers themselves remember lies in arrays that are made before anything is measured.
 */
export class EngineViewers {
  readonly #endpoint: ResponderEndpoint;
  readonly #feed = new StreamFeed({ format: 'generic', payloadType: 97 });
  readonly #tags: BigUint64Array;
  readonly #nonces: BigUint64Array;
  readonly #firstId: bigint;
  #nowMs = 1000;

  /** @param count viewers at most. @param firstId StreamId of the first; the others follow. */
  constructor(count: number, profile: Profile, firstId = 1n) {
    this.#tags = new BigUint64Array(count);
    this.#nonces = new BigUint64Array(count);
    this.#firstId = firstId;
    this.#endpoint = new ResponderEndpoint({
      profile,
      entropy: cryptoEntropy,
      limits: raisedLimits(count, 0).camera,
      resetKey: new Uint8Array(32),
    });
  }

  get sessionCount(): number {
    return this.#endpoint.sessionCount;
  }

  get pendingCount(): number {
    return this.#endpoint.pendingCount;
  }

  /** STARTs of the viewers `from` to `to`, ready to be given to {@link start}. */
  starts(from: number, to: number): readonly Incoming[] {
    return this.#frames(from, to, (streamId) =>
      encodeFrame({
        ...{ type: FrameType.START, flags: FrameFlag.ACK_REQUIRED, streamId, sessionTag: 0n, attempt: 1 },
        versions: [PROTOCOL_VERSION],
      }),
    );
  }

  /** Their START_CONFIRMs. */
  confirms(from: number, to: number): readonly Incoming[] {
    return this.#frames(from, to, (streamId, sessionTag) =>
      encodeFrame({ type: FrameType.START_CONFIRM, flags: 0, streamId, sessionTag, attempt: 0 }),
    );
  }

  /** The PONG of each of these to its newest PING. */
  pongs(indexes: readonly number[]): readonly Incoming[] {
    return indexes.map((index) => {
      const [sessionTag = 0n, nonce = 0n] = [this.#tags[index], this.#nonces[index]];
      const ids = { streamId: this.#firstId + BigInt(index), sessionTag };
      const bytes = encodeFrame({ type: FrameType.PONG, flags: 0, ...ids, attempt: 0, nonce, datagramBytesMax: 0 });
      return { index, bytes, from: peerOf(index) };
    });
  }

  /** Their BYEs. */
  byes(from: number, to: number): readonly Incoming[] {
    return this.#frames(from, to, (streamId, sessionTag) =>
      encodeFrame({ type: FrameType.BYE, flags: 0, streamId, sessionTag, attempt: 0, errorCode: 0 }),
    );
  }

  /** Gives the camera datagrams and answers what it asks the application. */
  give(datagrams: readonly Incoming[]): void {
    for (const { index, bytes, from } of datagrams) this.#step({ kind: 'datagram', bytes, from }, index);
  }

  /** Moves the clock, and wakes the camera when it wants to be. @returns which viewers got a PING meanwhile. */
  advance(byMs: number): readonly number[] {
    const endMs = this.#nowMs + byMs;
    const pinged: number[] = [];
    for (;;) {
      const dueMs = this.#endpoint.deadlineMs();
      if (dueMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      for (const output of this.#endpoint.step({ kind: 'timeout' }, this.#nowMs)) {
        if (output.kind !== 'send' || output.bytes[TYPE_AT] !== FrameType.PING) continue;
        const index = Number(bigintAt(output.bytes, STREAM_ID_AT) - this.#firstId);
        this.#read(output.bytes, index);
        pinged.push(index);
      }
    }
    this.#nowMs = endMs;
    return pinged;
  }

  /** Moves the clock until sessions whose viewers left are forgotten. */
  forget(): void {
    this.advance(FORGOTTEN_MS);
  }

  #step(input: ResponderInput, index: number): void {
    for (const output of this.#endpoint.step(input, this.#nowMs)) {
      if (output.kind === 'send') this.#read(output.bytes, index);
      else if (output.kind === 'reserve') {
        this.#step({ kind: 'reserved', session: output.session, feed: this.#feed, sdp: SDP }, index);
      }
    }
  }

  #read(bytes: Uint8Array, index: number): void {
    const type = bytes[TYPE_AT] as FrameTypeValue;
    if (type === FrameType.START_ACK) this.#tags[index] = bigintAt(bytes, TAG_AT);
    else if (type === FrameType.PING) this.#nonces[index] = bigintAt(bytes, NONCE_AT);
  }

  #frames(from: number, to: number, encode: (streamId: bigint, sessionTag: bigint) => Uint8Array): readonly Incoming[] {
    const frames: Incoming[] = [];
    for (let index = from; index < to; index++) {
      const bytes = encode(this.#firstId + BigInt(index), this.#tags[index] ?? 0n);
      frames.push({ index, bytes, from: peerOf(index) });
    }
    return frames;
  }
}

/** Each viewer has an address of its own, in 10.0.0.0/8, as a text that was just made. */
function peerOf(index: number): Peer {
  return { address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 10_000 + (index % 50_000) };
}

function bigintAt(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at);
}
