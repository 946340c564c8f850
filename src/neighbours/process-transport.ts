import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { StreamTransport, type StreamTransportOptions } from './stream-transport.ts';

/** How a child process ended. */
export interface ChildEnd {
  /** Exit code; null when a signal ended it, or when it could not be started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly error?: Error;
}

/** A child process that is spoken with over its standard input and output. */
export interface ChildTransport {
  readonly transport: StreamTransport;
  readonly child: ChildProcess;
  /** Fulfilled once it has ended. Never rejects. */
  readonly ended: Promise<ChildEnd>;
}

/** What a child process is started with. */
export interface ChildOptions extends StreamTransportOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where its standard error goes. Default `inherit`; it must be read when it is `pipe`. */
  readonly stderr?: 'inherit' | 'ignore' | 'pipe';
  /** In a process group, and a session, of its own. Default false. */
  readonly detached?: boolean;
}

/** Starts a program, without a shell, and speaks with it over its standard input and output. */
export function spawnTransport(command: string, args: readonly string[], options: ChildOptions = {}): ChildTransport {
  const { cwd, env, stderr = 'inherit', detached = false } = options;
  const spawned: SpawnOptions = { stdio: ['pipe', 'pipe', stderr], detached };
  if (cwd !== undefined) spawned.cwd = cwd;
  if (env !== undefined) spawned.env = env;
  const child = spawn(command, args, spawned);
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('a child process without pipes: too many open files?');
  return { transport: new StreamTransport(stdout, stdin, options), child, ended };
}

/** This process's own standard input and output, for a program that is spoken with by its parent. */
export function standardTransport(options: StreamTransportOptions = {}): StreamTransport {
  return new StreamTransport(process.stdin, process.stdout, options);
}
