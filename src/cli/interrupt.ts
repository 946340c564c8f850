import { ExitCode } from './exit-code.ts';

/** How a signal ends a command. */
export interface Interrupt extends Disposable {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** The exit code that the signal asks for, 0 when none came. */
  readonly exitCode: number;
}

const SIGTERM_EXIT_CODE = 143;

/**
 * The first Ctrl-C closes sessions with BYE, which takes 6.2 s at most; the second ends the process at once.
 *
 * @param onFirst told to people when it comes.
 */
export function interruptible(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  let exitCode = 0;
  const handle = (signal: NodeJS.Signals): void => {
    const code = signal === 'SIGINT' ? ExitCode.interrupted : SIGTERM_EXIT_CODE;
    if (exitCode !== 0) process.exit(code);
    exitCode = code;
    onFirst();
    controller.abort();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}
