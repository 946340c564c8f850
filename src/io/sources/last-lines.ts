const LINE_CHARS_MAX = 500;

/** The last lines of a program's messages. A carriage return ends a line too: progress is written so. */
export class LastLines {
  readonly #linesMax: number;
  readonly #decoder = new TextDecoder();
  #lines: string[] = [];
  #open = '';

  constructor(linesMax = 20) {
    this.#linesMax = linesMax;
  }

  /** Oldest first, without empty ones, each cut to 500 characters. */
  get lines(): readonly string[] {
    return this.#keep([...this.#lines, this.#open]);
  }

  /** Takes the next piece. */
  push(chunk: Uint8Array): void {
    const parts = (this.#open + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]+/);
    this.#open = (parts.pop() ?? '').slice(0, LINE_CHARS_MAX);
    this.#lines = this.#keep([...this.#lines, ...parts]);
  }

  #keep(lines: readonly string[]): string[] {
    const said = lines.filter((line) => line.trim() !== '').map((line) => line.slice(0, LINE_CHARS_MAX));
    return said.slice(-this.#linesMax);
  }
}
