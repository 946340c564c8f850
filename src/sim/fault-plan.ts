import type { AdmissionLimits } from '../engine/admission.ts';
import type { HintName } from '../engine/counters.ts';
import type { DATAGRAM_BYTES_STEPS } from '../protocol/constants.ts';
import type { ProfileName } from '../protocol/profiles.ts';
import type { SecuredMode } from '../security/credentials.ts';
import type { HostClock, WakeOrder } from './host.ts';
import type { LinkModel } from './link-model.ts';
import type { HostName } from './world-event.ts';

/** What one run of the swarm is made of: plain data, so that a failing one can be printed, cut down and run again. Times in ms. */
export interface FaultPlan {
  /** Of everything that is drawn while it runs; u32. */
  readonly seed: number;
  /** `liveness`: nothing goes wrong after {@link FaultPlan.faultyMs}, and both ends must agree or be closed at the end. */
  readonly mode: RunMode;
  readonly profile: ProfileName;
  /** Absent: mode `none`. */
  readonly security?: SecuredMode;
  readonly camera: CameraPlan;
  readonly application: ApplicationPlan;
  /** Absent: an idle camera. */
  readonly media?: MediaPlan;
  readonly viewers: readonly ViewerPlan[];
  /** In any order. */
  readonly faults: readonly TimedFault[];
  /**
   * A safety run ends then. In a liveness run links are perfect from then on but for their delay, hosts go on, and it lasts until all must have
   * come to an end.
   */
  readonly faultyMs: number;
}

/** Safety runs may have any fault at any time. */
export type RunMode = 'safety' | 'liveness';

/** The camera and its machine. */
export interface CameraPlan {
  /** It comes back with the same reset key after a restart. */
  readonly keepsKey: boolean;
  readonly repair: boolean;
  /** It allows fast mode, which means nothing in mode `keys`. Absent: no. */
  readonly fast?: true;
  readonly datagramBytesMax: (typeof DATAGRAM_BYTES_STEPS)[number];
  readonly clock?: HostClock;
  /** Where they are not the usual ones: so low that cookies are demanded of viewers too. */
  readonly limits?: Partial<AdmissionLimits>;
  /** Its n-th request for random bytes fails; above 2, with fast mode above 3, which it needs to begin. */
  readonly allocationFailsAt?: number;
}

/** How the camera's application answers reservations: each at once, late, with a refusal, or not at all, by these fractions. */
export interface ApplicationPlan {
  readonly late: number;
  readonly refuses: number;
  readonly silent: number;
  /** A late answer takes up to this long. */
  readonly lateMs: number;
}

/** A stream of test frames; it ends after them, or goes silent. */
export interface MediaPlan {
  readonly frames: number;
  readonly bytes: number;
  readonly intervalMs: number;
  readonly ends: boolean;
}

/** One viewer, its machine and its link. */
export interface ViewerPlan {
  /** Absent: never. */
  readonly startsAtMs?: number;
  readonly toCamera: LinkModel;
  readonly toViewer: LinkModel;
  readonly repair: boolean;
  readonly fast: boolean;
  readonly clock?: HostClock;
  readonly allocationFailsAt?: number;
}

/** Which directions of a viewer's link. */
export type Ways = 'toCamera' | 'toViewer' | 'both';

/** What a stranger sends. `replay`: a datagram that was really sent, again; `stolen`: the same from another address. */
export type ForgeryKind = 'noise' | 'frame' | 'start' | 'altered' | 'media' | 'replay' | 'stolen';

/** All of {@link ForgeryKind}. */
export const forgeryKinds: readonly ForgeryKind[] = ['noise', 'frame', 'start', 'altered', 'media', 'replay', 'stolen'];

/** Something that happens at a time. What has no `forMs` is for good. */
export type TimedFault = { readonly atMs: number } & (
  | { readonly kind: 'pause'; readonly host: HostName; readonly forMs: number; readonly order: WakeOrder }
  | { readonly kind: 'crash'; readonly host: HostName; readonly forMs?: number }
  | { readonly kind: 'partition'; readonly viewer: number; readonly ways: Ways; readonly forMs?: number }
  | { readonly kind: 'clog'; readonly viewer: number; readonly ways: Ways; readonly forMs: number }
  | { readonly kind: 'rebind'; readonly viewer: number }
  | {
      readonly kind: 'sends';
      readonly host: HostName;
      readonly hint: HintName;
      readonly fraction: number;
      readonly forMs: number;
    }
  | { readonly kind: 'close'; readonly host: HostName; readonly code: number }
  | { readonly kind: 'socket'; readonly host: HostName }
  /** A new program in the viewer's place asks again. */
  | { readonly kind: 'redial'; readonly viewer: number }
  | { readonly kind: 'forge'; readonly viewer: number; readonly what: ForgeryKind; readonly count: number }
  /** STARTs from as many strangers. */
  | { readonly kind: 'flood'; readonly count: number }
);
