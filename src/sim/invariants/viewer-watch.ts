import type { InitiatorInput, InitiatorOutput, Peer } from '../../engine/io-types.ts';
import { isRtcp, rtpSsrc } from '../../media/rtp.ts';
import { MEDIA_FIRST_BYTE_MAX, MEDIA_FIRST_BYTE_MIN } from '../../protocol/constants.ts';
import { FrameType } from '../../protocol/frame.ts';
import { cameraPeer, type World } from '../world.ts';
import type { HostFault, TappedDatagram } from '../world-event.ts';
import type { CameraWatch, Checkers } from './camera-watch.ts';
import type { Delivery } from './delivery.ts';
import type { Liveness } from './liveness.ts';
import { type SeenDatagram, sameIds, sameStreamId } from './seen-datagram.ts';
import { ViewerRecord } from './viewer-record.ts';

interface Waiting {
  readonly seen: SeenDatagram;
  readonly from: Peer;
}

/** The checkers of a viewer alone. */
export interface ViewerCheckers extends Checkers {
  readonly delivery: Delivery;
  readonly liveness: Liveness;
  readonly cameraWatch: CameraWatch;
}

/** Keeps the record of each viewer by what happens there, and shows each event to the checkers that it concerns. */
export class ViewerWatch {
  readonly #checkers: ViewerCheckers;
  readonly #records: ViewerRecord[] = [];
  readonly #waiting = new Map<number, Waiting[]>();
  readonly #byPeer = new WeakMap<Peer, number>();
  #lastPeer: Peer | undefined;
  #lastNumber: number | undefined;

  constructor(checkers: ViewerCheckers) {
    this.#checkers = checkers;
  }

  records(): Iterable<ViewerRecord> {
    return this.#records.values();
  }

  sent({ from, bytes, plane }: TappedDatagram, seen: SeenDatagram, world: World): void {
    const number = this.#numberOf(from, world);
    const record = number === undefined ? undefined : this.#recordOf(number, world);
    if (number === undefined || record === undefined) return;
    const { answers, camera, caps, cause, copies } = this.#checkers;
    caps.datagram(bytes.length, false);
    if (plane !== 'control') return;
    answers.sent(number, seen, cause, cause.of(number, world.clock.turn));
    if (seen.type === FrameType.START) {
      if (record.start === undefined || !sameStreamId(record.start, bytes)) record.began();
      record.start = copies.same(record.start, seen);
      caps.start(record, seen);
    } else if (seen.type === FrameType.START_CONFIRM) {
      record.confirm = copies.same(record.confirm, seen);
      record.session ??= camera.bySeen(seen);
      caps.confirm(record);
    } else if (seen.type === FrameType.BYE) {
      record.bye = copies.same(record.bye, seen);
      caps.byes(record);
      const session = camera.bySeen(seen);
      if (session !== undefined) session.viewerSaidBye = true;
    }
  }

  arrived(number: number, seen: SeenDatagram, from: Peer, world: World): void {
    const viewer = world.viewers[number];
    const record = this.#recordOf(number, world);
    if (viewer === undefined || record === undefined || viewer.state === 'down') return;
    if (viewer.state === 'paused') {
      const waiting = this.#waiting.get(number);
      if (waiting === undefined) this.#waiting.set(number, [{ seen, from }]);
      else waiting.push({ seen, from });
      return;
    }
    const { cause, disturbance } = this.#checkers;
    cause.begin(number, world.clock.turn, 'datagram');
    cause.seen = seen;
    if (this.#take(record, seen, from)) return;
    if (viewer.endpoint.state === 'Streaming') disturbance.viewerTakes(viewer, seen, world);
  }

  asked(number: number, input: InitiatorInput, world: World): void {
    const record = this.#recordOf(number, world);
    if (record === undefined) return;
    this.#checkers.cause.begin(number, world.clock.turn, 'asked');
    const { viewer } = record;
    if (viewer.state === 'down') return;
    if (input.kind === 'close' || input.kind === 'socketFailed') record.localEnd = true;
    if (input.kind !== 'start') return;
    if (viewer.state === 'paused') record.startWaits = true;
    else record.startedAtMs ??= viewer.localMs;
  }

  told(number: number, output: InitiatorOutput, world: World): void {
    const record = this.#recordOf(number, world);
    if (record === undefined) return;
    const { agreement, cause, delivery, endings, liveness } = this.#checkers;
    switch (output.kind) {
      case 'frame':
        return delivery.frame(record, output.frame.timestamp);
      case 'streaming':
        liveness.attempt(record);
        agreement.viewerStreams(record.viewer, world);
        record.streaming = true;
        record.heardAtMs = record.viewer.localMs;
        break;
      case 'closed':
        liveness.attempt(record);
        endings.viewerClosed(record, output, cause.of(number, world.clock.turn));
        record.closed = true;
        break;
      default:
    }
  }

  fault(number: number, fault: HostFault, world: World): void {
    const { cause } = this.#checkers;
    const viewer = world.viewers[number];
    if (viewer === undefined) return;
    if (fault === 'crash' || fault === 'restart' || fault === 'allocationFailed') {
      this.#waiting.delete(number);
      this.#records[number] = new ViewerRecord(viewer);
      cause.begin(number, world.clock.turn, 'asked');
      return;
    }
    const record = this.#recordOf(number, world);
    if (fault !== 'resume' || viewer.state !== 'paused' || record === undefined) return;
    cause.begin(number, world.clock.turn, 'batch');
    record.resumedAtMs = viewer.localMs;
    if (record.startWaits) record.startedAtMs ??= viewer.localMs;
    for (const { seen, from } of this.#waiting.get(number) ?? []) this.#take(record, seen, from);
    this.#waiting.delete(number);
  }

  /** At the end of a run. */
  finish(world: World): void {
    const { agreement, liveness } = this.#checkers;
    for (const record of this.#records.values()) {
      if (record === undefined || record.viewer.state !== 'running') continue;
      if (!record.closed) liveness.attempt(record);
      if (record.viewer.endpoint.state === 'Streaming') agreement.viewerStreams(record.viewer, world);
    }
  }

  /** @returns false for what must not change a session in Streaming. */
  #take(record: ViewerRecord, seen: SeenDatagram, from: Peer): boolean {
    const { viewer } = record;
    if (from !== cameraPeer && (from.address !== cameraPeer.address || from.port !== cameraPeer.port)) return false;
    const { bytes } = seen;
    const first = bytes[0] ?? 0;
    if (first >= MEDIA_FIRST_BYTE_MIN && first <= MEDIA_FIRST_BYTE_MAX) {
      if (bytes.length < 12 || isRtcp(bytes) || rtpSsrc(bytes) !== record.ssrc) return false;
      if (record.session?.sealed === true && !(seen.genuine && record.takesMedia(bytes))) return false;
      record.heardAtMs = viewer.localMs;
      record.mediaDamaged ||= !seen.genuine;
      return true;
    }
    if (seen.type === 0 || record.confirm === undefined || !sameIds(record.confirm, bytes)) return false;
    if (seen.counter !== undefined && (!seen.fromCamera || !record.takes(seen.counter))) return false;
    switch (seen.type) {
      case FrameType.BYE:
        record.peerBye ||= (this.#checkers.camera.bySeen(seen)?.byes ?? 0) > 0;
        return true;
      case FrameType.RESET:
        record.peerReset ||= this.#checkers.cameraWatch.saidReset(seen.sessionTag);
        return true;
      case FrameType.START_ACK:
        // A secured one is not read again, and unread it proves nothing.
        if (record.session?.sealed === true) return false;
        record.heardAtMs = viewer.localMs;
        return true;
      case FrameType.READY:
      case FrameType.PING:
      case FrameType.PONG:
      case FrameType.PATH_CHALLENGE:
      case FrameType.PATH_RESPONSE:
      case FrameType.TOKEN:
      case FrameType.NOTIFY:
      case FrameType.REQUEST:
      case FrameType.RECEIPT:
      case FrameType.RESPONSE:
      case FrameType.CONTINUE:
        record.heardAtMs = viewer.localMs;
        return true;
      default:
        return false;
    }
  }

  #recordOf(number: number, world: World): ViewerRecord | undefined {
    const known = this.#records[number];
    if (known !== undefined) return known;
    const viewer = world.viewers[number];
    if (viewer === undefined) return undefined;
    const record = new ViewerRecord(viewer);
    this.#records[number] = record;
    return record;
  }

  #numberOf(from: Peer, world: World): number | undefined {
    if (this.#lastPeer === from) return this.#lastNumber;
    const number = this.#byPeer.get(from) ?? world.viewers.find(({ peer }) => peer === from)?.number;
    if (number !== undefined) this.#byPeer.set(from, number);
    this.#lastPeer = from;
    this.#lastNumber = number;
    return number;
  }
}
