import type { ResponderOutput } from '../../engine/io-types.ts';
import { CrossingKind, type Crossings } from './crossings.ts';
import type { TracedOutput } from './worker-messages.ts';

/** Outputs of one message at most. */
const OUTPUTS_MAX = 64;

/** A worker's trace on its way to the main thread: the outputs of one turn of the event loop go together. */
export class TraceLine {
  readonly #crossings: Crossings;
  readonly #say: (outputs: readonly TracedOutput[]) => void;
  readonly #dropped: (count: number) => void;
  #outputs: TracedOutput[] = [];
  #immediate: NodeJS.Immediate | undefined;

  /** @param dropped hears how many outputs were lost, because the main thread is too far behind. */
  constructor(crossings: Crossings, say: (outputs: readonly TracedOutput[]) => void, dropped: (count: number) => void) {
    this.#crossings = crossings;
    this.#say = say;
    this.#dropped = dropped;
  }

  add(output: ResponderOutput, atMs: number): void {
    this.#outputs.push({ output, atMs });
    if (this.#outputs.length >= OUTPUTS_MAX) this.flush();
    else this.#immediate ??= setImmediate(() => this.flush());
  }

  /** Sends what is there. */
  flush(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    const outputs = this.#outputs;
    if (outputs.length === 0) return;
    this.#outputs = [];
    if (this.#crossings.enter(CrossingKind.TRACE)) this.#say(outputs);
    else this.#dropped(outputs.length);
  }
}
