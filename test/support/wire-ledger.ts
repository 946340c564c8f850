/**
 * The model of two engines: what each has said to the other, and so what may be true. It knows only datagrams that were sent
 * or delivered and what an application was told, never what an engine keeps inside.
 */
import { decodeFrame } from '../../src/codec/decode.ts';
import type { InitiatorOutput, Peer, ResponderOutput, SessionHandle } from '../../src/engine/io-types.ts';
import { ATTEMPTS_MAX, BYE_SENDS_MAX, CANDIDATES_PER_TUPLE_MAX, RESTARTS_MAX } from '../../src/protocol/constants.ts';
import { errorCodeName } from '../../src/protocol/error-code.ts';
import { type Frame, FrameType } from '../../src/protocol/frame.ts';
import { assertInvariant } from '../../src/protocol/invariants.ts';

/** What made an endpoint do something. */
export type Cause =
  | { readonly kind: 'datagram'; readonly from: Peer; readonly frame: Frame | undefined; readonly forged: boolean }
  | { readonly kind: 'timer' | 'application' };

/** A tuple's key, or a viewer's: one viewer has one tuple. */
export const keyOf = (peer: Peer): string => `${peer.address}:${peer.port}`;

/** The frame in a datagram, `undefined` for media and for what is damaged. */
export function frameIn(bytes: Uint8Array): Frame | undefined {
  const decoded = decodeFrame(bytes);
  return decoded.ok ? decoded.frame : undefined;
}

interface Live {
  readonly tuple: string;
  readonly streamId: bigint;
}

/** What a tuple has cost the camera that runs now. */
interface Account {
  receivedBytes: number;
  received: number;
  sentBytes: number;
  sent: number;
  confirmed: boolean;
  consentAtMs: number;
}

/** Frames that answer another, and so must not be answered by a frame. */
const answers: ReadonlySet<number> = new Set([
  FrameType.ERROR,
  FrameType.READY,
  FrameType.PONG,
  FrameType.BYE_ACK,
] as readonly number[]);

/** Frames of which each copy is the same, but for the attempt and the CRC. */
const repeated: ReadonlySet<number> = new Set([
  FrameType.START,
  FrameType.START_ACK,
  FrameType.START_CONFIRM,
  FrameType.READY,
  FrameType.BYE,
] as readonly number[]);

/** Frames that may end a camera's session that was Streaming, in the step in which they come. */
const endsCamera: ReadonlySet<number> = new Set([
  FrameType.BYE_ACK,
  FrameType.RESET,
  FrameType.START_CONFIRM,
] as readonly number[]);

/** Frames that may end a viewer's session that was Streaming, in the step in which they come. */
const endsViewer: ReadonlySet<number> = new Set([FrameType.BYE_ACK, FrameType.RESET] as readonly number[]);

/** Keeps the books and throws when a promise is broken. */
export class WireLedger {
  /** Sessions that the camera serves now. */
  readonly live = new Map<SessionHandle, Live>();
  /** Yeses that were not given back yet. */
  readonly reservations = new Set<SessionHandle>();
  /** What has happened at all, so that a test can tell that it was not idle. */
  readonly happened = new Map<string, number>();
  readonly #consentMs: number;
  readonly #accounts = new Map<string, Account>();
  readonly #pending = new Map<SessionHandle, string>();
  readonly #asked = new Set<SessionHandle>();
  /** Tag of the newest START_ACK for a tuple and StreamId. */
  readonly #tags = new Map<string, bigint>();
  readonly #confirmed = new Set<string>();
  readonly #everStreaming = new Set<string>();
  readonly #nonces = new Set<bigint>();
  readonly #copies = new Map<string, string>();
  readonly #byes = new Map<string, number>();
  readonly #streamIds = new Map<string, Set<bigint>>();

  constructor(consentMs: number) {
    this.#consentMs = consentMs;
  }

  /** A camera's process ended: whatever it owed is gone with it. */
  cameraDied(): void {
    this.live.clear();
    this.reservations.clear();
    this.#accounts.clear();
    this.#pending.clear();
    this.#asked.clear();
    this.#confirmed.clear();
    this.#tags.clear();
    this.#nonces.clear();
    this.#byes.clear();
  }

  /** A viewer's process ended. */
  viewerDied(peer: Peer): void {
    this.#streamIds.delete(keyOf(peer));
    for (const key of this.#byes.keys()) if (key.startsWith(keyOf(peer))) this.#byes.delete(key);
  }

  cameraReceives(from: Peer, bytes: Uint8Array, nowMs: number): void {
    const account = this.#account(keyOf(from));
    account.received++;
    account.receivedBytes += bytes.length;
    const frame = frameIn(bytes);
    if (frame === undefined) return;
    const { streamId, sessionTag } = frame;
    if (this.#tags.get(`${keyOf(from)} ${streamId}`) !== sessionTag) return;
    if (frame.type === FrameType.START_CONFIRM) {
      const pair = `${keyOf(from)} ${streamId} ${sessionTag}`;
      if (!this.#confirmed.has(pair)) account.consentAtMs = nowMs;
      this.#confirmed.add(pair);
      account.confirmed = true;
    } else if (frame.type === FrameType.PONG && this.#nonces.has(frame.nonce)) account.consentAtMs = nowMs;
  }

  cameraDid(output: ResponderOutput, cause: Cause, nowMs: number): void {
    switch (output.kind) {
      case 'media':
        return this.#media(output.to, output.bytes, nowMs);
      case 'send':
        this.#count(output.to, output.bytes);
        return this.#control('camera', output.to, output.bytes, cause);
      case 'reserve':
        assertInvariant('S6', !this.#asked.has(output.session), 'asked twice for one session');
        this.#asked.add(output.session);
        this.#pending.set(output.session, keyOf(output.peer));
        return this.#candidates(keyOf(output.peer));
      case 'streaming': {
        const tuple = keyOf(output.peer);
        const tag = this.#tags.get(`${tuple} ${output.streamId}`);
        assertInvariant('S1', this.#confirmed.has(`${tuple} ${output.streamId} ${tag}`), 'Streaming unconfirmed');
        this.#pending.delete(output.session);
        this.live.set(output.session, { tuple, streamId: output.streamId });
        this.#note('camera streams');
        this.#everStreaming.add(`${tuple} ${output.streamId} ${tag}`);
        const alive = [...this.live.values()].filter((one) => one.tuple === tuple);
        return assertInvariant('S6', alive.length === 1, `${alive.length} live sessions on ${tuple}`);
      }
      case 'release':
        assertInvariant('S6', this.reservations.delete(output.session), 'given back what was not given');
        this.live.delete(output.session);
        return;
      case 'closed': {
        const { wasStreaming, peer } = output;
        this.#note(`camera closes: ${errorCodeName(output.code)}`);
        if (wasStreaming) this.#maySessionEnd(cause, endsCamera, peer);
        this.#pending.delete(output.session);
        this.live.delete(output.session);
        return assertInvariant('S6', !this.reservations.has(output.session), 'closed with its reservation');
      }
    }
  }

  viewerDid(viewer: Peer, camera: Peer, output: InitiatorOutput, cause: Cause): void {
    if (output.kind === 'send' && output.plane === 'control') {
      this.#control(keyOf(viewer), camera, output.bytes, cause);
    } else if (output.kind === 'closed') {
      this.#note(`viewer closes: ${errorCodeName(output.code)}`);
      if (output.wasStreaming) this.#maySessionEnd(cause, endsViewer, camera);
    } else if (output.kind === 'streaming') this.#note('viewer streams');
  }

  /** What a viewer in Streaming must have behind it. */
  viewerStreams(viewer: Peer, streamId: bigint, sessionTag: bigint): void {
    const tuple = keyOf(viewer);
    assertInvariant('S3', this.#everStreaming.has(`${tuple} ${streamId} ${sessionTag}`), 'the camera never had it');
    for (const one of this.live.values()) {
      if (one.tuple !== tuple || one.streamId !== streamId) continue;
      const tag = this.#tags.get(`${tuple} ${streamId}`);
      assertInvariant('S4', tag === sessionTag, `the camera's tag is ${tag}, the viewer's ${sessionTag}`);
    }
  }

  #note(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  #account(tuple: string): Account {
    const known = this.#accounts.get(tuple);
    if (known !== undefined) return known;
    const fresh = { receivedBytes: 0, received: 0, sentBytes: 0, sent: 0, confirmed: false, consentAtMs: 0 };
    this.#accounts.set(tuple, fresh);
    return fresh;
  }

  #count(to: Peer, bytes: Uint8Array): void {
    const account = this.#account(keyOf(to));
    if (account.confirmed) return;
    account.sent++;
    account.sentBytes += bytes.length;
    const within = account.sent <= account.received && account.sentBytes <= account.receivedBytes;
    assertInvariant('S2', within, `${account.sentBytes} bytes for ${account.receivedBytes}`);
  }

  #media(to: Peer, bytes: Uint8Array, nowMs: number): void {
    this.#count(to, bytes);
    this.#note('media');
    const tuple = keyOf(to);
    const session = [...this.live.values()].find((one) => one.tuple === tuple);
    assertInvariant('S9', session !== undefined, `media to ${tuple} without a live session`);
    const pair = `${tuple} ${session.streamId} ${this.#tags.get(`${tuple} ${session.streamId}`)}`;
    assertInvariant('S1', this.#confirmed.has(pair), `media to ${tuple}, which did not confirm`);
    const { consentAtMs } = this.#account(tuple);
    assertInvariant('S9', nowMs - consentAtMs < this.#consentMs, `consent is ${nowMs - consentAtMs} ms old`);
  }

  #control(from: string, to: Peer, bytes: Uint8Array, cause: Cause): void {
    const frame = frameIn(bytes);
    if (frame === undefined) throw new Error(`${from} sends what cannot be decoded`);
    const { type, streamId, sessionTag } = frame;
    if (cause.kind === 'datagram' && cause.frame !== undefined) {
      assertInvariant('S12', !answers.has(cause.frame.type), `type ${cause.frame.type} is answered by type ${type}`);
    }
    const key = `${from}>${keyOf(to)} ${type} ${streamId} ${sessionTag}`;
    if (repeated.has(type)) {
      const copy = bytes.slice(0, -4);
      copy[20] = 0;
      const text = String(copy);
      assertInvariant('S13', (this.#copies.get(key) ?? text) === text, `a copy of type ${type} differs`);
      this.#copies.set(key, text);
    }
    if (frame.type === FrameType.PING) this.#nonces.add(frame.nonce);
    if (frame.type === FrameType.START_ACK) this.#tags.set(`${keyOf(to)} ${streamId}`, sessionTag);
    if (frame.type === FrameType.BYE) {
      const byes = (this.#byes.get(key) ?? 0) + 1;
      this.#byes.set(key, byes);
      assertInvariant('S5', byes <= BYE_SENDS_MAX, `${byes} BYEs`);
    }
    if (frame.type === FrameType.START) {
      const ids = this.#streamIds.get(from) ?? new Set();
      this.#streamIds.set(from, ids.add(streamId));
      assertInvariant('S5', ids.size <= 1 + RESTARTS_MAX, `${ids.size} attempts at a session`);
      assertInvariant('S5', frame.attempt <= ATTEMPTS_MAX, `attempt ${frame.attempt}`);
    }
  }

  #candidates(tuple: string): void {
    const count = [...this.#pending.values()].filter((one) => one === tuple).length;
    assertInvariant('S5', count <= CANDIDATES_PER_TUPLE_MAX, `${count} candidates on ${tuple}`);
  }

  /** @param peer the only one whose frame may have done it. */
  #maySessionEnd(cause: Cause, ending: ReadonlySet<number>, peer: Peer): void {
    if (cause.kind !== 'datagram') return;
    const own = cause.frame !== undefined && ending.has(cause.frame.type) && keyOf(cause.from) === keyOf(peer);
    assertInvariant('S8', own && !cause.forged, `ended by type ${cause.frame?.type} from ${keyOf(cause.from)}`);
  }
}
