/** Both real endpoints without a network: what they send is kept by the model's number of the frame. */
import { expect } from 'vitest';
import { Cookies } from '../../../src/engine/cookies.ts';
import { InitiatorEndpoint } from '../../../src/engine/initiator-endpoint.ts';
import type { InitiatorInput, Peer, ResponderInput, ResponderOutput } from '../../../src/engine/io-types.ts';
import { Random } from '../../../src/engine/random.ts';
import { ResponderEndpoint } from '../../../src/engine/responder-endpoint.ts';
import { isTransient } from '../../../src/protocol/error-code.ts';
import { type Frame, FrameType, frameTypeName } from '../../../src/protocol/frame.ts';
import type { Profile } from '../../../src/protocol/profiles.ts';
import { type Layout, SessionFrame, StreamFrame } from '../../../src/sim/explore/layout.ts';
import { Prng } from '../../../src/sim/prng.ts';
import { type TestStream, testStream } from '../../support/camera-application.ts';
import { frameOf } from '../../support/frames.ts';

const viewerPeer: Peer = { address: '192.0.2.1', port: 5000 };
/** The responder's, which restarts keep: what {@link RealPair.cookie} makes is good there. */
const cookieKey = new Uint8Array(16).fill(7);
const cameraPeer: Peer = { address: '192.0.2.9', port: 4444 };

/** The first of the StreamIds of whoever sees nothing; those after it are his too. */
export const attackerStreamId = 0xbad0_bad0_bad0_bad0n;

/** A session of the responder, in the order of admission. */
export interface RealSession {
  readonly handle: number;
  readonly streamId: bigint;
  readonly stream: TestStream;
  /** Nonces of the PINGs of each end, oldest first. */
  readonly pings: { readonly initiator: bigint[]; readonly responder: bigint[] };
  tag: bigint;
  ssrc: number;
  resetToken: string;
  state: string;
}

/** A timer of one end had a row; session 0 is the initiator. */
export interface FiredTimer {
  readonly session: number;
  readonly event: string;
}

type Sender = 'initiator' | 'responder';

/** See the top of this file. */
export class RealPair {
  initiator: InitiatorEndpoint;
  nowMs = 0;
  readonly sessions: RealSession[] = [];
  /** StreamIds that initiators drew, in order. */
  readonly streamIds: bigint[] = [];
  /** Newest bytes by `32 * word + bit`. */
  readonly bytes = new Map<number, Uint8Array>();
  /** What the last inputs caused. */
  sent: number[] = [];
  fired: FiredTimer[] = [];
  readonly mediaOf = new Set<number>();
  readonly #layout: Layout;
  readonly #profile: Profile;
  readonly #seed: number;
  #responder: ResponderEndpoint;
  readonly #cookies: Cookies;
  #processes = 0;
  #resetKey = 1;
  /** Handles of the running responder's sessions are those from here on. */
  #firstOfProcess = 0;

  constructor(layout: Layout, profile: Profile, seed: number) {
    this.#layout = layout;
    this.#profile = profile;
    this.#seed = seed;
    this.#cookies = new Cookies(new Random(new Prng(seed, 0)), cookieKey);
    this.initiator = this.#newInitiator();
    this.#responder = this.#newResponder();
  }

  /** Sessions of the running responder. */
  get sessionCount(): number {
    return this.#responder.sessionCount;
  }

  /** The state of a session, `undefined` when the running responder has it no more. */
  stateOf(number: number): string | undefined {
    const state = this.sessions[number - 1]?.state;
    return number <= this.#firstOfProcess || state === 'Closed' ? undefined : state;
  }

  /** Forgets what earlier inputs caused. */
  begin(): void {
    this.sent = [];
    this.fired = [];
    this.mediaOf.clear();
  }

  toInitiator(input: InitiatorInput): void {
    for (const output of this.initiator.step(input, this.nowMs)) {
      const { streamId } = this.initiator;
      if (streamId !== 0n && !this.streamIds.includes(streamId)) this.streamIds.push(streamId);
      if (output.kind === 'send' && output.plane === 'control') this.noteSent(output.bytes, 'initiator');
      if (output.kind === 'traceTransition' && output.event.startsWith('timer.')) {
        this.fired.push({ session: 0, event: output.event });
      }
    }
  }

  toResponder(input: ResponderInput): void {
    for (const output of this.#responder.step(input, this.nowMs)) this.#responderOutput(output);
  }

  datagramToInitiator(bytes: Uint8Array): void {
    this.toInitiator({ kind: 'datagram', bytes, from: cameraPeer });
  }

  datagramToResponder(bytes: Uint8Array): void {
    this.toResponder({ kind: 'datagram', bytes, from: viewerPeer });
  }

  /** Lets time pass to the next deadline; false if there is none. */
  passTime(): boolean {
    const dueMs = Math.min(this.initiator.deadlineMs(), this.#responder.deadlineMs());
    if (!Number.isFinite(dueMs)) return false;
    this.nowMs = Math.max(this.nowMs, dueMs);
    if (this.#responder.deadlineMs() <= this.nowMs) this.toResponder({ kind: 'timeout' });
    if (this.initiator.deadlineMs() <= this.nowMs) this.toInitiator({ kind: 'timeout' });
    return true;
  }

  /** As the responder makes it. */
  cookie(streamId: bigint): Uint8Array {
    return this.#cookies.make(viewerPeer, streamId, this.nowMs);
  }

  /** Whether the responder takes a cookie now. */
  cookieHolds(cookie: Uint8Array, streamId: bigint): boolean {
    return this.#cookies.valid(cookie, viewerPeer, streamId, this.nowMs);
  }

  restartInitiator(): void {
    this.initiator = this.#newInitiator();
  }

  restartResponder(keyKept: boolean): void {
    if (!keyKept) this.#resetKey++;
    this.#firstOfProcess = this.sessions.length;
    this.#responder = this.#newResponder();
  }

  #newInitiator(): InitiatorEndpoint {
    const entropy = new Prng(this.#seed, this.#processes++);
    return new InitiatorEndpoint({ profile: this.#profile, entropy, peer: cameraPeer, trace: true });
  }

  #newResponder(): ResponderEndpoint {
    const entropy = new Prng(this.#seed, this.#processes++);
    const resetKey = new Uint8Array(32).fill(this.#resetKey);
    return new ResponderEndpoint({ profile: this.#profile, entropy, resetKey, cookieKey, trace: true });
  }

  #responderOutput(output: ResponderOutput): void {
    switch (output.kind) {
      case 'send':
        return this.noteSent(output.bytes, 'responder');
      case 'media':
        return this.#noteMedia(output.bytes);
      case 'reserve': {
        const { session: handle, streamId } = output;
        const pings = { initiator: [], responder: [] };
        const nothing = { tag: 0n, ssrc: 0, resetToken: '' };
        this.sessions.push({ handle, streamId, stream: testStream(), pings, ...nothing, state: 'PendingStartRequest' });
        return;
      }
      case 'traceTransition': {
        const index = this.sessions.findIndex(
          ({ handle }, i) => i >= this.#firstOfProcess && handle === output.session,
        );
        const session = this.sessions[index];
        if (session !== undefined) session.state = output.to;
        if (output.event.startsWith('timer.')) this.fired.push({ session: index + 1, event: output.event });
        return;
      }
      default:
        return;
    }
  }

  #noteMedia(bytes: Uint8Array): void {
    const ssrc = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);
    const index = this.sessions.findIndex((session) => session.tag !== 0n && session.ssrc === ssrc);
    if (index < 0) throw new Error(`media with SSRC ${ssrc}, which was never announced`);
    this.mediaOf.add(index + 1);
    this.bytes.set(32 * (this.#layout.firstSession + index) + SessionFrame.MEDIA, bytes);
  }

  /** Finds the model's number of a frame that is sent. */
  noteSent(bytes: Uint8Array, sender: Sender): void {
    const frame = frameOf(bytes);
    const number = this.#ofStream(frame) ?? this.#ofSession(frame, sender);
    if (number === undefined) return expect(frame.type, 'a frame with ids that nobody has').toBe(FrameType.RESET);
    this.sent.push(number);
    this.bytes.set(number, bytes);
  }

  #ofStream(frame: Frame): number | undefined {
    const { streamId, attempt } = frame;
    const { attacker, streams } = this.#layout;
    const forged = Number(streamId - attackerStreamId);
    const isForged = forged >= 0 && forged <= streams - attacker;
    const known = isForged ? attacker + forged : this.streamIds.indexOf(streamId) + 1;
    if (known === 0) throw new Error(`StreamId ${streamId} was never drawn`);
    const half = 32 * (1 + ((known - 1) >>> 1)) + 16 * ((known - 1) & 1);
    switch (frame.type) {
      case FrameType.START:
        return half + StreamFrame.START + attempt - 1;
      case FrameType.RETRY:
        return half + StreamFrame.RETRY + attempt - 1;
      case FrameType.ERROR:
        return half + (isTransient(frame.errorCode) ? StreamFrame.ERROR_FOR_NOW : StreamFrame.ERROR);
      default:
        return undefined;
    }
  }

  #ofSession(frame: Frame, sender: Sender): number | undefined {
    if (frame.type === FrameType.START_ACK) this.#learn(frame);
    const index = this.sessions.findIndex(
      ({ streamId, tag }) => streamId === frame.streamId && tag === frame.sessionTag && tag !== 0n,
    );
    const session = this.sessions[index];
    if (session === undefined) return undefined;
    if (frame.type === FrameType.PING) session.pings[sender].push(frame.nonce);
    return 32 * (this.#layout.firstSession + index) + bitOf(frame, sender, session);
  }

  #learn(frame: Extract<Frame, { readonly type: typeof FrameType.START_ACK }>): void {
    const session = this.sessions.find(
      ({ streamId, tag }, i) => this.stateOf(i + 1) !== undefined && streamId === frame.streamId && tag === 0n,
    );
    if (session === undefined) return;
    session.tag = frame.sessionTag;
    session.ssrc = frame.ssrc;
    session.resetToken = frame.resetToken.join();
  }
}

function bitOf(frame: Frame, sender: Sender, session: RealSession): number {
  if (frame.type === FrameType.RESET) {
    return frame.resetToken.join() === session.resetToken ? SessionFrame.RESET : SessionFrame.RESET_WRONG_TOKEN;
  }
  const name = frameTypeName(frame.type) ?? '';
  const bits: Readonly<Record<string, number>> = SessionFrame;
  const bit = bits[name] ?? bits[`${name}_TO_${sender === 'initiator' ? 'RESPONDER' : 'INITIATOR'}`];
  if (bit === undefined) throw new Error(`the model has no ${name}`);
  return bit;
}
