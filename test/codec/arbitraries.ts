import fc from 'fast-check';
import { type Frame, FrameFlag, FrameType, TlvType, type UnknownTlv } from '../../src/protocol/frame.ts';

const { ACK_REQUIRED, FAST } = FrameFlag;

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.oneof(fc.nat(0xffff_ffff), fc.constant(0xffff_ffff));
const u64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constant(2n ** 64n - 1n));
const id = u64.map((value) => value || 1n);
const attempt = fc.integer({ min: 1, max: 255 });
const versions = fc.array(u8, { minLength: 1, maxLength: 4 });
const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });

/** Any characters, a BOM in front among them, with so many bytes in UTF-8. */
function text(min: number, max: number): fc.Arbitrary<string> {
  return fc
    .oneof(fc.string({ unit: 'binary', maxLength: max }), fc.constant('\ufeffdoor'), fc.constant('x'.repeat(max)))
    .map((value) => {
      let short = value;
      while (Buffer.byteLength(short) > max) short = short.slice(0, -1).replace(/\p{Surrogate}/gu, '');
      return short;
    })
    .filter((value) => Buffer.byteLength(value) >= min);
}

const known: ReadonlySet<number> = new Set(Object.values(TlvType));
const unknownTlvs: fc.Arbitrary<UnknownTlv[]> = fc
  .uniqueArray(
    fc.record({ type: fc.oneof(fc.nat(40), fc.nat(0x7ffe)).filter((type) => !known.has(type)), value: bytes(0, 8) }),
    { minLength: 1, maxLength: 2, selector: ({ type }) => type },
  )
  .map((tlvs) => tlvs.sort((a, b) => a.type - b.type));

const bitOfField: Readonly<Record<string, number>> = {
  versions: 1,
  cookie: 2,
  resetToken: 3,
  token: 4,
  errorCode: 5,
  retryAfterMs: 6,
  reason: 7,
  streamName: 8,
  ssrc: 9,
  sdp: 10,
  datagramBytesMax: 12,
  nonce: 13,
  requestId: 15,
  round: 16,
  method: 17,
  status: 18,
  fragment: 19,
  body: 20,
  paddingBytes: 31,
};

/** With some of the TLVs that are there marked critical, or none. */
function withCriticalTlvs<F extends Frame>(frame: F, wanted: number): F {
  let criticalTlvs = 0;
  for (const field of Object.keys(frame)) criticalTlvs |= wanted & (1 << (bitOfField[field] ?? 0)) & ~1;
  return criticalTlvs === 0 ? frame : { ...frame, criticalTlvs: criticalTlvs >>> 0 };
}

type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>;

function frames(type: number, required: Fields, optional: Fields = {}): fc.Arbitrary<Frame> {
  const header: Fields = { flags: fc.constant(0), streamId: id, sessionTag: id, attempt: fc.constant(0) };
  const needed = { type: fc.constant(type), ...header, ...required };
  return fc
    .tuple(
      fc.record<Record<string, unknown>>(
        { ...needed, ...optional, unknownTlvs },
        { requiredKeys: Object.keys(needed) },
      ),
      fc.oneof(fc.constant(0), fc.nat(0xffff_ffff)),
    )
    .map(([frame, critical]) => withCriticalTlvs(frame as unknown as Frame, critical));
}

const noTag = { sessionTag: fc.constant(0n) };
const padding = { paddingBytes: fc.integer({ min: 72, max: 900 }) };
const exchange = {
  round: u16,
  method: text(1, 64),
  status: fc.record({ exchange: u16, method: u16 }),
  fragment: fc.tuple(u32, u32).map(([a, b]) => ({ offset: Math.min(a, b), total: Math.max(a, b) })),
  body: bytes(0, 900),
};

/** Every frame type with all that it may hold. START has no given padding: there is only one that fits. */
export const frameArbitraries: Readonly<Record<keyof typeof FrameType, fc.Arbitrary<Frame>>> = {
  START: frames(
    FrameType.START,
    { ...noTag, flags: fc.constantFrom(ACK_REQUIRED, ACK_REQUIRED | FAST), attempt, versions },
    { cookie: bytes(20), token: bytes(1, 52), streamName: text(1, 64) },
  ),
  START_ACK: frames(FrameType.START_ACK, {
    flags: fc.constantFrom(ACK_REQUIRED, FAST),
    attempt,
    resetToken: bytes(16),
    ssrc: u32,
  }),
  START_CONFIRM: frames(FrameType.START_CONFIRM, {}, padding),
  ERROR: frames(
    FrameType.ERROR,
    { sessionTag: u64, attempt: u8, errorCode: u16 },
    { versions, retryAfterMs: u32, reason: text(0, 64) },
  ),
  RETRY: frames(FrameType.RETRY, { ...noTag, attempt, cookie: bytes(20) }),
  READY: frames(FrameType.READY, {}, { sdp: text(0, 700) }),
  PING: frames(FrameType.PING, { nonce: u64 }, padding),
  PONG: frames(FrameType.PONG, { nonce: u64, datagramBytesMax: u16 }),
  BYE: frames(FrameType.BYE, { errorCode: u16 }, { reason: text(0, 64), ...padding }),
  BYE_ACK: frames(FrameType.BYE_ACK, {}),
  RESET: frames(FrameType.RESET, { resetToken: bytes(16), errorCode: u16 }),
  PATH_CHALLENGE: frames(FrameType.PATH_CHALLENGE, { nonce: u64 }, padding),
  PATH_RESPONSE: frames(FrameType.PATH_RESPONSE, { nonce: u64 }, { paddingBytes: fc.nat(900) }),
  TOKEN: frames(FrameType.TOKEN, { token: bytes(1, 52) }),
  NOTIFY: frames(FrameType.NOTIFY, { requestId: u64, method: exchange.method }, exchange),
  REQUEST: frames(FrameType.REQUEST, { requestId: u64, round: u16, method: exchange.method }, exchange),
  RECEIPT: frames(FrameType.RECEIPT, { requestId: u64, round: u16 }, exchange),
  RESPONSE: frames(FrameType.RESPONSE, { requestId: u64, round: u16, status: exchange.status }, exchange),
  CONTINUE: frames(FrameType.CONTINUE, { requestId: u64, round: u16, status: exchange.status }, exchange),
};

/** The types' names, for `test.each`. */
export const frameTypeNames = Object.keys(FrameType) as (keyof typeof FrameType)[];
