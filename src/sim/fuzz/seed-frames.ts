import { clearTrailer } from '../../codec/clear-trailer.ts';
import { encodeFrame } from '../../codec/encode.ts';
import { SEALED_COUNTER_BYTES, SECURED_TRAILER_BYTES, TLVS_MAX } from '../../protocol/constants.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { type Frame, FrameFlag, FrameType, type SecuredHandshakeFrame } from '../../protocol/frame.ts';
import type { FrameTrailer } from '../../protocol/frame-trailer.ts';

const { ACK_REQUIRED, FAST } = FrameFlag;
const streamId = 0x0102_0304_0506_0708n;
const sessionTag = 0x1112_1314_1516_1718n;
const nonce = 0x2122_2324_2526_2728n;
const live = { flags: 0, streamId, sessionTag, attempt: 0 };
const first = { ...live, flags: ACK_REQUIRED, sessionTag: 0n, attempt: 1 };
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at + 1);
const exchange = { ...live, requestId: nonce, round: 1 };
const whole = {
  method: 'bitrate',
  status: { exchange: 0, method: 3 },
  fragment: { offset: 8, total: 72 },
  body: bytes(64),
};

/** Each frame with all that it can have, and with as little. */
const frames: readonly Frame[] = [
  {
    ...first,
    type: FrameType.START,
    versions: [1, 2, 3, 4],
    cookie: bytes(20),
    token: bytes(52),
    streamName: 'door',
    unknownTlvs: [{ type: 64, value: bytes(2) }],
  },
  { ...first, type: FrameType.START, flags: ACK_REQUIRED | FAST, versions: [1] },
  { ...live, type: FrameType.START_ACK, flags: ACK_REQUIRED, attempt: 1, resetToken: bytes(16), ssrc: 7 },
  { ...live, type: FrameType.START_ACK, flags: FAST, attempt: 255, resetToken: bytes(16), ssrc: 0xffff_ffff },
  { ...live, type: FrameType.START_CONFIRM },
  {
    ...first,
    type: FrameType.ERROR,
    flags: 0,
    versions: [1],
    errorCode: ErrorCode.BUSY,
    retryAfterMs: 1000,
    reason: 'bientôt',
  },
  { ...live, type: FrameType.ERROR, errorCode: ErrorCode.AUTH_FAILED },
  { ...first, type: FrameType.RETRY, flags: 0, cookie: bytes(20) },
  { ...live, type: FrameType.READY, sdp: 'v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n' },
  { ...live, type: FrameType.READY },
  {
    ...live,
    type: FrameType.READY,
    unknownTlvs: Array.from({ length: TLVS_MAX }, (_, at) => ({ type: 100 + at, value: bytes(at & 1) })),
  },
  { ...live, type: FrameType.PING, nonce },
  { ...live, type: FrameType.PONG, nonce, datagramBytesMax: 1200 },
  { ...live, type: FrameType.BYE, errorCode: ErrorCode.SHUTDOWN, reason: 'the camera goes to sleep for the night' },
  { ...live, type: FrameType.BYE, errorCode: ErrorCode.NO_ERROR },
  { ...live, type: FrameType.BYE_ACK },
  { ...live, type: FrameType.RESET, resetToken: bytes(16), errorCode: ErrorCode.NO_SESSION },
  { ...live, type: FrameType.PATH_CHALLENGE, nonce },
  { ...live, type: FrameType.PATH_RESPONSE, nonce },
  { ...live, type: FrameType.TOKEN, token: bytes(52) },
  { ...exchange, type: FrameType.NOTIFY, ...whole },
  { ...exchange, type: FrameType.REQUEST, ...whole },
  { ...exchange, type: FrameType.REQUEST, method: 'keyframe' },
  { ...exchange, type: FrameType.RECEIPT, fragment: { offset: 72, total: 72 } },
  { ...exchange, type: FrameType.RESPONSE, ...whole, criticalTlvs: 1 << 18 },
  { ...exchange, type: FrameType.CONTINUE, status: { exchange: 1, method: 0 } },
];

/** Those that a secured session has besides. */
const securedFrames: readonly SecuredHandshakeFrame[] = [
  { ...first, type: FrameType.START, versions: [1], cookie: bytes(20), handshake: bytes(96) },
  { ...first, type: FrameType.START, versions: [1], handshake: bytes(48) },
  { ...live, type: FrameType.START_ACK, flags: ACK_REQUIRED, attempt: 1, handshake: bytes(84) },
  { ...live, type: FrameType.START_CONFIRM, handshake: bytes(64) },
  { ...live, type: FrameType.START_CONFIRM, handshake: bytes(16) },
];

/** Frames that differ in secured sessions, or that are clear in every mode. */
const ownTrailer: ReadonlySet<number> = new Set([
  FrameType.START,
  FrameType.START_ACK,
  FrameType.START_CONFIRM,
  FrameType.RESET,
]);
const mac1Types: ReadonlySet<number> = new Set([FrameType.ERROR, FrameType.RETRY]);

/** A secured frame's layout without its keys. */
function openTrailer(counterBytes: number): FrameTrailer {
  return { flags: FrameFlag.SECURED, counterBytes, bytes: SECURED_TRAILER_BYTES, complete: () => undefined };
}

/** Every frame of mode `none`, with a right CRC. */
export function clearSeeds(): readonly Uint8Array[] {
  return frames.map((frame) => encodeFrame(frame, clearTrailer));
}

/** Every frame of the secured modes, sealed ones with their TLVs in the open; the trailers are wrong. */
export function securedSeeds(): readonly Uint8Array[] {
  const sealed = frames.filter(({ type }) => !ownTrailer.has(type));
  return [
    ...securedFrames.map((frame) => encodeFrame(frame, openTrailer(0))),
    ...sealed.map((frame) => encodeFrame(frame, openTrailer(mac1Types.has(frame.type) ? 0 : SEALED_COUNTER_BYTES))),
    ...frames.filter(({ type }) => type === FrameType.RESET).map((frame) => encodeFrame(frame, clearTrailer)),
  ];
}
