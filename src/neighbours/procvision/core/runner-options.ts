/** Limits of a runner. Times from the published documents, where these have one. */
export interface RunnerOptions {
  /** From the start of a process to its hello, in ms. Default 2,000. */
  readonly helloMs?: number;
  /** From ping to ping, in ms; 0 for never. Default 5,000. */
  readonly heartbeatIntervalMs?: number;
  /** How long a pong may take, and once more after a second ping, in ms. Default 2,000. */
  readonly heartbeatGraceMs?: number;
  /** How long a process may take to end after it was asked to shut down, in ms. Default 3,000. */
  readonly shutdownMs?: number;
  /** How long it may take to end by itself after its output ended, in ms. Default 500. */
  readonly exitMs?: number;
  /** From SIGTERM to SIGKILL, in ms. Default 3,000. */
  readonly killMs?: number;
  /** Restarts in a row before it counts as failed. Default 3. */
  readonly restartsMax?: number;
  /** Wait before the first restart, in ms, doubled for each further one. Default 500. */
  readonly restartBackoffMs?: number;
  /** A process that lived this long after its hello, in ms, forgives the restarts before it. Default: never. */
  readonly forgiveAfterMs?: number;
  /** Calls that wait for their turn. Default 16. */
  readonly queuedMax?: number;
  /** What is wrong with the fields of a hello, or its version, is borne. Default false. */
  readonly lenient?: boolean;
  /** Told in the hello. Default `1.0`. */
  readonly runnerVersion?: string;
}

/** See {@link RunnerOptions}. */
export const RUNNER_DEFAULTS: Required<RunnerOptions> = {
  helloMs: 2000,
  heartbeatIntervalMs: 5000,
  heartbeatGraceMs: 2000,
  shutdownMs: 3000,
  exitMs: 500,
  killMs: 3000,
  restartsMax: 3,
  restartBackoffMs: 500,
  forgiveAfterMs: Number.POSITIVE_INFINITY,
  queuedMax: 16,
  lenient: false,
  runnerVersion: '1.0',
};

/** How long a call may take, in ms: 10 s for `pre`, 30 s for everything else. */
export function callLimitMs(phase: string | undefined): number {
  return phase === 'pre' ? 10_000 : 30_000;
}
