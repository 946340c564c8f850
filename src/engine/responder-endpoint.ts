import { clearTrailer } from '../codec/clear-trailer.ts';
import { decodeFrame } from '../codec/decode.ts';
import { decodeSecured } from '../codec/decode-secured.ts';
import type { FixedHeader } from '../codec/header.ts';
import type { DatagramMemory } from '../media/datagram-memory.ts';
import {
  CONTROL_FIRST_BYTE,
  DATAGRAM_BYTES_STEPS,
  MEDIA_FIRST_BYTE_MAX,
  MEDIA_FIRST_BYTE_MIN,
  PENDING_MS,
  PENDING_UNDER_LOAD_MS,
} from '../protocol/constants.ts';
import { type Frame, FrameType, type SecuredStartConfirmFrame } from '../protocol/frame.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { ResponderCredentials } from '../security/credentials.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import { type SharedTokens, Tokens } from '../security/tokens.ts';
import { Admission, type AdmissionLimits, defaultAdmissionLimits } from './admission.ts';
import { Counters, type DropReason, type HintName } from './counters.ts';
import { failAsk } from './exchanges.ts';
import { FastStart } from './fast-start.ts';
import { FrontDoor } from './front-door.ts';
import type { Entropy, ExchangeInput, Peer, ResponderInput, ResponderOutput, SessionHandle } from './io-types.ts';
import { ConfirmProof } from './media-gate.ts';
import type { ProtectMedia } from './media-protection.ts';
import { Random } from './random.ts';
import type { ResponderHost } from './responder-host.ts';
import { ResponderSecurity } from './responder-security.ts';
import type { ResponderSession } from './responder-session.ts';
import { drop, keptTlvs, traceFrame } from './session-host.ts';
import { SessionSchedule } from './session-schedule.ts';
import type { SessionTable } from './session-table.ts';
import { sessionTableOf } from './sleeping-sessions.ts';
import { StrangerAnswers } from './stranger-answers.ts';
import { Tombstones } from './tombstones.ts';
import { samePeer, tupleKeyOf } from './tuple.ts';
import { otherWorkerOf, tagOfWorker, type WorkerShare } from './worker-share.ts';

/** What a responder's endpoint is made of. */
export interface ResponderEndpointOptions {
  readonly profile: Profile;
  readonly entropy: Entropy;
  /** 32 bytes; kept over restarts, so that RESET reaches viewers of the process before. Default: drawn. */
  readonly resetKey?: Uint8Array;
  /** 16 bytes that the workers of a camera share, so that each takes the others' cookies. Default: keys are drawn. */
  readonly cookieKey?: Uint8Array;
  /** Which worker of a camera this is. Default: it is all of it. */
  readonly worker?: WorkerShare;
  /** Modes `psk` and `keys`; absent in mode `none`. */
  readonly security?: ResponderCredentials;
  /** Protects the media of secured sessions; without it they have none. */
  readonly protectMedia?: ProtectMedia;
  readonly limits?: Partial<AdmissionLimits>;
  /** Viewers are given tokens, and who shows one gets media before the confirm; never in mode `keys`. Default false. */
  readonly fast?: boolean;
  /** Of several workers; default: tokens of its own. */
  readonly tokens?: SharedTokens;
  /** NACKs are answered; default true. */
  readonly repair?: boolean;
  /** First datagram size of media in bytes, one of 1200, 600, 296; default 1200. */
  readonly datagramBytesMax?: number;
  /** Of media as it leaves; default: fresh, so that outputs may be kept. */
  readonly mediaMemory?: DatagramMemory | undefined;
  /** Half-open sessions that are kept as objects, the newest, 0 or more; the others are records. Default 128. */
  readonly awakePendingMax?: number | undefined;
  /** Emit trace outputs; default false. */
  readonly trace?: boolean;
}

/**
 * One socket of a camera: routes datagrams to sessions, admits strangers, keeps the limits. No sockets, no clock: `step` takes
 * an input and the time and returns what is to be done.
 */
export class ResponderEndpoint {
  readonly counters = new Counters();
  readonly #admission: Admission;
  readonly #sessions: SessionTable;
  readonly #tombstones = new Tombstones();
  readonly #schedule: SessionSchedule;
  readonly #host: ResponderHost;
  readonly #security: ResponderSecurity | undefined;
  readonly #strangers: StrangerAnswers;
  readonly #frontDoor: FrontDoor;
  readonly #worker: WorkerShare;
  #outputs: ResponderOutput[] = [];
  #nowMs = 0;

  constructor(options: ResponderEndpointOptions) {
    const random = new Random(options.entropy);
    this.#worker = options.worker ?? { index: 0, count: 1 };
    this.#admission = new Admission(
      { ...defaultAdmissionLimits, ...options.limits },
      random,
      (cause) => {
        this.counters.add('loadModes');
        this.#host.emit({ kind: 'load', under: true, cause });
        const untilMs = this.#nowMs + this.#host.pendingMs();
        this.#sessions.hurry(untilMs, (session) => this.#schedule.settle(session, this.#nowMs));
      },
      options.cookieKey,
    );
    this.#security = options.security && new ResponderSecurity(options.security, random);
    this.#host = {
      profile: options.profile,
      random,
      handshakeTrailer: this.#security?.trailer ?? clearTrailer,
      protectMedia: options.protectMedia,
      counters: this.counters,
      trace: options.trace ?? false,
      resetKey: options.resetKey ?? random.bytes(32),
      repair: options.repair ?? true,
      datagramBytesMax: options.datagramBytesMax ?? DATAGRAM_BYTES_STEPS[0],
      mediaMemory: options.mediaMemory,
      // In mode `keys` there are no keys for media before the confirm.
      fast:
        options.fast === true && options.security?.mode !== 'keys'
          ? new FastStart(new Tokens(options.tokens?.key ?? random.bytes(32), options.tokens?.memory), this.counters)
          : undefined,
      emit: (output) => this.#outputs.push(output),
      claimTag: (session) => {
        for (;;) {
          const tag = tagOfWorker(random.id(), this.#worker);
          if (tag !== 0n && this.#sessions.claimTag(tag, session)) return tag;
        }
      },
      liveSecurity: (tupleKey) => this.#sessions.streaming(tupleKey)?.security,
      isFree: (tupleKey) => this.#sessions.streaming(tupleKey) === undefined,
      moved: (session, before) => {
        const { handle, streamId, peer } = session;
        this.#sessions.moved(session);
        this.#host.emit({ kind: 'moved', session: handle, streamId, before, peer });
      },
      supersedeOlder: (session) => {
        for (const older of this.#sessions.ofTuple(session.tupleKey)) {
          if (older === session) continue;
          // A candidate older than the one that was confirmed is one that the viewer gave up: its START_CONFIRM may still
          // be on the way and must not take the tuple back. Handles ascend.
          if (older.pending && older.handle > session.handle) continue;
          older.endedBy('app.superseded', this.#nowMs);
          this.#settle(older);
        }
      },
      leaveTombstone: (session, error, keepMs) =>
        this.#tombstones.add(session.tupleKey, session.streamId, error, keepMs, this.#nowMs),
      leftPending: (session) => this.#admission.leave(session.peer.address, this.#nowMs),
      pendingMs: () => (this.#admission.underLoad ? PENDING_UNDER_LOAD_MS : PENDING_MS),
      joinFeed: (session, feed) => this.#sessions.joinFeed(feed, session),
      leaveFeed: (session, feed) => this.#sessions.leaveFeed(feed, session),
      forget: (session) => this.#sessions.remove(session),
    };
    this.#sessions = sessionTableOf(this.#host, {
      secured: this.#security !== undefined,
      awakePendingMax: options.awakePendingMax,
      slept: (session) => this.#settle(session),
    });
    this.#schedule = new SessionSchedule(this.#sessions, this.counters);
    this.#strangers = new StrangerAnswers(this.#host, this.#admission);
    this.#frontDoor = new FrontDoor({
      host: this.#host,
      admission: this.#admission,
      sessions: this.#sessions,
      tombstones: this.#tombstones,
      schedule: this.#schedule,
      strangers: this.#strangers,
      security: this.#security,
    });
  }

  /** Sessions in all states. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Half-open sessions. */
  get pendingCount(): number {
    return this.#admission.pending;
  }

  /** Strangers are asked for a cookie before they cost anything. */
  get underLoad(): boolean {
    return this.#admission.underLoad;
  }

  /** (tuple, StreamId) pairs that are remembered as over. */
  get tombstoneCount(): number {
    return this.#tombstones.size;
  }

  /** Keys of a secured session from its confirm on. */
  keysOf(session: SessionHandle): SessionKeys | undefined {
    return this.#sessions.byHandle(session)?.keys;
  }

  /** Who looks: the viewer's public key, from its confirm on, in mode `keys`. */
  viewerKeyOf(session: SessionHandle): Uint8Array | undefined {
    return this.#sessions.byHandle(session)?.security?.viewerKey;
  }

  /** When the next `timeout` input is due; may be early, never late; Infinity for never. */
  deadlineMs(): number {
    return Math.min(this.#schedule.earliestMs(), this.#admission.deadlineMs());
  }

  /** Handles one input at a time that never goes back. The returned array is the caller's. */
  step(input: ResponderInput, nowMs: number): readonly ResponderOutput[] {
    this.#nowMs = nowMs;
    switch (input.kind) {
      case 'datagram':
        this.#datagram(input.bytes, input.from);
        break;
      case 'timeout':
        this.#timeout();
        break;
      case 'reserved': {
        const session = this.#sessions.byHandle(input.session);
        if (session === undefined) {
          this.#host.emit({ kind: 'release', session: input.session });
        } else {
          session.reserved(input.feed, input.sdp, nowMs);
          this.#settle(session);
        }
        break;
      }
      case 'refused': {
        const session = this.#sessions.byHandle(input.session);
        if (session !== undefined) {
          session.refused(input.code, input.retryAfterMs, input.reason, nowMs);
          this.#settle(session);
        }
        break;
      }
      case 'media':
        for (const session of this.#sessions.ofFeed(input.feed)) this.#schedule.offerMedia(session, nowMs);
        break;
      case 'refresh':
      case 'exchange': {
        const session = this.#sessions.byHandle(input.session);
        if (session === undefined) {
          if (input.kind === 'exchange') this.#exchangeWithNobody(input.session, input.input);
          break;
        }
        if (input.kind === 'refresh') session.refresh(nowMs);
        else session.exchange(input.input, nowMs);
        this.#settle(session);
        break;
      }
      case 'close':
        for (const session of this.#sessions.all(input.session)) {
          session.close(input.code, input.reason, nowMs);
          this.#settle(session);
        }
        break;
      case 'sendFailed':
        this.#sendFailed(input.to, input.hint, input.bytes);
        break;
      case 'socketFailed':
        for (const session of this.#sessions.all()) {
          session.endedBy('app.socketFailed', nowMs);
          this.#settle(session);
        }
        break;
    }
    this.#sessions.settle();
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #datagram(bytes: Uint8Array, from: Peer): void {
    this.counters.add('datagramsReceived');
    this.counters.add('bytesReceived', bytes.length);
    const first = bytes[0] ?? 0;
    if (first >= MEDIA_FIRST_BYTE_MIN && first <= MEDIA_FIRST_BYTE_MAX) return this.#feedback(bytes, from);
    if (first !== CONTROL_FIRST_BYTE) return this.#drop('notOurs', from, bytes);
    const security = this.#security;
    const kept = keptTlvs(this.#host);
    const decoded = security === undefined ? decodeFrame(bytes, kept) : decodeSecured(bytes, security.hasMac1, kept);
    if (!decoded.ok) return this.#frontDoor.undecodable(decoded, from, bytes, this.#nowMs);
    if ('header' in decoded) return this.#sealed(decoded.header, from, bytes);
    const { frame } = decoded;
    if (this.#host.trace) traceFrame(this.#host, 'received', bytes, from, frame);
    switch (frame.type) {
      case FrameType.START:
        return this.#frontDoor.start(frame, tupleKeyOf(from), from, bytes, this.#nowMs);
      case FrameType.START_CONFIRM:
      case FrameType.PING:
      case FrameType.PONG:
      case FrameType.BYE:
      case FrameType.BYE_ACK:
      case FrameType.RESET:
      case FrameType.PATH_CHALLENGE:
      case FrameType.PATH_RESPONSE:
      case FrameType.NOTIFY:
      case FrameType.REQUEST:
      case FrameType.RECEIPT:
      case FrameType.RESPONSE:
      case FrameType.CONTINUE:
        return this.#sessionFrame(frame, from, bytes);
      default:
        return this.#drop('unexpectedType', from, bytes);
    }
  }

  /** RTCP from a viewer: only a NACK for the tuple's live session means anything. */
  #feedback(bytes: Uint8Array, from: Peer): void {
    const session = this.#sessions.streaming(tupleKeyOf(from));
    if (session === undefined) {
      if (this.#worker.tuplesStray === true) return this.#handOver(undefined, from, bytes);
      return this.#drop('noSession', from, bytes);
    }
    const reason = session.feedback(bytes, this.#nowMs);
    if (reason !== undefined) return this.#drop(reason, from, bytes);
    this.#settle(session);
  }

  /** The session whose ids a frame has. */
  #named(ids: FrameIds, from: Peer, bytes: Uint8Array): ResponderSession | undefined {
    const session = this.#sessions.byTag(ids.sessionTag);
    if (session?.streamId === ids.streamId) return session;
    this.#unknownPair(ids, from, bytes);
    return undefined;
  }

  #sealed(header: FixedHeader, from: Peer, bytes: Uint8Array): void {
    const session = this.#named(header, from, bytes);
    if (session === undefined) return;
    session.sealed(bytes, from, this.#nowMs);
    this.#settle(session);
  }

  #sessionFrame(frame: Frame | SecuredStartConfirmFrame, from: Peer, bytes: Uint8Array): void {
    const session = this.#named(frame, from, bytes);
    if (session === undefined) return;
    if (!samePeer(from, session.peer)) return this.#drop('otherTuple', from, bytes);
    const { streamId, sessionTag } = frame;
    if (frame.type === FrameType.START_CONFIRM) {
      const proof = ConfirmProof.of({ streamId, sessionTag, tupleKey: tupleKeyOf(from) }, session);
      if (proof === undefined) return this.#drop('wrongTag', from, bytes);
      session.confirmed(proof, frame, bytes, this.#nowMs);
    } else {
      session.frame(frame, bytes.length, this.#nowMs);
    }
    this.#settle(session);
  }

  /** Ids that no session has, on any tuple: whoever believes in them is told so, at most as fast as strangers are. */
  #unknownPair({ type, streamId, sessionTag }: FrameIds, from: Peer, bytes: Uint8Array): void {
    const other = otherWorkerOf(sessionTag, this.#worker);
    if (other !== undefined) return this.#handOver(other, from, bytes);
    const streamIdKnown = this.#sessions.byStreamId(tupleKeyOf(from), streamId) !== undefined;
    this.#drop(streamIdKnown ? 'wrongTag' : 'noSession', from, bytes);
    if (type !== FrameType.START_CONFIRM && type !== FrameType.PING && type !== FrameType.BYE) return;
    this.#strangers.reset(from, streamId, sessionTag, this.#nowMs);
  }

  /** @param worker whom the tag names; `undefined` where only the tuple tells. */
  #handOver(worker: number | undefined, from: Peer, bytes: Uint8Array): void {
    this.counters.add('workerHandedOver');
    this.#host.emit({ kind: 'otherWorker', worker, bytes, from });
  }

  #sendFailed(to: Peer, hint: HintName, bytes: number): void {
    this.counters.hint(hint);
    if (hint !== 'EMSGSIZE') return;
    const session = this.#sessions.streaming(tupleKeyOf(to));
    if (session === undefined) return;
    session.tooLarge(bytes, this.#nowMs);
    this.#settle(session);
  }

  #timeout(): void {
    this.#admission.late(this.#nowMs - this.#schedule.earliestMs(), this.#nowMs);
    this.#schedule.timeout(this.#nowMs);
    if (this.#admission.timeout(this.#nowMs)) this.#host.emit({ kind: 'load', under: false });
  }

  #settle(session: ResponderSession): void {
    this.#schedule.settle(session, this.#nowMs);
  }

  #exchangeWithNobody(session: SessionHandle, input: ExchangeInput): void {
    if (input.kind !== 'ask' && input.kind !== 'continue') return;
    const { counters } = this;
    failAsk({ session, count: (name) => counters.add(name), emit: (output) => this.#host.emit(output) }, input.call);
  }

  #drop(reason: DropReason, from: Peer, bytes: Uint8Array): void {
    drop(this.#host, reason, from, bytes.length);
  }
}

type FrameIds = Pick<FixedHeader, 'type' | 'streamId' | 'sessionTag'>;
