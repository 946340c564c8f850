import { ExitCode } from './exit-code.ts';

/** How a signal ends a command. */
export interface Interrupt extends Disposable {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** The exit code that the signal asks for, 0 when none came. */
  readonly exitCode: number;
}

const exitCodes = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated, SIGHUP: ExitCode.hangup } as const;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The first Ctrl-C (or SIGTERM, or a closed terminal) closes sessions with BYE, which takes 6.2 s at most; the second ends the process
 * at once.
 *
 * @param onFirst told to people when it comes.
 * @param onHangup what SIGHUP means instead, for a command that reads something again.
 */
export function interruptible(onFirst: () => void, onHangup?: () => void): Interrupt {
  const controller = new AbortController();
  let exitCode = 0;
  const handle = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && onHangup !== undefined) return onHangup();
    if (exitCode !== 0) process.exit(exitCode);
    exitCode = exitCodes[signals.find((known) => known === signal) ?? 'SIGINT'];
    onFirst();
    controller.abort();
  };
  for (const signal of signals) process.on(signal, handle);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, handle);
    },
  };
}
