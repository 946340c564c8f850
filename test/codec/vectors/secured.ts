import { fromHex } from '../bytes.ts';
import { cookie, crc, type InvalidVector, N, O, raw, resetToken, S, T, type ValidVector, zeros } from './layout.ts';
import { controlSecret, expand, mac1, sealed } from './secured-layout.ts';

const streamId = `0x${S}`;
const sessionTag = `0x${T}`;
const noTag = `0x${O}`;
const live = { flags: 4, streamId, sessionTag, attempt: 0 };
const message = (bytes: number) => 'ab'.repeat(bytes);
const c0 = '0000000000000000';
const c7 = '0000000000000007';

/** Frames that end with MAC1 under the PSK of secured-layout.ts, and a RESET. */
export const unsealed: readonly ValidVector[] = [
  {
    name: 'the first START of a secured handshake',
    hex: mac1('0c010105', S, O, '01 00 00d8', '0001 0001 01', `000e 0030 ${message(48)}`, '7fff 009b', zeros(155)),
    frame: {
      type: 1,
      flags: 5,
      streamId,
      sessionTag: noTag,
      attempt: 1,
      versions: [1],
      handshake: message(48),
      paddingBytes: 155,
    },
  },
  {
    name: 'a secured START with all that it can have, asking for FAST, third attempt',
    hex: mac1(
      '0c010107',
      S,
      O,
      '03 00 00d8',
      '0001 0002 0201',
      `0002 0014 ${cookie}`,
      `000e 00ac ${message(172)}`,
      '7fff 0006',
      zeros(6),
    ),
    frame: {
      type: 1,
      flags: 7,
      streamId,
      sessionTag: noTag,
      attempt: 3,
      versions: [2, 1],
      cookie,
      handshake: message(172),
      paddingBytes: 6,
    },
  },
  {
    name: 'a secured START_ACK',
    hex: mac1('0c010205', S, T, '01 00 0058', `000e 0054 ${message(84)}`),
    frame: { type: 2, flags: 5, streamId, sessionTag, attempt: 1, handshake: message(84) },
  },
  {
    name: 'a secured START_ACK that grants FAST',
    hex: mac1('0c010206', S, T, '02 00 0058', `000e 0054 ${message(84)}`),
    frame: { type: 2, flags: 6, streamId, sessionTag, attempt: 2, handshake: message(84) },
  },
  {
    name: 'a START_CONFIRM of mode psk',
    hex: mac1('0c010304', S, T, '00 00 0020', `000e 0010 ${message(16)}`, '7fff 0008', zeros(8)),
    frame: { type: 3, ...live, handshake: message(16), paddingBytes: 8 },
  },
  {
    name: 'a START_CONFIRM of mode keys',
    hex: mac1('0c010304', S, T, '00 00 0044', `000e 0040 ${message(64)}`),
    frame: { type: 3, ...live, handshake: message(64) },
  },
  {
    name: 'a secured ERROR before a START_ACK',
    hex: mac1('0c010404', S, O, '01 00 000e', '0005 0002 0006', '0006 0004 000003e8'),
    frame: { type: 4, ...live, sessionTag: noTag, attempt: 1, errorCode: 6, retryAfterMs: 1000 },
  },
  {
    name: 'a secured ERROR to a START_CONFIRM: AUTH_FAILED',
    hex: mac1('0c010404', S, T, '00 00 0006', '0005 0002 0004'),
    frame: { type: 4, ...live, errorCode: 4 },
  },
  {
    name: 'a secured RETRY',
    hex: mac1('0c010504', S, O, '04 00 0018', `0002 0014 ${cookie}`),
    frame: { type: 5, ...live, sessionTag: noTag, attempt: 4, cookie },
  },
  {
    name: 'a RESET, which is clear in every mode',
    hex: crc('0c010b00', S, T, '00 00 001a', `0003 0010 ${resetToken}`, '0005 0002 0009'),
    frame: { type: 11, ...live, flags: 0, resetToken, errorCode: 9 },
  },
];

/** Sealed frames under the control secret of secured-layout.ts. */
export const opened: readonly ValidVector[] = [
  {
    name: 'a sealed READY with an SDP',
    hex: sealed(`0c010604 ${S} ${T} 00 00 0011`.replaceAll(' ', ''), c0, '000a 0005 763d300d0a'),
    frame: { type: 6, ...live, sdp: 'v=0\r\n' },
  },
  {
    name: 'a sealed PING, padded to 72 bytes',
    hex: sealed(`0c010704${S}${T}00000020`, c7, `000d 0008 ${N} 7fff 0008 ${zeros(8)}`),
    frame: { type: 7, ...live, nonce: `0x${N}`, paddingBytes: 8 },
  },
  {
    name: 'a sealed PONG',
    hex: sealed(`0c010804${S}${T}0000001a`, c0, `000c 0002 04b0 000d 0008 ${N}`),
    frame: { type: 8, ...live, nonce: `0x${N}`, datagramBytesMax: 1200 },
  },
  {
    name: 'a sealed BYE',
    hex: sealed(`0c010904${S}${T}00000020`, '00000000ffffffff', `0005 0002 0000 7fff 000e ${zeros(14)}`),
    frame: { type: 9, ...live, errorCode: 0, paddingBytes: 14 },
  },
  {
    name: 'a sealed BYE_ACK: nothing but a counter and a tag',
    hex: sealed(`0c010a04${S}${T}00000008`, c0, ''),
    frame: { type: 10, ...live },
  },
  {
    name: 'a sealed TOKEN of 52 bytes',
    hex: sealed(`0c010e04${S}${T}00000040`, c0, `0004 0034 ${message(52)}`),
    frame: { type: 14, ...live, token: message(52) },
  },
  {
    name: 'a sealed NOTIFY with a critical METHOD and an unknown optional TLV',
    hex: sealed(`0c012004${S}${T}00000021`, c0, `000f 0008 ${N} 8011 0001 78 0040 0000`.concat('0041 0000')),
    frame: {
      type: 32,
      ...live,
      requestId: `0x${N}`,
      method: 'x',
      criticalTlvs: 0x2_0000,
      unknownTlvs: [
        { type: 64, value: '' },
        { type: 65, value: '' },
      ],
    },
  },
  {
    name: 'a sealed PING of the second epoch',
    hex: sealed(
      `0c01070c${S}${T}00000020`,
      c7,
      `000d 0008 ${N} 7fff 0008 ${zeros(8)}`,
      expand(fromHex(controlSecret), 'next'),
    ),
    frame: { type: 7, ...live, flags: 12, nonce: `0x${N}`, paddingBytes: 8 },
  },
];

/** What an end that is configured as secured refuses without the keys of a session. */
export const refused: readonly InvalidVector[] = [
  { name: 'a clear PONG', hex: crc('0c010800', S, T, '00 00 0000'), reason: 'clear', offset: 3 },
  {
    name: 'a clear START',
    hex: crc('0c010101', S, O, '01 00 00e4', '0001 0001 01', '7fff 00db', zeros(219)),
    reason: 'clear',
    offset: 3,
  },
  {
    name: 'a clear RESET with a wrong CRC',
    hex: raw('0c010b00', S, T, '00 00 0000', zeros(4)),
    reason: 'crc',
    offset: 24,
  },
  { name: 'a RESET with SECURED', hex: raw('0c010b04', S, T, '00 00 0008', zeros(24)), reason: 'flags', offset: 3 },
  {
    name: 'a START with a CRC where MAC1 should be',
    hex: crc('0c010105', S, O, '01 00 00d8', '0001 0001 01', '7fff 00cf', zeros(219)),
    reason: 'mac1',
    offset: 240,
  },
  {
    name: 'a secured START of version 2',
    hex: mac1('0c020105', S, O, '01 00 00d8', zeros(216)),
    reason: 'version',
    offset: 1,
  },
  {
    name: 'a secured START without its Noise message',
    hex: mac1('0c010105', S, O, '01 00 00d8', '0001 0001 01', '7fff 00cf', zeros(207)),
    reason: 'tlvMissing',
    offset: 240,
  },
  {
    name: 'a secured START that names its stream in the open',
    hex: mac1('0c010105', S, O, '01 00 00d8', '0001 0001 01', '0008 0001 61', zeros(206)),
    reason: 'tlvNotAllowed',
    offset: 29,
  },
  {
    name: 'a secured START with a critical unknown TLV',
    hex: mac1('0c010105', S, O, '01 00 00d8', '0001 0001 01', '8040 00cf', zeros(207)),
    reason: 'criticalTlv',
    offset: 29,
  },
  {
    name: 'a Noise message shorter than a tag',
    hex: mac1('0c010304', S, T, '00 00 0020', `000e 000f ${message(15)}`, '7fff 0009', zeros(9)),
    reason: 'tlvLength',
    offset: 26,
  },
  {
    name: 'a Noise message longer than any START has',
    hex: mac1('0c010205', S, T, '01 00 00b1', `000e 00ad ${message(173)}`),
    reason: 'tlvLength',
    offset: 26,
  },
  {
    name: 'a START_ACK with KEY_PHASE, which only sealed frames have',
    hex: mac1('0c01020d', S, T, '01 00 0058', `000e 0054 ${message(84)}`),
    reason: 'flags',
    offset: 3,
  },
  {
    name: 'a START_CONFIRM without padding in mode psk',
    hex: mac1('0c010304', S, T, '00 00 0014', `000e 0010 ${message(16)}`),
    reason: 'size',
    offset: 60,
  },
  {
    name: 'a sealed frame without room for its counter',
    hex: raw('0c010704', S, T, '00 00 0007', zeros(23)),
    reason: 'bodyLength',
    offset: 22,
  },
  { name: 'a sealed frame of type 15', hex: raw('0c010f04', S, T, '00 00 0008', zeros(24)), reason: 'type', offset: 2 },
  {
    name: 'a sealed PING without a SessionTag',
    hex: raw('0c010704', S, O, '00 00 0020', zeros(48)),
    reason: 'sessionTag',
    offset: 12,
  },
  {
    name: 'a sealed PING with ACK_REQUIRED',
    hex: raw('0c010705', S, T, '00 00 0020', zeros(48)),
    reason: 'flags',
    offset: 3,
  },
  {
    name: 'a sealed PING without padding, smaller than the RESET that it may bring',
    hex: raw('0c010704', S, T, '00 00 0008', zeros(24)),
    reason: 'size',
    offset: 48,
  },
];

/** Sealed frames that open, and are none. */
export const openedButRefused: readonly InvalidVector[] = [
  {
    name: 'a sealed PING without its nonce',
    hex: sealed(`0c010704${S}${T}00000020`, c0, `7fff 0014 ${zeros(20)}`),
    reason: 'tlvMissing',
    offset: 56,
  },
  {
    name: 'a sealed PING of less than 72 bytes',
    hex: sealed(`0c010704${S}${T}00000014`, c0, `000d 0008 ${N}`),
    reason: 'size',
    offset: 60,
  },
  {
    name: 'a sealed BYE whose code is cut off',
    hex: sealed(`0c010904${S}${T}00000020`, c0, `0005 0020 ${zeros(20)}`),
    reason: 'tlvTruncated',
    offset: 32,
  },
];
