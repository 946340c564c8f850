import { type AdmissionLimits, defaultAdmissionLimits } from '../../engine/admission.ts';
import {
  ATTEMPTS_MAX,
  BYE_SENDS_MAX,
  CANDIDATES_PER_TUPLE_MAX,
  CONTROL_BYTES_MAX,
  DATAGRAM_BYTES_STEPS,
  READY_PER_SECOND_MAX,
  RESTARTS_MAX,
  RETRIES_MAX,
  TOMBSTONES_MAX,
} from '../../protocol/constants.ts';
import type { Profile } from '../../protocol/profiles.ts';
import type { World } from '../world.ts';
import type { CameraRecord, CameraSession, Prefix } from './camera-record.ts';
import type { SeenDatagram } from './seen-datagram.ts';
import type { ViewerRecord } from './viewer-record.ts';
import type { ViolationLog } from './violation.ts';

/** Rounding of a token bucket that is refilled in other steps than the engine's. */
const TOKEN_SLACK = 1e-6;

/** S5: every limit of constants.ts and of admission that can be seen from outside. */
export class Caps {
  readonly limits: AdmissionLimits;
  readonly #log: ViolationLog;
  readonly #profile: Profile;

  constructor(log: ViolationLog, profile: Profile, limits: Partial<AdmissionLimits>) {
    this.#log = log;
    this.#profile = profile;
    this.limits = { ...defaultAdmissionLimits, ...limits };
  }

  datagram(bytes: number, media: boolean): void {
    this.#atMost(media ? DATAGRAM_BYTES_STEPS[0] : CONTROL_BYTES_MAX, bytes, 'bytes in a datagram');
  }

  /** The camera took a START in: half-open from now on. @param free it may have come with a cookie, which needs no token. */
  reserved(session: CameraSession, camera: CameraRecord, world: World, free: boolean): void {
    const { tuple } = session;
    this.#atMost(CANDIDATES_PER_TUPLE_MAX, tuple.candidates, 'candidates on a tuple');
    this.#atMost(this.limits.pendingPerPrefixMax, tuple.prefix.pending, 'half-open sessions of a prefix');
    this.#atMost(this.limits.pendingMax, camera.pending, 'half-open sessions');
    this.#atMost(this.limits.pendingMax, world.camera.pendingCount, 'half-open sessions, as the camera counts');
    if (!free) this.token(tuple.prefix, world.cameraHost.localMs);
  }

  /** The camera did for a stranger what costs a token of its prefix. */
  token(prefix: Prefix, localMs: number): void {
    const { perSecond, burst } = this.limits.prefixRate;
    const refilled = prefix.tokens + ((localMs - prefix.refilledAtMs) * perSecond) / 1000;
    prefix.tokens = Math.min(burst, refilled) - 1;
    prefix.refilledAtMs = localMs;
    if (prefix.tokens < -TOKEN_SLACK) this.#log.report('S5', `a prefix had more than ${perSecond} answers a second`);
  }

  ready(session: CameraSession, localMs: number): void {
    if (localMs - session.readyWindowMs >= 1000) {
      session.readyWindowMs = localMs;
      session.readyInWindow = 0;
    }
    this.#atMost(READY_PER_SECOND_MAX, ++session.readyInWindow, 'READY of a session in a second');
  }

  byes(record: { byes: number }): void {
    this.#atMost(BYE_SENDS_MAX, ++record.byes, 'BYEs of a session');
  }

  start(record: ViewerRecord, seen: SeenDatagram): void {
    const { sendsMax } = this.#profile;
    this.#atMost(Math.min(ATTEMPTS_MAX, sendsMax * (1 + RETRIES_MAX)), seen.attempt, 'STARTs of a StreamId');
    this.#atMost(1 + RESTARTS_MAX, record.sessions, 'StreamIds of a handshake');
  }

  confirm(record: ViewerRecord): void {
    this.#atMost(this.#profile.sendsMax, ++record.confirms, 'START_CONFIRMs of a session');
  }

  /** At the end of a run, and when a session ends. */
  tombstones(world: World): void {
    this.#atMost(TOMBSTONES_MAX, world.camera.tombstoneCount, 'tombstones');
  }

  /** At the end of a run: the camera has what it was seen to begin, and nothing else. */
  finish(world: World, camera: CameraRecord): void {
    this.tombstones(world);
    if (world.cameraHost.state === 'down') return;
    const { sessionCount, pendingCount } = world.camera;
    if (sessionCount !== camera.size) {
      this.#log.report(
        'S5',
        `the camera has ${sessionCount} sessions, ${camera.size} were seen to begin and not to end`,
      );
    }
    if (pendingCount !== camera.pending) {
      this.#log.report('S5', `the camera counts ${pendingCount} half-open sessions, there are ${camera.pending}`);
    }
  }

  #atMost(max: number, found: number, what: string): void {
    if (found > max) this.#log.report('S5', `${found} ${what}, ${max} are allowed`);
  }
}
