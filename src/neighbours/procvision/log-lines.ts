import { isObject, type JsonObject } from './core/codec.ts';

/** Longest line that is told, in characters; the rest of a longer one is left out. */
export const LOG_LINE_CHARS_MAX = 8192;

/** A line of an algorithm's standard error. */
export interface LogLine {
  /** As it came, at most 8,192 characters. */
  readonly text: string;
  /** The line as JSON, when it is an object. */
  readonly fields?: JsonObject;
  /** It was longer. */
  readonly cut: boolean;
}

/** Cuts standard error into lines. Holds one line at most, and of that no more than can be told. */
export class LogLines {
  readonly #tell: (line: LogLine) => void;
  readonly #decoder = new TextDecoder();
  #open = '';
  #cut = false;

  constructor(tell: (line: LogLine) => void) {
    this.#tell = tell;
  }

  /** Characters that are held. */
  get held(): number {
    return this.#open.length;
  }

  /** Takes the next piece. */
  push(chunk: Uint8Array): void {
    const parts = this.#decoder.decode(chunk, { stream: true }).split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      this.#add(part);
      this.end();
    }
    this.#add(last);
  }

  /** The line that is held is complete. */
  end(): void {
    const text = this.#open.trimEnd();
    const cut = this.#cut;
    this.#open = '';
    this.#cut = false;
    if (text === '') return;
    const fields = cut || !text.startsWith('{') ? undefined : fieldsOf(text);
    this.#tell(fields === undefined ? { text, cut } : { text, fields, cut });
  }

  #add(part: string): void {
    const room = LOG_LINE_CHARS_MAX - this.#open.length;
    if (part.length > room) this.#cut = true;
    this.#open += part.slice(0, room);
  }
}

function fieldsOf(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
