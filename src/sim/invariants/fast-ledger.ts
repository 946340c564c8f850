import { decodeFrame } from '../../codec/decode.ts';
import { headerOffset } from '../../codec/header.ts';
import {
  FAST_BYTES_BASE,
  FAST_BYTES_MAX,
  FAST_BYTES_PER_RECEIVED,
  FAST_MS,
  TOKEN_MS,
} from '../../protocol/constants.ts';
import { FrameFlag, FrameType } from '../../protocol/frame.ts';
import type { CameraSession, Tuple } from './camera-record.ts';
import type { SeenDatagram } from './seen-datagram.ts';
import type { ViolationLog } from './violation.ts';

/** Candidates and tokens that are remembered. */
const KNOWN_MAX = 65_536;

/** What came of one (tuple, StreamId) that asks for fast mode. */
interface Asked {
  bytes: number;
  /** In hex; `undefined` where none was shown, or where it is encrypted. */
  readonly token: string | undefined;
}

interface Given {
  readonly address: string;
  readonly atMs: number;
  used: boolean;
}

/**
 * S1 and S2 as far as they are about tokens: who is granted media before the confirm has shown a token that this process of the camera gave
 * to its address, at most an hour ago and for the first time; and it is sent no more than the allowance. In secured sessions tokens cannot
 * be seen: there an address has no more grants than it was given tokens.
 */
export class FastLedger {
  readonly #log: ViolationLog;
  readonly #asked = new Map<string, Asked>();
  readonly #given = new Map<string, Given>();
  readonly #sealedLeft = new Map<string, number>();

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  /** A START reaches the camera. */
  start(tuple: Tuple, seen: SeenDatagram): void {
    const key = keyOf(tuple, seen.streamId);
    const known = this.#asked.get(key);
    if (known !== undefined) known.bytes += seen.bytes.length;
    else if (flagsOf(seen) & FrameFlag.FAST) {
      if (this.#asked.size >= KNOWN_MAX) this.#asked.clear();
      this.#asked.set(key, { bytes: seen.bytes.length, token: tokenIn(seen) });
    }
  }

  /** The camera sends a TOKEN. */
  token(session: CameraSession, seen: SeenDatagram, localMs: number): void {
    const { address } = session.tuple.peer;
    const token = tokenIn(seen);
    if (token === undefined) {
      if (!session.tokenGiven) this.#sealedLeft.set(address, (this.#sealedLeft.get(address) ?? 0) + 1);
    } else if (!this.#given.has(token)) {
      if (this.#given.size >= KNOWN_MAX) this.#given.clear();
      this.#given.set(token, { address, atMs: localMs, used: false });
    }
    session.tokenGiven = true;
  }

  /** The camera sends the first START_ACK of a session. */
  startAck(session: CameraSession, seen: SeenDatagram, localMs: number): void {
    if ((flagsOf(seen) & FrameFlag.FAST) === 0) return;
    session.fast = { atMs: localMs, bytes: 0 };
    const fault = session.sealed ? this.#sealedFault(session) : this.#fault(session, localMs);
    if (fault !== undefined) this.#log.report('S1', `session ${session.handle} is granted media by ${fault}`);
  }

  /** The session that media before a confirm is of, if it was granted any. */
  sessionOf(tuple: Tuple, ssrc: number): CameraSession | undefined {
    if (tuple.live?.ssrc === ssrc) return undefined;
    return tuple.sessions.find(
      (session) =>
        session.fast !== undefined &&
        session.phase === 'acked' &&
        (session.ssrc === ssrc || (session.sealed && session.ssrc === 0)),
    );
  }

  /** The camera sends it media before its confirm. */
  media(session: CameraSession, bytes: number, ssrc: number, localMs: number): void {
    const { fast } = session;
    if (fast === undefined) return;
    session.ssrc = ssrc;
    fast.bytes += bytes;
    const received = this.#asked.get(keyOf(session.tuple, session.streamId))?.bytes ?? 0;
    const most = Math.min(FAST_BYTES_MAX, FAST_BYTES_PER_RECEIVED * received + FAST_BYTES_BASE);
    if (fast.bytes > most) this.#log.report('S2', `${fast.bytes} bytes before the confirm, ${most} are allowed`);
    const afterMs = localMs - fast.atMs;
    if (afterMs >= FAST_MS) this.#log.report('S1', `media before the confirm ${afterMs} ms after START_ACK`);
  }

  /** The camera's program is gone, and its tokens with it. */
  programEnded(): void {
    this.#asked.clear();
    this.#given.clear();
    this.#sealedLeft.clear();
  }

  #fault(session: CameraSession, localMs: number): string | undefined {
    const token = this.#asked.get(keyOf(session.tuple, session.streamId))?.token;
    const given = token === undefined ? undefined : this.#given.get(token);
    if (given === undefined) return 'no token of this camera';
    if (given.address !== session.tuple.peer.address) return `a token of ${given.address}`;
    if (localMs - given.atMs >= TOKEN_MS) return 'a token that is too old';
    if (given.used) return 'a token that was used';
    given.used = true;
    return undefined;
  }

  #sealedFault({ tuple }: CameraSession): string | undefined {
    const left = this.#sealedLeft.get(tuple.peer.address) ?? 0;
    if (left === 0) return 'more tokens than its address was given';
    this.#sealedLeft.set(tuple.peer.address, left - 1);
    return undefined;
  }
}

function keyOf({ peer }: Tuple, streamId: bigint): string {
  return `${peer.address} ${peer.port} ${streamId}`;
}

function flagsOf({ bytes }: SeenDatagram): number {
  return bytes[headerOffset.flags] ?? 0;
}

/** The token in a clear START or TOKEN. */
function tokenIn({ bytes }: SeenDatagram): string | undefined {
  const decoded = decodeFrame(bytes);
  if (!decoded.ok) return undefined;
  const { frame } = decoded;
  if (frame.type !== FrameType.START && frame.type !== FrameType.TOKEN) return undefined;
  return frame.token === undefined ? undefined : [...frame.token].map((byte) => byte.toString(16)).join(' ');
}
