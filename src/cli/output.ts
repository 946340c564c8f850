import { writeSync } from 'node:fs';

/** Where a command's words go. Stdout may be a pipe for video, so that everything for people goes to stderr then. */
export interface Output {
  /** One line for people; nothing with `--json`. */
  line(text: string): void;
  /** The line that is rewritten each second; on no terminal a line each time. Nothing with `--json`. */
  status(text: string): void;
  /** An event for programs; nothing without `--json`. */
  event(event: { readonly event: string; readonly [field: string]: unknown }): void;
}

/** How to speak. */
export interface OutputOptions {
  readonly json: boolean;
  /** Media goes to stdout: speak on stderr. */
  readonly stdoutTaken: boolean;
}

/** The output of one command. */
export function commandOutput({ json, stdoutTaken }: OutputOptions): Output {
  const stream = stdoutTaken ? process.stderr : process.stdout;
  let statusShown = false;
  const write = (text: string): void => {
    stream.write(text);
  };
  return {
    line(text) {
      if (json) return;
      write(`${statusShown ? '\r\x1b[K' : ''}${text}\n`);
      statusShown = false;
    },
    status(text) {
      if (json) return;
      if (!stream.isTTY) return write(`${text}\n`);
      write(`\r\x1b[K${text.slice(0, Math.max(1, (stream.columns ?? 80) - 1))}`);
      statusShown = true;
    },
    event(event) {
      if (json) write(`${JSON.stringify(event, plain)}\n`);
    },
  };
}

/** Ids are hex in JSON, as in logs. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16).padStart(16, '0') : value;
}

/** An error for people, on stderr, also when the process is about to end. */
export function complain(text: string): void {
  try {
    writeSync(2, `firstframe: ${text}\n`);
  } catch {
    // Nobody is left to hear it.
  }
}
