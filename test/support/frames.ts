import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../src/media/rtp.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/constants.ts';
import { type Frame, FrameFlag, FrameType, type FrameTypeName, frameTypeName } from '../../src/protocol/frame.ts';

/** Both ids of a session. */
export interface Ids {
  readonly streamId: bigint;
  readonly sessionTag: bigint;
}

/** What can be forged without a session's keys: every frame of its two machines, and NOTIFY, which stands for those of exchanges. */
export const forgeableTypes = [
  'START',
  'START_ACK',
  'START_CONFIRM',
  'ERROR',
  'RETRY',
  'READY',
  'PING',
  'PONG',
  'BYE',
  'BYE_ACK',
  'RESET',
  'PATH_CHALLENGE',
  'PATH_RESPONSE',
  'TOKEN',
  'NOTIFY',
] as const satisfies readonly FrameTypeName[];

/** One of {@link forgeableTypes}. */
export type ForgeableType = (typeof forgeableTypes)[number];

/** Those of {@link forgeableTypes} that are not named, in their order. */
export function forgeableBut(...left: readonly ForgeableType[]): readonly ForgeableType[] {
  return forgeableTypes.filter((type) => !left.includes(type));
}

/** The frame in a datagram that must be one. */
export function frameOf(bytes: Uint8Array): Frame {
  const decoded = decodeFrame(bytes);
  if (!decoded.ok) throw new Error(`no frame: ${decoded.reason} at ${decoded.offset}`);
  return decoded.frame;
}

/** Name of the frame in a control datagram, `RTP` or `RTCP` for media, `undefined` for anything else. */
export function kindOf(bytes: Uint8Array): FrameTypeName | 'RTP' | 'RTCP' | undefined {
  const first = bytes[0] ?? 0;
  if (first >= 128 && first <= 191) return (bytes[1] ?? 0) >= 192 && (bytes[1] ?? 0) <= 223 ? 'RTCP' : 'RTP';
  return first === 0x0c ? frameTypeName(bytes[2] ?? 0) : undefined;
}

/** A START as an initiator would send it. */
export function startBytes(
  streamId: bigint,
  attempt = 1,
  more: { readonly streamName?: string; readonly cookie?: Uint8Array; readonly versions?: readonly number[] } = {},
): Uint8Array {
  return encodeFrame({
    type: FrameType.START,
    flags: FrameFlag.ACK_REQUIRED,
    streamId,
    sessionTag: 0n,
    attempt,
    versions: [PROTOCOL_VERSION],
    ...more,
  });
}

/** One frame of every type that carries both ids and needs nothing else but what is given here. */
export function sessionFrame(type: FrameTypeName, ids: Ids): Uint8Array {
  const header = { flags: 0, streamId: ids.streamId, sessionTag: ids.sessionTag, attempt: 0 };
  switch (type) {
    case 'START':
      return startBytes(ids.streamId);
    case 'START_ACK':
      return encodeFrame({
        ...header,
        type: FrameType.START_ACK,
        flags: FrameFlag.ACK_REQUIRED,
        attempt: 1,
        resetToken: new Uint8Array(16),
        ssrc: 7,
      });
    case 'ERROR':
      return encodeFrame({ ...header, type: FrameType.ERROR, errorCode: 21 });
    case 'RETRY':
      return encodeFrame({
        ...header,
        type: FrameType.RETRY,
        sessionTag: 0n,
        attempt: 1,
        cookie: new Uint8Array(20),
      });
    case 'PING':
    case 'PATH_CHALLENGE':
    case 'PATH_RESPONSE':
      return encodeFrame({ ...header, type: FrameType[type], nonce: 99n });
    case 'PONG':
      return encodeFrame({ ...header, type: FrameType.PONG, nonce: 99n, datagramBytesMax: 72 });
    case 'BYE':
      return encodeFrame({ ...header, type: FrameType.BYE, errorCode: 22 });
    case 'RESET':
      return encodeFrame({ ...header, type: FrameType.RESET, resetToken: new Uint8Array(16), errorCode: 9 });
    case 'TOKEN':
      return encodeFrame({ ...header, type: FrameType.TOKEN, token: new Uint8Array(4) });
    case 'NOTIFY':
    case 'REQUEST':
      return encodeFrame({ ...header, type: FrameType[type], requestId: 1n, round: 1, method: 'stats' });
    case 'RECEIPT':
      return encodeFrame({ ...header, type: FrameType.RECEIPT, requestId: 1n, round: 1 });
    case 'RESPONSE':
    case 'CONTINUE':
      return encodeFrame({
        ...header,
        type: FrameType[type],
        requestId: 1n,
        round: 1,
        status: { exchange: 0, method: 0 },
      });
    default:
      return encodeFrame({ ...header, type: FrameType[type] });
  }
}

/** An RTP datagram with some payload. */
export function rtpBytes(ssrc: number, sequence = 1, bytes = 100): Uint8Array {
  const datagram = new Uint8Array(Math.max(bytes, RTP_HEADER_BYTES));
  writeRtpHeader(datagram, { marker: true, payloadType: 97, sequence, timestamp: 0, ssrc });
  return datagram;
}
