import { clearTrailer } from '../../codec/clear-trailer.ts';
import { encodeFrame } from '../../codec/encode.ts';
import { headerOffset } from '../../codec/header.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp.ts';
import {
  HEADER_BYTES,
  SEALED_COUNTER_BYTES,
  SECURED_TRAILER_BYTES,
  TLV_HEADER_BYTES,
} from '../../protocol/constants.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { type Frame, FrameFlag, FrameType } from '../../protocol/frame.ts';
import type { Prng } from '../prng.ts';

/** Parts of a datagram that somebody who is blind has to guess. */
interface Guess {
  readonly at: number;
  readonly bytes: number;
}

/** One kind of forged datagram: all but the guessed parts is right. */
export interface BlindDatagram {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly guesses: readonly Guess[];
  /** Its CRC follows the guess; secured ones have a guessed trailer. */
  readonly clear: boolean;
}

const TAG: Guess = { at: headerOffset.sessionTag, bytes: 8 };
const STREAM_ID: Guess = { at: headerOffset.streamIdZero, bytes: 8 };
const FIRST_VALUE = HEADER_BYTES + TLV_HEADER_BYTES;
const RESET_TOKEN: Guess = { at: FIRST_VALUE, bytes: 16 };

/** What is known of a session: its StreamId, and in the secured modes its tag too, where keys are all that is left to guess. */
export interface KnownIds {
  readonly streamId: bigint;
  readonly sessionTag: bigint;
}

/** Draws the guesses of a datagram, in place. */
export function guess({ bytes, guesses, clear }: BlindDatagram, prng: Prng): void {
  for (const { at, bytes: count } of guesses) {
    for (let place = at; place < at + count; place += 4) {
      const word = prng.u32();
      bytes[place] = word;
      bytes[place + 1] = word >>> 8;
      bytes[place + 2] = word >>> 16;
      bytes[place + 3] = word >>> 24;
    }
  }
  if (clear) clearTrailer.complete(bytes);
}

/** Frames of a live or half-open session whose tag is guessed, to either end. */
export function taggedFrames({ streamId }: KnownIds): readonly BlindDatagram[] {
  const ids = { flags: 0, streamId, sessionTag: 1n, attempt: 0 };
  const nonce = 1n;
  const exchange = { ...ids, requestId: 1n, round: 1 };
  const frames: readonly Frame[] = [
    { ...ids, type: FrameType.START_CONFIRM },
    { ...ids, type: FrameType.READY },
    { ...ids, type: FrameType.PING, nonce },
    { ...ids, type: FrameType.PONG, nonce, datagramBytesMax: 1200 },
    { ...ids, type: FrameType.BYE, errorCode: ErrorCode.SHUTDOWN },
    { ...ids, type: FrameType.BYE_ACK },
    { ...ids, type: FrameType.ERROR, errorCode: ErrorCode.AUTH_FAILED },
    { ...ids, type: FrameType.PATH_CHALLENGE, nonce },
    { ...ids, type: FrameType.PATH_RESPONSE, nonce },
    { ...exchange, type: FrameType.NOTIFY, method: 'stop' },
    { ...exchange, type: FrameType.REQUEST, method: 'stop' },
    { ...exchange, type: FrameType.CONTINUE, status: { exchange: 0, method: 0 } },
  ];
  return frames.map((frame) => clearDatagram(frame, [TAG]));
}

/** RESET of a session with everything right but its token, and with nothing known but StreamId. */
export function resets({ streamId, sessionTag }: KnownIds): readonly BlindDatagram[] {
  const reset = { flags: 0, streamId, attempt: 0, resetToken: new Uint8Array(16), errorCode: ErrorCode.NO_SESSION };
  return [
    clearDatagram({ ...reset, type: FrameType.RESET, sessionTag }, [RESET_TOKEN]),
    clearDatagram({ ...reset, type: FrameType.RESET, sessionTag: 1n }, [TAG, RESET_TOKEN]),
  ];
}

/** What a viewer takes for its camera's by StreamId alone, which has to be guessed, in mode `none`. */
export function answersToStart(): readonly BlindDatagram[] {
  const ids = { flags: 0, streamId: 1n, sessionTag: 0n, attempt: 1 };
  const token = new Uint8Array(16);
  const ack = { ...ids, flags: FrameFlag.ACK_REQUIRED, sessionTag: 1n, resetToken: token, ssrc: 1 };
  return [
    clearDatagram({ ...ack, type: FrameType.START_ACK }, [STREAM_ID, TAG]),
    clearDatagram({ ...ids, type: FrameType.RETRY, cookie: new Uint8Array(20) }, [STREAM_ID]),
    clearDatagram({ ...ids, type: FrameType.ERROR, errorCode: ErrorCode.POLICY }, [STREAM_ID]),
  ];
}

/**
 * A START of an address that cannot be heard at: its cookie's MAC is guessed. The rest of the cookie is right.
 *
 * @param nowMs the camera's time.
 */
export function startWithCookie(nowMs: number): BlindDatagram {
  const cookie = new Uint8Array(20);
  // Epoch 0 is the camera's first minute; seconds come behind it (docs/PROTOCOL.md, section 6).
  new DataView(cookie.buffer).setUint32(0, Math.floor(nowMs / 1000) & 0xff_ffff);
  const ids = { flags: FrameFlag.ACK_REQUIRED, streamId: 1n, sessionTag: 0n, attempt: 1 };
  const start = clearDatagram({ ...ids, type: FrameType.START, versions: [1], cookie }, []);
  const cookieAt = FIRST_VALUE + 1 + TLV_HEADER_BYTES;
  return { ...start, name: 'START with a cookie', guesses: [STREAM_ID, { at: cookieAt + 4, bytes: 16 }] };
}

/** Media, whose SSRC is guessed in mode `none`: 32 bits are all that protects it there. */
export function media(): BlindDatagram {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + 40);
  writeRtpHeader(bytes, { marker: true, payloadType: 97, sequence: 1, timestamp: 1, ssrc: 0 });
  return { name: 'RTP', bytes, guesses: [{ at: 8, bytes: 4 }], clear: false };
}

/** Media of a secured session: all is right but what the key makes of it. @param ssrc of the session. */
export function securedMedia(ssrc: number): BlindDatagram {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + 40 + 17);
  writeRtpHeader(bytes, { marker: true, payloadType: 97, sequence: ssrc & 0xffff, timestamp: 1, ssrc });
  return { name: 'SRTP', bytes, guesses: [{ at: RTP_HEADER_BYTES, bytes: 56 }], clear: false };
}

/** Sealed frames of a secured session with both ids and a counter that is new: TLVs and tag are guessed. */
export function sealedFrames({ streamId, sessionTag }: KnownIds): readonly BlindDatagram[] {
  const types = ['PING', 'PONG', 'BYE', 'BYE_ACK', 'READY', 'REQUEST', 'NOTIFY'] as const;
  return types.map((name) => {
    const text = 24;
    const bytes = header(
      FrameType[name],
      { streamId, sessionTag },
      SEALED_COUNTER_BYTES + text + SECURED_TRAILER_BYTES,
    );
    new DataView(bytes.buffer).setUint32(HEADER_BYTES + 4, 100);
    const guesses = [{ at: HEADER_BYTES + SEALED_COUNTER_BYTES, bytes: text + SECURED_TRAILER_BYTES }];
    return { name: `sealed ${name}`, bytes, guesses, clear: false };
  });
}

/** START_CONFIRM, START_ACK and ERROR of a secured session with both ids; MAC1 is guessed, or right where its key is public. */
export function mac1Frames({ streamId, sessionTag }: KnownIds): readonly BlindDatagram[] {
  const kinds = [
    { name: 'START_CONFIRM', noise: 64, attempt: 0 },
    { name: 'START_ACK', noise: 84, attempt: 1 },
  ] as const;
  return kinds.map(({ name, noise, attempt }) => {
    const bytes = header(FrameType[name], { streamId, sessionTag }, TLV_HEADER_BYTES + noise + SECURED_TRAILER_BYTES);
    if (name === 'START_ACK') bytes[headerOffset.flags] = FrameFlag.SECURED | FrameFlag.ACK_REQUIRED;
    bytes[headerOffset.attempt] = attempt;
    bytes.set([0, 14, 0, noise], HEADER_BYTES);
    return { name, bytes, guesses: [{ at: FIRST_VALUE, bytes: noise + SECURED_TRAILER_BYTES }], clear: false };
  });
}

function header(type: number, { streamId, sessionTag }: KnownIds, rest: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + rest);
  const view = new DataView(bytes.buffer);
  bytes.set([0x0c, 1, type, FrameFlag.SECURED]);
  view.setBigUint64(headerOffset.streamIdZero, streamId);
  view.setBigUint64(headerOffset.sessionTag, sessionTag);
  view.setUint16(headerOffset.bodyLength, rest - SECURED_TRAILER_BYTES);
  return bytes;
}

function clearDatagram(frame: Frame, guesses: readonly Guess[]): BlindDatagram {
  const name = Object.entries(FrameType).find(([, type]) => type === frame.type)?.[0] ?? '';
  return { name, bytes: encodeFrame(frame), guesses, clear: true };
}
