import type { Timing } from '../../io/sources/timing.ts';
import { packValue, type RedPepperMap, type RedPepperValue } from './core/value.ts';
import { RedPepperRefusal } from './redpepper-error.ts';

/** A request as its handler sees it. */
export interface RedPepperCall {
  /** Identity of the agent that asks; `undefined` when the manager does. */
  readonly agent: string | undefined;
  readonly args: readonly string[];
  readonly kwargs: RedPepperMap;
  /** Aborted when the connection ends, or the time is over. */
  readonly signal: AbortSignal;
}

/** Works on a request. What it throws the peer does not see, except for a RedPepperRefusal. */
export type RedPepperHandler = (
  call: RedPepperCall,
) => RedPepperValue | undefined | Promise<RedPepperValue | undefined>;

/** Handlers by the names of their methods. */
export type RedPepperMethods = Readonly<Record<string, RedPepperHandler>>;

/** How long a handler may take by default, in ms. */
export const WORK_MS = 30_000;

/** What the peer is told of an error that is not its business. */
const MASKED = 'RPC call failed';

/** The answer to a request. */
export interface Answer {
  readonly success: boolean;
  readonly data: RedPepperValue;
}

/** The method of a request; it does not fail, it answers. @param failed told of errors that are masked. */
export async function answerCall(
  methods: RedPepperMethods,
  method: string,
  call: RedPepperCall,
  failed: (method: string, error: unknown) => void,
): Promise<Answer> {
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (handler === undefined) return { success: false, data: `Method ${method.slice(0, 100)} not found` };
  try {
    const data = (await handler(call)) ?? null;
    // A result that no message can carry is a failure of the handler, not of the connection.
    packValue(data);
    return { success: true, data };
  } catch (error) {
    if (error instanceof RedPepperRefusal) return { success: false, data: error.message };
    failed(method, error);
    return { success: false, data: MASKED };
  }
}

/** Works until it is done, or the time or the connection is over. */
export function withinLimit(
  work: (signal: AbortSignal) => Promise<Answer>,
  ended: AbortSignal,
  limitMs: number,
  timing: Timing,
): Promise<Answer> {
  const controller = new AbortController();
  return new Promise((resolve) => {
    const over = (data: string) => (): void => {
      controller.abort();
      done({ success: false, data });
    };
    const late = over('time limit reached');
    const gone = over('disconnected');
    const cancel = timing.after(limitMs, late);
    const done = (answer: Answer): void => {
      cancel();
      ended.removeEventListener('abort', gone);
      resolve(answer);
    };
    ended.addEventListener('abort', gone, { once: true });
    if (ended.aborted) return gone();
    void work(controller.signal).then(done);
  });
}

/** The manager's method `custom`: the first argument names the module that is asked. */
export function customMethod(modules: RedPepperMethods): RedPepperHandler {
  return (call) => {
    const [name, ...args] = call.args;
    if (name === undefined) throw new TypeError('no module named');
    const handler = Object.hasOwn(modules, name) ? modules[name] : undefined;
    if (handler === undefined) throw new RedPepperRefusal(`request module not found: ${name.slice(0, 100)}`);
    return handler({ ...call, args });
  };
}
