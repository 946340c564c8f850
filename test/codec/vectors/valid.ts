import { cookie, crc, N, O, request, resetToken, S, T, type ValidVector, zeros } from './layout.ts';

const streamId = `0x${S}`;
const sessionTag = `0x${T}`;
const noTag = `0x${O}`;
const live = { flags: 0, streamId, sessionTag, attempt: 0 };
const nonce = `0x${N}`;
const requestId = nonce;

/** START, START_ACK, START_CONFIRM, ERROR, RETRY. */
export const handshake: readonly ValidVector[] = [
  {
    name: 'the first START of a handshake',
    hex: crc('0c010101', S, O, '01 00 00e4', '0001 0001 01', '7fff 00db', zeros(219)),
    frame: { type: 1, flags: 1, streamId, sessionTag: noTag, attempt: 1, versions: [1], paddingBytes: 219 },
  },
  {
    name: 'a START with all that it can have, asking for FAST, third attempt',
    hex: crc(
      '0c010103',
      S,
      O,
      '03 00 00e4',
      '0001 0002 0201',
      `0002 0014 ${cookie}`,
      '0004 0003 aabbcc',
      '0008 0004 646f6f72',
      '7fff 00b3',
      zeros(179),
    ),
    frame: {
      type: 1,
      flags: 3,
      streamId,
      sessionTag: noTag,
      attempt: 3,
      versions: [2, 1],
      cookie,
      token: 'aabbcc',
      streamName: 'door',
      paddingBytes: 179,
    },
  },
  {
    name: 'a START with critical VERSIONS and PADDING and an unknown optional TLV, last attempt',
    hex: crc('0c010101', S, O, 'ff 00 00e4', '8001 0001 01', '0040 0002 beef', 'ffff 00d5', zeros(213)),
    frame: {
      type: 1,
      flags: 1,
      streamId,
      sessionTag: noTag,
      attempt: 255,
      versions: [1],
      unknownTlvs: [{ type: 64, value: 'beef' }],
      paddingBytes: 213,
      criticalTlvs: 0x8000_0002,
    },
  },
  {
    name: 'a START_ACK',
    hex: crc('0c010201', S, T, '01 00 001c', `0003 0010 ${resetToken}`, '0009 0004 deadbeef'),
    frame: { type: 2, flags: 1, streamId, sessionTag, attempt: 1, resetToken, ssrc: 0xdead_beef },
  },
  {
    name: 'a START_ACK that grants FAST',
    hex: crc('0c010202', S, T, '02 00 001c', `0003 0010 ${resetToken}`, '0009 0004 00000001'),
    frame: { type: 2, flags: 2, streamId, sessionTag, attempt: 2, resetToken, ssrc: 1 },
  },
  {
    name: 'a START_CONFIRM',
    hex: crc('0c010300', S, T, '00 00 002c', '7fff 0028', zeros(40)),
    frame: { type: 3, ...live, paddingBytes: 40 },
  },
  {
    name: 'an ERROR before a START_ACK: UNSUPPORTED_VERSION',
    hex: crc('0c010400', S, O, '01 00 000b', '0001 0001 01', '0005 0002 0001'),
    frame: { type: 4, ...live, sessionTag: noTag, attempt: 1, versions: [1], errorCode: 1 },
  },
  {
    name: 'an ERROR before a START_ACK: BUSY for 1,000 ms',
    hex: crc('0c010400', S, O, '02 00 0017', '0005 0002 0006', '0006 0004 000003e8', '0007 0005 66756c6c21'),
    frame: { type: 4, ...live, sessionTag: noTag, attempt: 2, errorCode: 6, retryAfterMs: 1000, reason: 'full!' },
  },
  {
    name: 'an ERROR that answers a START_CONFIRM',
    hex: crc('0c010400', S, T, '00 00 0006', '0005 0002 0004'),
    frame: { type: 4, ...live, errorCode: 4 },
  },
  {
    name: 'a RETRY',
    hex: crc('0c010500', S, O, '04 00 0018', `0002 0014 ${cookie}`),
    frame: { type: 5, ...live, sessionTag: noTag, attempt: 4, cookie },
  },
];

/** READY to TOKEN. */
export const session: readonly ValidVector[] = [
  {
    name: 'a READY without SDP',
    hex: crc('0c010600', S, T, '00 00 0000'),
    frame: { type: 6, ...live },
  },
  {
    name: 'a READY with an SDP',
    hex: crc('0c010600', S, T, '00 00 0009', '000a 0005 763d300d0a'),
    frame: { type: 6, ...live, sdp: 'v=0\r\n' },
  },
  {
    name: 'a PING',
    hex: crc('0c010700', S, T, '00 00 002c', `000d 0008 ${N}`, '7fff 001c', zeros(28)),
    frame: { type: 7, ...live, nonce, paddingBytes: 28 },
  },
  {
    name: 'a PONG',
    hex: crc('0c010800', S, T, '00 00 0012', '000c 0002 04b0', `000d 0008 ${N}`),
    frame: { type: 8, ...live, datagramBytesMax: 1200, nonce },
  },
  {
    name: 'a BYE',
    hex: crc('0c010900', S, T, '00 00 002c', '0005 0002 0000', '7fff 0022', zeros(34)),
    frame: { type: 9, ...live, errorCode: 0, paddingBytes: 34 },
  },
  {
    name: 'a BYE with an empty REASON that carries the critical bit',
    hex: crc('0c010900', S, T, '00 00 002c', '0005 0002 0016', '8007 0000', '7fff 001e', zeros(30)),
    frame: { type: 9, ...live, errorCode: 22, reason: '', paddingBytes: 30, criticalTlvs: 0x80 },
  },
  {
    name: 'a BYE whose REASON makes PADDING needless',
    hex: crc('0c010900', S, T, '00 00 002c', '0005 0002 0080', '0007 0022', '7a'.repeat(34)),
    frame: { type: 9, ...live, errorCode: 0x80, reason: 'z'.repeat(34) },
  },
  {
    name: 'a BYE_ACK',
    hex: crc('0c010a00', S, T, '00 00 0000'),
    frame: { type: 10, ...live },
  },
  {
    name: 'a BYE_ACK with unknown optional TLVs: 0, the reserved 11, and the last before PADDING',
    hex: crc('0c010a00', S, T, '00 00 000d', '0000 0000', '000b 0001 55', '7ffe 0000'),
    frame: {
      type: 10,
      ...live,
      unknownTlvs: [
        { type: 0, value: '' },
        { type: 11, value: '55' },
        { type: 0x7ffe, value: '' },
      ],
    },
  },
  {
    name: 'a RESET',
    hex: crc('0c010b00', S, T, '00 00 001a', `0003 0010 ${resetToken}`, '0005 0002 0009'),
    frame: { type: 11, ...live, resetToken, errorCode: 9 },
  },
  {
    name: 'a PATH_CHALLENGE',
    hex: crc('0c010c00', S, T, '00 00 002c', `000d 0008 ${N}`, '7fff 001c', zeros(28)),
    frame: { type: 12, ...live, nonce, paddingBytes: 28 },
  },
  {
    name: 'a PATH_RESPONSE',
    hex: crc('0c010d00', S, T, '00 00 000c', `000d 0008 ${N}`),
    frame: { type: 13, ...live, nonce },
  },
  {
    name: 'a PATH_RESPONSE with an empty PADDING',
    hex: crc('0c010d00', S, T, '00 00 0010', `000d 0008 ${N}`, '7fff 0000'),
    frame: { type: 13, ...live, nonce, paddingBytes: 0 },
  },
  {
    name: 'a TOKEN',
    hex: crc('0c010e00', S, T, '00 00 0007', '0004 0003 010203'),
    frame: { type: 14, ...live, token: '010203' },
  },
];

/** NOTIFY to CONTINUE. */
export const exchange: readonly ValidVector[] = [
  {
    name: 'a NOTIFY',
    hex: crc('0c012000', S, T, '00 00 0014', request, '0011 0004 73746f70'),
    frame: { type: 32, ...live, requestId, method: 'stop' },
  },
  {
    name: 'a REQUEST with the first fragment of its body',
    hex: crc(
      '0c012100',
      S,
      T,
      '00 00 002d',
      request,
      '0010 0002 0001',
      '0011 0004 73746f70',
      '0013 0008 00000000 00004000',
      '0014 0003 7b2261',
    ),
    frame: {
      type: 33,
      ...live,
      requestId,
      round: 1,
      method: 'stop',
      fragment: { offset: 0, total: 16_384 },
      body: '7b2261',
    },
  },
  {
    name: 'a RECEIPT that has the whole message',
    hex: crc('0c012200', S, T, '00 00 001e', request, '0010 0002 0001', '0013 0008 00000003 00000003'),
    frame: { type: 34, ...live, requestId, round: 1, fragment: { offset: 3, total: 3 } },
  },
  {
    name: 'a RESPONSE: the exchange is OK, the method returned 404, the body is empty',
    hex: crc('0c012300', S, T, '00 00 001e', request, '0010 0002 ffff', '0012 0004 0000 0194', '0014 0000'),
    frame: { type: 35, ...live, requestId, round: 65_535, status: { exchange: 0, method: 404 }, body: '' },
  },
  {
    name: 'a CONTINUE that stops',
    hex: crc('0c012400', S, T, '00 00 001a', request, '0010 0002 0003', '0012 0004 0000 0000'),
    frame: { type: 36, ...live, requestId, round: 3, status: { exchange: 0, method: 0 } },
  },
];
