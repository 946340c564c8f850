import type { MediaSource, SourceDescription, SourceTarget } from '../media-source.ts';
import { checkFramesPerSecond } from './frame-rate.ts';
import { describeH264 } from './h264-description.ts';
import { LiveAnnexB } from './live-annex-b.ts';
import { ShellCommand } from './shell-command.ts';
import { SourceError } from './source-error.ts';
import { systemTiming, type Timing } from './timing.ts';

/** How a command is run. */
export interface ExecSourceOptions {
  /** Timestamps advance by this rate, 0.01..1000. Default: they are the times of arrival. */
  readonly framesPerSecond?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/**
 * Takes H.264 (Annex B) from the stdout of a shell command, frame by frame as in `h264Stream`. When the command ends with a code
 * other than 0, or without any H.264, the stream fails with what it last wrote to stderr. `stop` ends it and all that it started.
 *
 * Throws {@link SourceError} for an empty command or an impossible frame rate.
 */
export function execSource(command: string, options: ExecSourceOptions = {}): MediaSource {
  checkFramesPerSecond(options.framesPerSecond);
  if (command.trim() === '') {
    throw new SourceError('there is no command to run', "give one, as in exec:'ffmpeg -i input -c:v copy -f h264 -'");
  }
  return new ExecSource(command, options);
}

/** One run from `start` to `stop`. */
interface Run {
  readonly process: ShellCommand;
  readonly live: LiveAnnexB;
  stopped: boolean;
}

class ExecSource implements MediaSource {
  readonly runs = 'always';
  readonly #command: string;
  readonly #options: ExecSourceOptions;
  #run: Run | undefined;

  constructor(command: string, options: ExecSourceOptions) {
    this.#command = command;
    this.#options = options;
  }

  describe(): SourceDescription {
    return this.#run?.live.describe() ?? describeH264([], this.#options.framesPerSecond);
  }

  async start(target: SourceTarget): Promise<void> {
    if (this.#run !== undefined) throw new SourceError(`"${this.#command}" runs already`, 'stop it first');
    const timing = this.#options.timing ?? systemTiming;
    const process = new ShellCommand(this.#command, 'stdout', timing);
    const { stdout } = process;
    if (stdout === undefined)
      throw new SourceError('/bin/sh has no stdout', 'check the limit on open files (ulimit -n)');
    const run: Run = { process, live: new LiveAnnexB(stdout, target, timing, this.#options), stopped: false };
    this.#run = run;
    run.live.begin();
    process.ended.then((end) => {
      if (run.stopped) return;
      run.live.finish();
      run.stopped = true;
      if (end.ok && run.live.frames > 0) return target.end();
      const without = run.live.frames > 0 ? '' : ' without writing any H.264 to stdout';
      target.fail(new SourceError(`"${this.#command}"${without} ${end.how}`, end.hint));
    });
    try {
      await process.spawned;
    } catch (error) {
      run.stopped = true;
      this.#run = undefined;
      throw new SourceError('/bin/sh cannot be run', 'the source exec: needs a POSIX shell', { cause: error });
    }
  }

  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    run.stopped = true;
    run.live.stop();
    // A full pipe must not keep the command from ending.
    run.process.stdout?.destroy();
    await run.process.terminate();
    if (this.#run === run) this.#run = undefined;
  }
}
