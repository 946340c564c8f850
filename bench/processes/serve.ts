import { type ProcessCost, processCost } from '../result.ts';

/** What the measuring process asks of another one. */
export type ChildRequest =
  | { readonly ask: 'start'; readonly options: unknown }
  | { readonly ask: 'run'; readonly task: unknown }
  | { readonly ask: 'report' };

/** What that one says. */
export type ChildAnswer =
  | { readonly answer: 'ready'; readonly ready: unknown }
  | { readonly answer: 'report'; readonly cost: ProcessCost; readonly report: unknown }
  | { readonly answer: 'progress'; readonly progress: unknown }
  | { readonly answer: 'ran'; readonly outcome: unknown }
  | { readonly answer: 'failed'; readonly message: string };

/** What runs in a process of its own. */
export interface Served<Ready, Report, Task = never, Progress = never, Outcome = never> {
  /** Told once it runs: where it listens. */
  readonly ready: Ready;
  /** Its figures so far. */
  report(): Report;
  /** Does what it is asked for, and tells how far it is; absent in one that only answers others. */
  run?(task: Task, tell: (progress: Progress) => void): Promise<Outcome>;
}

/**
 * Runs the inside of a child process until the measuring process has gone. Signals are the measuring process's to act on: a terminal sends
 * Ctrl-C to all of them.
 */
export function serve<Options, Ready, Report, Task = never, Progress = never, Outcome = never>(
  start: (options: Options) => Promise<Served<Ready, Report, Task, Progress, Outcome>>,
): void {
  let served: Served<Ready, Report, Task, Progress, Outcome> | undefined;
  const say = (answer: ChildAnswer): void => void process.send?.(answer);
  process.on('message', async (request: ChildRequest) => {
    try {
      if (request.ask === 'start') {
        served = await start(request.options as Options);
        say({ answer: 'ready', ready: served.ready });
      } else if (request.ask === 'run') {
        const outcome = await served?.run?.(request.task as Task, (progress) => say({ answer: 'progress', progress }));
        say({ answer: 'ran', outcome });
      } else {
        say({ answer: 'report', cost: processCost(), report: served?.report() });
      }
    } catch (error) {
      say({ answer: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit());
}
