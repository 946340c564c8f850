import type { Timing } from '../../io/sources/timing.ts';
import type { LinkNumber } from '../core/stepped-core.ts';
import type { Calls, RedPepperRequestOptions } from './calls.ts';
import type { CommandProgress, CommandResult } from './commands.ts';
import { isMap, type RedPepperMap, type RedPepperValue } from './core/value.ts';
import { RedPepperError } from './redpepper-error.ts';

/** What goes with a command. */
export interface RedPepperCommandOptions extends RedPepperRequestOptions {
  /** Time limit until the result, in ms. Default 3,600,000. */
  readonly resultMs?: number;
  readonly onProgress?: (progress: CommandProgress) => void;
}

const RESULT_MS = 3_600_000;

interface Waiter {
  readonly link: LinkNumber;
  readonly onProgress: ((progress: CommandProgress) => void) | undefined;
  resolve(result: CommandResult): void;
  fail(code: 'timedOut' | 'disconnected'): void;
}

/** Commands of a manager that wait for their results. */
export class CommandWaiters {
  readonly #calls: Calls;
  readonly #timing: Timing;
  readonly #waiting = new Map<string, Waiter>();

  constructor(calls: Calls, timing: Timing) {
    this.#calls = calls;
    this.#timing = timing;
  }

  /** Starts a command and waits for its result. Rejects with RedPepperError. */
  async run(
    link: LinkNumber | undefined,
    type: string,
    args: readonly RedPepperValue[],
    kwargs: RedPepperMap,
    { resultMs = RESULT_MS, onProgress, ...options }: RedPepperCommandOptions,
  ): Promise<CommandResult> {
    if (link === undefined) throw new RedPepperError(type, 'disconnected');
    const id = this.#calls.newId();
    let cancel: () => void = () => {};
    const result = new Promise<CommandResult>((resolve, reject) => {
      const fail = (code: 'timedOut' | 'disconnected'): void => reject(new RedPepperError(type, code));
      this.#waiting.set(id, { link, onProgress, resolve, fail });
      cancel = this.#timing.after(resultMs, () => fail('timedOut'));
    });
    // It may come to nothing before anybody waits for it.
    result.catch(() => {});
    try {
      await this.#calls.request(link, 'command', [], { id, cmdtype: type, args, kwargs }, options);
      return await result;
    } finally {
      cancel();
      this.#waiting.delete(id);
    }
  }

  /** An agent told something. */
  notified(link: LinkNumber, type: string, data: RedPepperValue): void {
    if (!isMap(data)) return;
    const id = type === 'command_progress' ? data['command_id'] : type === 'command_result' ? data['id'] : undefined;
    const waiter = typeof id === 'string' ? this.#waiting.get(id) : undefined;
    if (waiter?.link !== link) return;
    if (type === 'command_result') {
      const { success, changed, output } = data;
      return waiter.resolve({ success: success === true, changed: changed === true, output: textOf(output) });
    }
    const { current, total, message } = data;
    waiter.onProgress?.({ current: Number(current), total: Number(total), message: textOf(message) });
  }

  /** A connection is gone: its commands fail. */
  disconnected(link: LinkNumber): void {
    for (const waiter of this.#waiting.values()) if (waiter.link === link) waiter.fail('disconnected');
  }
}

function textOf(value: RedPepperValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
