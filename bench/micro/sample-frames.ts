import { ErrorCode } from '../../src/protocol/error-code.ts';
import { type Frame, FrameFlag, FrameType, type FrameTypeName } from '../../src/protocol/frame.ts';

const ids = { flags: 0, streamId: 0x0102030405060708n, sessionTag: 0xa1a2a3a4a5a6a7a8n, attempt: 0 };
const exchange = { ...ids, requestId: 0x1122334455667788n, round: 1 };
const status = { exchange: 0, method: 200 };
const nonce = 0x1122334455667788n;
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => 0xe0 ^ index);
const sdp = [
  'v=0',
  'o=- 0 0 IN IP4 0.0.0.0',
  's=door',
  'c=IN IP4 0.0.0.0',
  't=0 0',
  'm=video 9 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1;profile-level-id=42c01e;sprop-parameter-sets=Z0LAHtoFB+hAAAADAEAAAA8DxYuo,aM48gA==',
  'a=framerate:30',
  '',
].join('\r\n');

/** A frame of each type, as a session has them. */
export const sampleFrames: Readonly<Record<FrameTypeName, Frame>> = {
  START: {
    ...{ type: FrameType.START, flags: FrameFlag.ACK_REQUIRED, streamId: ids.streamId, sessionTag: 0n, attempt: 1 },
    ...{ versions: [1], streamName: 'door' },
  },
  START_ACK: {
    ...{ ...ids, type: FrameType.START_ACK, flags: FrameFlag.ACK_REQUIRED, attempt: 1 },
    ...{ resetToken: bytes(16), ssrc: 0xdeadbeef },
  },
  START_CONFIRM: { ...ids, type: FrameType.START_CONFIRM },
  ERROR: {
    ...{ ...ids, type: FrameType.ERROR, sessionTag: 0n, attempt: 1 },
    ...{ errorCode: ErrorCode.BUSY, retryAfterMs: 1000, reason: 'full' },
  },
  RETRY: { ...ids, type: FrameType.RETRY, sessionTag: 0n, attempt: 1, cookie: bytes(20) },
  READY: { ...ids, type: FrameType.READY, sdp },
  PING: { ...ids, type: FrameType.PING, nonce },
  PONG: { ...ids, type: FrameType.PONG, nonce, datagramBytesMax: 1200 },
  BYE: { ...ids, type: FrameType.BYE, errorCode: ErrorCode.NO_ERROR },
  BYE_ACK: { ...ids, type: FrameType.BYE_ACK },
  RESET: { ...ids, type: FrameType.RESET, resetToken: bytes(16), errorCode: ErrorCode.NO_SESSION },
  PATH_CHALLENGE: { ...ids, type: FrameType.PATH_CHALLENGE, nonce },
  PATH_RESPONSE: { ...ids, type: FrameType.PATH_RESPONSE, nonce },
  TOKEN: { ...ids, type: FrameType.TOKEN, token: bytes(52) },
  NOTIFY: { ...exchange, type: FrameType.NOTIFY, method: 'note', body: bytes(64) },
  REQUEST: { ...exchange, type: FrameType.REQUEST, method: 'stats', body: bytes(64) },
  RECEIPT: { ...exchange, type: FrameType.RECEIPT, fragment: { offset: 64, total: 64 } },
  RESPONSE: { ...exchange, type: FrameType.RESPONSE, status, fragment: { offset: 0, total: 512 }, body: bytes(512) },
  CONTINUE: { ...exchange, type: FrameType.CONTINUE, status },
};
