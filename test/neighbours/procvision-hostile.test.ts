import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { groupRuns } from '../../src/io/sources/process-group.ts';
import { LOG_LINE_CHARS_MAX, type LogLine, LogLines } from '../../src/neighbours/procvision/log-lines.ts';
import { ProcvisionError } from '../../src/neighbours/procvision/procvision-error.ts';
import {
  type ProcvisionRunner,
  type ProcvisionRunnerOptions,
  procvisionRunner,
} from '../../src/neighbours/procvision/runner.ts';
import { bytesOf } from '../support/heard.ts';

const algorithm = join(import.meta.dirname, '../support/procvision-algorithm.py');
const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
/** One process and no other, so that a test sees what became of it. */
const oneProcess = { restartsMax: 0 };

interface Run {
  readonly runner: ProcvisionRunner;
  readonly states: string[];
  readonly lines: LogLine[];
  readonly groups: Set<number>;
  /** The error of a call that fails. */
  failure(limitMs?: number): Promise<ProcvisionError>;
}

/** Runs the algorithm with these manners, and looks afterwards that nothing of it is left. */
async function withAlgorithm(
  manners: string,
  options: Partial<ProcvisionRunnerOptions>,
  test: (run: Run) => Promise<void>,
): Promise<void> {
  const states: string[] = [];
  const lines: LogLine[] = [];
  const groups = new Set<number>();
  const runner = procvisionRunner({
    command: 'python3',
    args: [algorithm, manners],
    helloMs: 10_000,
    restartBackoffMs: 20,
    ...options,
    onLog: (line) => lines.push(line),
    onState: (state) => {
      states.push(state);
      if (runner.pid !== undefined) groups.add(runner.pid);
    },
  });
  const failure = async (limitMs = 20_000): Promise<ProcvisionError> => {
    const error = await runner.execute({ image }, { limitMs }).then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    );
    if (error instanceof ProcvisionError) return error;
    throw error;
  };
  try {
    await test({ runner, states, lines, groups, failure });
  } finally {
    await runner.close();
  }
  // At once: a close is over when the last process of each group has gone.
  expect([...groups].filter((group) => groupRuns(group))).toEqual([]);
  expect(runner.sharedImages).toBe(0);
}

describe('a runner and an algorithm in Python', () => {
  it('have an image judged, and part in order', () =>
    withAlgorithm('image', {}, async ({ runner, states }) => {
      const result = await runner.execute({ image });
      expect([result.verdict, result.ngReason, result.data['shape'], result.data['total']]).toEqual([
        'NG',
        '划痕',
        [1, 2, 3],
        21,
      ]);
      const environment = readFileSync(`/proc/${runner.pid}/environ`, 'utf8').split('\0');
      const folder = environment.find((line) => line.startsWith('PROC_SHM_DIR='))?.split('=')[1] ?? '';
      expect(readdirSync(folder)).toEqual([]);
      expect(await runner.close()).toEqual({
        acknowledged: true,
        failed: false,
        process: { code: 0, signal: null },
      });
      expect(existsSync(folder)).toBe(false);
      expect(states).toEqual(['AwaitingHello', 'Ready', 'Busy', 'Ready', 'Stopping', 'Closed']);
    }));

  it('a close is over when the last of what the algorithm started has gone, and an end that nobody asked for too', async () => {
    await withAlgorithm('litters', {}, async ({ runner }) => {
      expect((await runner.execute({ image })).verdict).toBe('OK');
      const { pid = 0 } = runner;
      expect((await runner.close()).acknowledged).toBe(true);
      expect(groupRuns(pid)).toBe(false);
    });
    await withAlgorithm('litters', { restartBackoffMs: 10_000 }, async ({ runner, states, groups }) => {
      await runner.execute({ image });
      process.kill(runner.pid ?? 0, 'SIGKILL');
      await expect.poll(() => states.at(-1)).toBe('Restarting');
      expect([...groups].filter((group) => groupRuns(group))).toEqual([]);
    });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
    'leave nothing behind when %s ends the program of the runner: no process, no folder, no image',
    async (signal) => {
      const holder = spawn(
        process.execPath,
        [join(import.meta.dirname, '../support/procvision-holder.mjs'), algorithm],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const [line] = (await once(createInterface(holder.stdout), 'line')) as [string];
      const { pid, folder, images } = JSON.parse(line) as { pid: number; folder: string; images: number };
      expect([images, readdirSync(folder).length, groupRuns(pid)]).toEqual([1, 1, true]);
      holder.kill(signal);
      await once(holder, 'exit');
      await expect.poll(() => [existsSync(folder), groupRuns(pid)], { timeout: 5000 }).toEqual([false, false]);
    },
  );

  it('speaks of a technical error with its code, which is no verdict', () =>
    withAlgorithm('technical', {}, async ({ runner, failure }) => {
      const error = await failure();
      expect([error.code, error.errorCode, error.meanings.map(({ name }) => name)]).toEqual([
        'algorithmError',
        '1004',
        ['entry point not found', 'gpu_oom'],
      ]);
      expect(error.message).toContain('no GPU');
      expect(runner.state).toBe('Ready');
    }));

  it('NaN fails its call, and the next one is answered', () =>
    withAlgorithm('nan', {}, async ({ runner, failure }) => {
      expect((await failure()).code).toBe('badResult');
      expect((await failure()).code).toBe('badResult');
      expect([runner.counters.notJson, runner.counters.processes, runner.state]).toEqual([2, 1, 'Ready']);
    }));

  it('an error that is recoverable has the call made again, as often as was said and no more', async () => {
    await withAlgorithm('recovers', { retriesMax: 2 }, async ({ runner }) => {
      expect((await runner.execute({ image })).verdict).toBe('OK');
      expect(runner.counters.calls).toBe(3);
    });
    await withAlgorithm('recovers', { retriesMax: 1 }, async ({ failure }) => {
      expect((await failure()).errorCode).toBe('1005');
    });
    await withAlgorithm('technical', { retriesMax: 2 }, async ({ runner, failure }) => {
      expect((await failure()).errorCode).toBe('1004');
      expect(runner.counters.calls).toBe(1);
    });
  });

  it('speak v0.2 when the algorithm does', () =>
    withAlgorithm('v02', {}, async ({ runner }) => {
      const { data } = await runner.execute({ image, stepIndex: 2, pid: 'p001', userParams: { threshold: 0.7 } });
      expect(data['asked']).toMatchObject({
        phase: 'execute',
        step_index: 2,
        pid: 'p001',
        user_params: { threshold: 0.7 },
        shared_mem_id: expect.stringMatching(/^firstframe-[0-9a-f]{8}-1$/),
        image_meta: { width: 2, height: 1, camera_id: 'firstframe', color_space: 'RGB' },
      });
    }));

  it('a call that cannot be written is not made', () =>
    withAlgorithm('good', { messageBytesMax: 4096 }, async ({ runner }) => {
      const code = (call: Promise<unknown>) => call.catch((error: ProcvisionError) => error.code);
      expect(await code(runner.execute({ image, stepIndex: 0 }))).toBe('badCall');
      expect(await code(runner.execute({ image: { ...image, width: 3 } }))).toBe('badCall');
      expect(await code(runner.execute({ image, guideInfo: [Number.NaN] }))).toBe('badCall');
      expect(await code(runner.call('pre', { text: 'x'.repeat(4096) }))).toBe('tooLarge');
      expect([runner.counters.calls, runner.sharedImages]).toEqual([0, 0]);
    }));

  it('a call is cancelled, and what it would have brought is nobody else’s', () =>
    withAlgorithm('good', {}, async ({ runner }) => {
      await runner.ready;
      const controller = new AbortController();
      const call = runner.execute({ image }, { signal: controller.signal });
      controller.abort();
      await expect(call).rejects.toMatchObject({ code: 'cancelled' });
      expect((await runner.execute({ image })).verdict).toBe('OK');
    }));

  it('lines of standard error are heard, and no more of a long one than is told', () =>
    withAlgorithm('logs', {}, async ({ runner, lines }) => {
      await runner.execute({ image });
      expect(lines.map(({ text, cut }) => [text.length, cut])).toEqual([
        [LOG_LINE_CHARS_MAX, true],
        [37, false],
      ]);
      expect(lines[1]?.fields).toEqual({ level: 'info', message: 'ready' });
    }));
});

describe('an algorithm without manners', () => {
  it('that hangs in a call: timeout, ended, restarted', () =>
    withAlgorithm('hang', {}, async ({ runner, states, failure }) => {
      const error = await failure(200);
      expect(error.message).toBe(
        'timeout: the algorithm took too long, and is restarted: no answer within its time limit',
      );
      await runner.ready;
      expect(states.slice(0, 4)).toEqual(['AwaitingHello', 'Ready', 'Busy', 'Terminating']);
    }));

  it('that says nothing: helloTimeout, and failed after 3 restarts', () =>
    withAlgorithm('silent', { helloMs: 100 }, async ({ runner, failure }) => {
      const error = await failure();
      expect([error.code, runner.state, runner.counters.processes]).toEqual(['failed', 'Failed', 4]);
      expect(error.message).toContain('no hello within 100 ms; it was ended by SIGTERM');
      expect((await failure()).code).toBe('failed');
    }));

  it('that ignores SIGTERM, and so does its child: killed, both of them', () =>
    withAlgorithm('deaf', { ...oneProcess, helloMs: 2500, killMs: 100 }, async ({ states, failure }) => {
      expect((await failure()).message).toContain('it was ended by SIGKILL');
      expect(states).toEqual(['AwaitingHello', 'Terminating', 'Killing', 'Restarting', 'Failed']);
    }));

  it('that speaks before its hello: outOfOrder', () =>
    withAlgorithm('early', oneProcess, async ({ failure }) => {
      expect((await failure()).message).toContain('the first frame was "pong", not a hello');
    }));

  it('whose hello is wrong: badHello, and borne by a lenient runner', async () => {
    await withAlgorithm('bad-hello', oneProcess, async ({ failure }) => {
      expect((await failure()).message).toContain('sdk_version is not a text');
    });
    await withAlgorithm('bad-hello', { lenient: true, shutdownMs: 100 }, async ({ runner }) => {
      expect((await runner.ready).sdkVersion).toBe('3');
    });
  });

  it('that crashes in a call: exited, with its exit code and its last words, and restarted at most 3 times', () =>
    withAlgorithm('crash', {}, async ({ runner, failure }) => {
      for (let process = 1; process <= 4; process++) {
        const error = await failure();
        expect([error.code, runner.counters.processes]).toEqual(['exited', process]);
        expect(error.message).toContain('it ended with exit code 3');
      }
      expect((await failure()).code).toBe('failed');
      expect(runner.counters.processes).toBe(4);
    }));

  it('that floods standard output with text: protocol, and nothing of it is kept', () =>
    withAlgorithm('flood', oneProcess, async ({ runner, states, failure }) => {
      const error = await failure();
      expect(error.message).toContain('a frame longer than the limit, or no frame at all');
      expect([runner.counters.frameTooLarge, runner.counters.answers]).toEqual([1, 0]);
      await expect.poll(() => states.slice(-3)).toEqual(['Terminating', 'Restarting', 'Failed']);
    }));

  it('that floods standard output with frames: each is counted and none is kept', () =>
    withAlgorithm('frame-flood', {}, async ({ runner }) => {
      expect((await runner.execute({ image })).verdict).toBe('OK');
      expect(runner.counters.unknownType).toBe(20_000);
    }));

  it('that sends half a frame and ends: exited, told as such', () =>
    withAlgorithm('half', oneProcess, async ({ runner, failure }) => {
      const error = await failure();
      expect(error.message).toContain('its output ended within a frame; it ended with exit code 0');
      expect([runner.counters.truncated, runner.state]).toEqual([1, 'Failed']);
    }));

  it('that announces 4 GiB: protocol, refused at the header', () =>
    withAlgorithm('four-gib', oneProcess, async ({ runner, failure }) => {
      expect((await failure()).message).toContain('a frame longer than the limit');
      expect(runner.counters.frameTooLarge).toBe(1);
    }));

  it('that sends what is not JSON: protocol', () =>
    withAlgorithm('not-json', oneProcess, async ({ runner, failure }) => {
      const error = await failure();
      expect([error.code, runner.counters.badJson]).toEqual(['protocol', 1]);
      expect(error.message).toContain('a frame that is not JSON (4 bytes)');
    }));

  it('that answers another id: timeout, which says so', () =>
    withAlgorithm('wrong-id', {}, async ({ runner, failure }) => {
      const error = await failure(300);
      expect(error.code).toBe('timeout');
      expect(error.message).toContain(`an answer came for "someone else's", which nobody waits for`);
      expect(runner.counters.strayAnswers).toBe(1);
    }));

  it('whose entry point is missing: startup, with its code', () =>
    withAlgorithm('entry', oneProcess, async ({ runner, failure }) => {
      const error = await failure();
      expect(error.message).toContain(
        'it reported 1004 (adapter: entry point not found; specification: gpu_oom): entry_point not found',
      );
      await runner.close();
      expect(runner.state).toBe('Failed');
    }));

  it('that answers no pings: heartbeat', () =>
    withAlgorithm(
      'no-pong',
      { ...oneProcess, heartbeatIntervalMs: 50, heartbeatGraceMs: 50 },
      async ({ runner, states }) => {
        await runner.ready;
        await expect.poll(() => states.at(-1)).toBe('Failed');
        expect(states).toEqual(['AwaitingHello', 'Ready', 'Terminating', 'Restarting', 'Failed']);
      },
    ));

  it('that dies while it shuts down: closed, not acknowledged', () =>
    withAlgorithm('dies-in-shutdown', {}, async ({ runner, states }) => {
      await runner.ready;
      expect(await runner.close()).toEqual({
        acknowledged: false,
        failed: false,
        process: { code: null, signal: 'SIGKILL' },
      });
      expect(states.at(-1)).toBe('Closed');
      expect(states).not.toContain('Restarting');
    }));

  it('that does not shut down: ended', () =>
    withAlgorithm('no-shutdown', { shutdownMs: 100 }, async ({ runner }) => {
      await runner.ready;
      expect((await runner.close()).process).toEqual({ code: null, signal: 'SIGTERM' });
    }));

  it('that does not exist: notStarted', async () => {
    await withAlgorithm('', { ...oneProcess, command: '/nowhere/algorithm' }, async ({ failure }) => {
      expect((await failure()).message).toContain('it could not be started: spawn /nowhere/algorithm ENOENT');
    });
  });
});

describe('lines of standard error', () => {
  it('are cut out however they come, and what is held has a limit', () => {
    const lines: string[] = [];
    const reader = new LogLines(({ text }) => lines.push(text));
    for (const piece of ['a', 'b\nc\r', '\n\n', 'é']) reader.push(bytesOf(piece));
    for (let piece = 0; piece < 1000; piece++) reader.push(bytesOf('x'.repeat(1000)));
    expect(reader.held).toBe(LOG_LINE_CHARS_MAX);
    reader.end();
    expect([lines.slice(0, 2), lines[2]?.length]).toEqual([['ab', 'c'], LOG_LINE_CHARS_MAX]);
  });
});
