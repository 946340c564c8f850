import { headerOffset } from '../../codec/header.ts';
import type { ResponderInput, ResponderOutput } from '../../engine/io-types.ts';
import { readableFrame } from '../../engine/session-host.ts';
import { MEDIA_FIRST_BYTE_MAX, MEDIA_FIRST_BYTE_MIN } from '../../protocol/constants.ts';
import { FrameFlag, FrameType } from '../../protocol/frame.ts';
import type { Profile } from '../../protocol/profiles.ts';
import type { World } from '../world.ts';
import type { HostFault, TappedDatagram } from '../world-event.ts';
import type { Agreement } from './agreement.ts';
import type { Answers } from './answers.ts';
import type { CameraRecord, CameraSession, Tuple } from './camera-record.ts';
import type { Caps } from './caps.ts';
import type { Cause } from './cause.ts';
import type { Copies } from './copies.ts';
import type { Disturbance } from './disturbance.ts';
import type { Endings } from './endings.ts';
import type { MediaLedger } from './media-ledger.ts';
import { type SeenDatagram, sameIds } from './seen-datagram.ts';

/** Where the nonce of a PING and of a PONG, and the SSRC of a START_ACK stand in a frame as the engine encodes it. */
const PING_NONCE_OFFSET = 28;
const PONG_NONCE_OFFSET = 34;
const ACK_SSRC_OFFSET = 48;

/** RESETs that are remembered. */
const RESETS_MAX = 4096;

/** All checkers that look at the camera or at both ends. */
export interface Checkers {
  readonly camera: CameraRecord;
  readonly profile: Profile;
  readonly cause: Cause;
  readonly ledger: MediaLedger;
  readonly agreement: Agreement;
  readonly caps: Caps;
  readonly answers: Answers;
  readonly copies: Copies;
  readonly endings: Endings;
  readonly disturbance: Disturbance;
}

interface Waiting {
  readonly seen: SeenDatagram;
  readonly tuple: Tuple;
}

/** Keeps the record of the camera's sessions by what happens at the camera, and shows each event to the checkers that it concerns. */
export class CameraWatch {
  readonly #checkers: Checkers;
  readonly #resets = new Set<bigint>();
  #waiting: Waiting[] = [];

  constructor(checkers: Checkers) {
    this.#checkers = checkers;
  }

  /** Whether the camera sent a RESET with this SessionTag. */
  saidReset(sessionTag: bigint): boolean {
    return this.#resets.has(sessionTag);
  }

  sent({ to, bytes, plane }: TappedDatagram, seen: SeenDatagram, world: World): void {
    const { camera, caps, cause, ledger } = this.#checkers;
    const tuple = camera.tupleOf(to);
    caps.datagram(bytes.length, plane === 'media');
    const kind = cause.of('camera', world.clock.turn);
    if (plane === 'media') {
      const granted = ledger.media(tuple, bytes, world.cameraHost.localMs);
      return this.#checkers.disturbance.cameraOutput('media', startedBy(cause, kind), granted);
    }
    ledger.sent(tuple, bytes.length);
    this.#checkers.disturbance.cameraOutput(seen.type, startedBy(cause, kind));
    this.#checkers.answers.sent('camera', seen, cause, kind);
    this.#note(seen, tuple, world);
  }

  arrived(seen: SeenDatagram, tuple: Tuple, world: World): void {
    const { state } = world.cameraHost;
    if (state === 'down') return;
    this.#checkers.ledger.received(tuple, seen.bytes.length);
    if (state === 'paused') {
      this.#waiting.push({ seen, tuple });
      return;
    }
    const { cause, disturbance } = this.#checkers;
    cause.begin('camera', world.clock.turn, 'datagram');
    cause.seen = seen;
    cause.tuple = tuple;
    cause.timerDue = world.camera.deadlineMs() <= world.cameraHost.localMs;
    if (!this.#take(seen, tuple, world.cameraHost.localMs)) disturbance.cameraTakes(seen, world);
  }

  asked(input: ResponderInput, world: World): void {
    const { camera, cause } = this.#checkers;
    cause.begin('camera', world.clock.turn, 'asked');
    if (input.kind === 'reserved') {
      const session = camera.byHandle(input.session);
      if (session?.phase === 'reserved' && world.cameraHost.state === 'running') session.granted = true;
    } else if (input.kind === 'close' || input.kind === 'socketFailed') {
      const only = input.kind === 'close' ? input.session : undefined;
      for (const session of camera.all()) if (only === undefined || session.handle === only) session.localEnd = true;
    }
  }

  told(output: ResponderOutput, world: World): void {
    const { agreement, camera, caps, cause, disturbance, endings, ledger } = this.#checkers;
    const kind = cause.of('camera', world.clock.turn);
    const halfOpen = 'session' in output && camera.byHandle(output.session)?.pending === true;
    switch (output.kind) {
      case 'reserve': {
        const tuple = camera.tupleOf(output.peer);
        agreement.reserve(camera.byHandle(output.session), camera.byStreamId(tuple, output.streamId));
        caps.reserved(camera.reserved(output.session, output.peer, output.streamId), camera, world, mayBeFree(cause));
        break;
      }
      case 'streaming': {
        const session = camera.byHandle(output.session);
        if (session === undefined) break;
        ledger.streaming(session);
        agreement.streaming(session);
        camera.streaming(session);
        break;
      }
      case 'moved': {
        const session = camera.byHandle(output.session);
        if (session === undefined) break;
        const tuple = camera.tupleOf(output.peer);
        ledger.moved(session, tuple);
        agreement.streaming(session, tuple);
        camera.moved(session, tuple, this.#checkers.profile.consentMs);
        break;
      }
      case 'peerBye': {
        const session = camera.byHandle(output.session);
        if (session !== undefined) camera.ending(session);
        break;
      }
      case 'release': {
        const session = camera.byHandle(output.session);
        if (session !== undefined) agreement.released(session);
        break;
      }
      case 'closed': {
        const session = camera.byHandle(output.session);
        if (session === undefined) break;
        endings.cameraClosed(session, output, world.cameraHost.localMs, cause, kind);
        agreement.closed(session);
        camera.ended(session, 'closed');
        caps.tombstones(world);
        break;
      }
      case 'traceFrame':
        return this.#traced(output, world);
      default:
        // Other traces say nothing new.
        return;
    }
    disturbance.cameraOutput(output.kind, startedBy(cause, kind), halfOpen);
  }

  /** What is in a sealed frame, which its bytes do not tell. */
  #traced({ frame, direction, peer }: Extract<ResponderOutput, { kind: 'traceFrame' }>, world: World): void {
    const { camera, profile } = this.#checkers;
    if ((frame.flags & FrameFlag.SECURED) === 0 && direction === 'received') return;
    const session = camera.byTag(frame.sessionTag);
    if (session?.streamId !== frame.streamId || !session.sealed) return;
    if (frame.type === FrameType.PATH_CHALLENGE && direction === 'sent') {
      session.paths.asked(frame.nonce, camera.tupleOf(peer), world.cameraHost.localMs);
    }
    if (frame.type === FrameType.PATH_RESPONSE && direction === 'received') {
      session.paths.read(frame.nonce, camera.tupleOf(peer));
    }
    if (frame.type === FrameType.PING && direction === 'sent') session.pinged(frame.nonce, world.cameraHost.localMs);
    if (frame.type === FrameType.PONG && direction === 'received') session.ponged(frame.nonce, profile.consentMs);
  }

  fault(fault: HostFault, world: World): void {
    const { camera, cause } = this.#checkers;
    if (fault === 'crash' || fault === 'restart' || fault === 'allocationFailed') {
      this.#waiting = [];
      camera.programEnded();
      this.#checkers.ledger.fast.programEnded();
      cause.begin('camera', world.clock.turn, 'asked');
    } else if (fault === 'resume' && world.cameraHost.state === 'paused') {
      cause.begin('camera', world.clock.turn, 'batch');
      for (const { seen, tuple } of this.#waiting.splice(0)) this.#take(seen, tuple, world.cameraHost.localMs);
    }
  }

  /** @returns false for what none of the camera's sessions can make anything of. */
  #take(seen: SeenDatagram, tuple: Tuple, localMs: number): boolean {
    const { camera } = this.#checkers;
    const first = seen.bytes[0] ?? 0;
    // What NACKs may do is the ledger's business.
    if (seen.type === FrameType.START) this.#checkers.ledger.fast.start(tuple, seen);
    if (seen.type === FrameType.START || (first >= MEDIA_FIRST_BYTE_MIN && first <= MEDIA_FIRST_BYTE_MAX)) return true;
    if (seen.type === 0) return false;
    const session = camera.bySeen(seen);
    if (session === undefined || seen.fromCamera) return false;
    // What is sealed counts wherever it comes from.
    if (session.tuple !== tuple && seen.counter === undefined) return false;
    if (!session.takes(seen.counter)) return false;
    if (seen.type === FrameType.PATH_RESPONSE) session.paths.responded(tuple);
    return session.phase !== 'closed' && session.phase !== 'lost' && this.#heard(session, seen, localMs);
  }

  #heard(session: CameraSession, seen: SeenDatagram, localMs: number): boolean {
    const { camera, profile } = this.#checkers;
    switch (seen.type) {
      case FrameType.START_CONFIRM:
        if (!session.confirmed) session.consentUntilMs = localMs + profile.consentMs;
        camera.confirmed(session);
        break;
      case FrameType.PONG:
        if (!session.sealed) session.ponged(nonceAt(seen.bytes, PONG_NONCE_OFFSET), profile.consentMs);
        break;
      case FrameType.BYE:
        session.peerBye ||= session.viewerSaidBye;
        return true;
      case FrameType.BYE_ACK:
      case FrameType.RESET:
        return true;
      case FrameType.PING:
      case FrameType.PATH_CHALLENGE:
      case FrameType.PATH_RESPONSE:
      case FrameType.NOTIFY:
      case FrameType.REQUEST:
      case FrameType.RECEIPT:
      case FrameType.RESPONSE:
      case FrameType.CONTINUE:
        break;
      default:
        return false;
    }
    session.heardAtMs = localMs;
    return true;
  }

  #note(seen: SeenDatagram, tuple: Tuple, world: World): void {
    const { camera, caps, copies } = this.#checkers;
    if (seen.type === FrameType.START_ACK) {
      const known = tuple.sessions.find(({ startAck }) => startAck !== undefined && sameIds(startAck, seen.bytes));
      const session = known ?? camera.byStreamId(tuple, seen.streamId);
      if (session === undefined) return;
      session.sealed = ((seen.bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0;
      const ssrc = session.sealed ? 0 : u32At(seen.bytes, ACK_SSRC_OFFSET);
      if (session.phase === 'reserved') {
        camera.acked(session, seen.sessionTag, ssrc);
        this.#checkers.ledger.fast.startAck(session, seen, world.cameraHost.localMs);
      }
      session.startAck = copies.same(session.startAck, seen);
      return;
    }
    if (seen.type === FrameType.RESET) {
      if (this.#resets.size >= RESETS_MAX) this.#resets.clear();
      this.#resets.add(seen.sessionTag);
      return caps.token(tuple.prefix, world.cameraHost.localMs);
    }
    if (seen.type === FrameType.RETRY) return caps.token(tuple.prefix, world.cameraHost.localMs);
    const session = camera.bySeen(seen);
    if (session === undefined) return;
    if (seen.type === FrameType.READY) {
      session.ready = copies.same(session.ready, seen);
      caps.ready(session, world.cameraHost.localMs);
    } else if (seen.type === FrameType.TOKEN) {
      this.#checkers.ledger.fast.token(session, seen, world.cameraHost.localMs);
    } else if (seen.type === FrameType.PING) {
      if (!session.sealed) session.pinged(nonceAt(seen.bytes, PING_NONCE_OFFSET), world.cameraHost.localMs);
    } else if (seen.type === FrameType.BYE) {
      session.bye = copies.same(session.bye, seen);
      caps.byes(session);
      camera.ending(session);
    } else if (seen.type === FrameType.BYE_ACK) {
      camera.ending(session);
    }
  }
}

function startedBy(cause: Cause, kind: ReturnType<Cause['of']>): boolean {
  return kind === 'datagram' && cause.seen?.type === FrameType.START && !cause.timerDue;
}

/** Of what waited while the camera stood still, nobody knows which START it was. */
function mayBeFree({ seen }: Cause): boolean {
  if (seen === undefined) return true;
  const frame = readableFrame(seen.bytes);
  return frame?.type === FrameType.START && frame.cookie !== undefined;
}

function nonceAt(bytes: Uint8Array, offset: number): bigint {
  if (bytes.length < offset + 8) return 0n;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(offset);
}

function u32At(bytes: Uint8Array, offset: number): number {
  if (bytes.length < offset + 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(offset);
}
