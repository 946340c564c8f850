import { CommanderError } from 'commander';
import { ConfigError, ExchangeError, HandshakeError, SessionError } from '../errors.ts';
import { SinkError } from '../io/sinks/sink-error.ts';
import { SourceError } from '../io/sources/source-error.ts';
import { RedPepperError } from '../neighbours/redpepper/index.ts';

/** What the command's exit codes mean; told by `firstframe --help`. */
export const ExitCode = {
  ok: 0,
  /** The handshake failed, the session was lost, or a method said anything but 0. */
  failed: 1,
  usage: 2,
  /** This machine could not bind, look up or send. */
  network: 3,
  /** Ctrl-C; this and the next two are 128 and the signal's number, as shells report it. */
  interrupted: 130,
  terminated: 143,
  hangup: 129,
} as const;

/** The exit code that an error amounts to. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  if (error instanceof SourceError && isBindError(error.cause)) return ExitCode.network;
  if (error instanceof ConfigError || error instanceof SourceError || error instanceof SinkError) return ExitCode.usage;
  if (error instanceof HandshakeError) return error.code === 'LOCAL_NETWORK' ? ExitCode.network : ExitCode.failed;
  if (error instanceof SessionError || error instanceof ExchangeError) return ExitCode.failed;
  if (error instanceof RedPepperError) return ExitCode.failed;
  // What cannot be sent was found before anything was.
  if (error instanceof RangeError) return ExitCode.usage;
  return isSystemError(error) ? ExitCode.network : ExitCode.failed;
}

/** One or more lines for stderr: what happened, and what to try. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${error.message}. Try: another port, or stop what listens there`;
  if (code === 'EACCES') return `${error.message}. Try: a port above 1023`;
  if (code === 'EADDRNOTAVAIL') return `${error.message}. Try: an address of this machine, or :PORT for all of them`;
  return error.message;
}

function isBindError(cause: unknown): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).syscall === 'bind';
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
