import { destination, pino, stdTimeFunctions } from 'pino';
import type { Peer } from '../engine/io-types.ts';
import { idText, peerText } from './text.ts';

/** Levels from most to least; `silent` logs nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Whether a text, such as that of `--log`, is a level. */
export function isLogLevel(text: string): text is LogLevel {
  return logLevels.some((level) => level === text);
}

/** What this package asks of a logger; a pino logger is one, and so is anything with these methods. */
export interface Log {
  isLevelEnabled(level: LogLevel): boolean;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose every line has these fields too. */
  child(fields: Record<string, unknown>): Log;
}

/** How to log. */
export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Takes each line, a newline at its end. Default: stderr, written at once, so that the last line before a crash is there. */
  readonly write?: (line: string) => void;
}

/**
 * A logger that writes JSON lines with `level`, `time` (ISO 8601, UTC), `msg` and fields. Stdout stays free for media.
 */
export function createLog(options: LogOptions = {}): Log {
  const { level = 'info', write } = options;
  const settings = {
    level,
    // Host name and process id are the log collector's business.
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(settings, write === undefined ? destination({ dest: 2, sync: true }) : { write });
}

/** Which session a line is about. */
export interface SessionIdentity {
  readonly role: 'initiator' | 'responder';
  readonly streamId: bigint;
  readonly peer: Peer;
}

/** A child with `role`, `stream` (16 hex digits) and `peer`. Never the SessionTag: who knows it can end the session. */
export function sessionLog(log: Log, session: SessionIdentity): Log {
  const { role, streamId, peer } = session;
  return log.child({ role, stream: idText(streamId), peer: peerText(peer) });
}
