import type { ReceivedFrame } from '../../media/access-unit.ts';
import type { MediaSink } from '../media-sink.ts';
import { ShellCommand } from '../sources/shell-command.ts';
import { systemTiming, within } from '../sources/timing.ts';
import type { AnnexBReport, AnnexBSink, AnnexBSinkOptions } from './annexb-sink.ts';
import { FrameWriter } from './frame-writer.ts';
import { SinkError } from './sink-error.ts';

/** How long a command has to end after its input did, in ms; SIGTERM follows, and SIGKILL 2 s later. */
export const END_AFTER_INPUT_MS = 3000;

/**
 * Writes frames into the stdin of a shell command, as `annexbFile` does into a file. When the command ends by itself, `onFailure` is
 * told with what it last wrote to stderr; its stdout goes to stderr of this process. `close` ends its input, and it if need be.
 *
 * Throws {@link SinkError} for an empty command.
 */
export function execSink(command: string, options: AnnexBSinkOptions = {}): AnnexBSink {
  if (command.trim() === '') throw new SinkError('there is no command to run', "give one, as in exec:'ffplay -'");
  return new ExecSink(command, options);
}

class ExecSink implements MediaSink {
  readonly wants = 'frames';
  onFailure?: (error: Error) => void;
  readonly #process: ShellCommand;
  readonly #writer: FrameWriter;
  readonly #options: AnnexBSinkOptions;
  #closing: Promise<AnnexBReport> | undefined;
  #terminated = false;

  constructor(command: string, options: AnnexBSinkOptions) {
    const process = new ShellCommand(command, 'stdin', options.timing ?? systemTiming);
    this.#process = process;
    this.#options = options;
    if (process.stdin === undefined) {
      throw new SinkError('/bin/sh has no stdin', 'check the limit on open files (ulimit -n)');
    }
    // That the input broke is told by the command's end, which says why.
    this.#writer = new FrameWriter(process.stdin, () => {}, options.pendingBytesMax);
    process.ended.then((end) => {
      if (this.#terminated || (this.#closing !== undefined && end.ok)) return;
      this.onFailure?.(new SinkError(`"${command}" ${end.how}`, end.hint));
    });
  }

  describe(): void {}

  frame(frame: ReceivedFrame): void {
    if (this.#closing === undefined) this.#writer.frame(frame);
  }

  datagram(): void {}

  close(): Promise<AnnexBReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<AnnexBReport> {
    this.#process.stdin?.end();
    const { ended } = this.#process;
    if (!(await within(ended, END_AFTER_INPUT_MS, this.#options.timing ?? systemTiming))) {
      this.#terminated = true;
      await this.#process.terminate();
    }
    return { target: `exec:${this.#process.command}`, ...this.#writer.counts };
  }
}
