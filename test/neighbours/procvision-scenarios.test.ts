import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { groupRuns } from '../../src/io/sources/process-group.ts';
import type { JsonObject } from '../../src/neighbours/procvision/core/codec.ts';
import type { Phase } from '../../src/neighbours/procvision/core/messages.ts';
import { encodeNpy } from '../../src/neighbours/procvision/core/npy.ts';
import { procvisionRunner } from '../../src/neighbours/procvision/runner.ts';
import { ProcvisionPlayer } from '../support/procvision-player.ts';
import { type ProcvisionScenario, procvisionScenarios, procvisionVectors } from '../support/procvision-vectors.ts';

const support = join(import.meta.dirname, '../support');
const scenario = (name: string): ProcvisionScenario => {
  const found = procvisionScenarios.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no scenario ${name}`);
  return found;
};

/** Plays a scenario against an algorithm of the SDK; nothing of it may be left. */
async function played(name: string, ...args: readonly string[]): Promise<ProcvisionPlayer> {
  const player = new ProcvisionPlayer(process.execPath, [join(support, 'procvision-subject.mjs'), ...args]);
  try {
    await player.play(scenario(name).steps ?? []);
    // Scenarios without an end are ended here.
    if (name.startsWith('v02')) {
      await player.heard(scenario(name).expected.recorded?.frames.length ?? 0);
      player.child.stdin?.end();
    }
    await player.exit;
  } finally {
    player.child.kill('SIGKILL');
  }
  const { pid = 0 } = player.child;
  await expect.poll(() => groupRuns(pid)).toBe(false);
  return player;
}

const withoutTime = ({ timestamp_ms: _, ...rest }: JsonObject): JsonObject => rest;
const recorded = (name: string): JsonObject[] =>
  (scenario(name).expected.recorded?.frames ?? []).map(({ frame }) => withoutTime(frame));

describe('an algorithm of the SDK, in the recorded scenarios over pipes', () => {
  it.each([
    ['normal', 'normal', ''],
    ['frames-coalesced-and-after-shutdown', 'normal', ''],
    ['unknown-type-then-ping', 'normal', ''],
    ['input-closed', 'normal', ''],
    // The recorded runner says no hello before these calls.
    ['stdout-spam-default', 'prints', 'lenient'],
    ['result-not-an-object', 'number', 'lenient'],
    ['execute-raises', 'throws', 'lenient'],
  ])('%s: the frames of the reference, and exit code 0', async (name, manners, lenient) => {
    const player = await played(name, manners, lenient);
    expect(player.frames.map(withoutTime)).toEqual(recorded(name));
    expect(await player.exit).toEqual({ code: 0, signal: null });
    if (manners === 'prints') expect(player.errors).toContain('and one past Node');
  });

  it.each(['1', ' On '])(
    'stdout-spam-default with PROC_STRICT_STDIO=%j: the error 1010, and the next call is taken',
    async (strict) => {
      const subject = [join(support, 'procvision-subject.mjs'), 'printsOnce', 'lenient'];
      const player = new ProcvisionPlayer(process.execPath, subject, { PROC_STRICT_STDIO: strict });
      const call = (id: string) => ({
        json: JSON.stringify({
          type: 'call',
          request_id: id,
          data: { cur_image_shm_id: 'a', guide_image_shm_id: 'b' },
        }),
      });
      await player.play([
        { after_frames: 1, send: [call('r1'), call('r2'), call('r3'), call('r4')] },
        { after_frames: 5, send: [{ vector: 'shutdown' }] },
      ]);
      expect(await player.exit).toEqual({ code: 0, signal: null });
      expect(
        player.frames.slice(1).map(({ type, request_id: id, error_code: code, message }) => [type, id, code, message]),
      ).toEqual([
        ['result', 'r1', undefined, ''],
        ['error', 'r2', '1010', 'standard output is for frames only, and 100000 bytes were written to it'],
        ['error', 'r3', '1010', 'standard output is for frames only, and 13 bytes were written to it'],
        ['result', 'r4', undefined, ''],
        ['shutdown', undefined, undefined, undefined],
      ]);
      for (const said of ['while it is loaded', 'from a child', 'xxxx']) expect(player.errors).toContain(said);
    },
  );

  it.each(['zero-length-frame', 'bad-json', 'json-array', 'bad-utf8', 'length-ffffffff'])(
    '%s: an error that says so, and exit code 1',
    async (name) => {
      const player = await played(name, 'normal');
      const expected = procvisionVectors.find(
        ({ kind, recommended }) => kind === 'framing' && recommended?.error_frame,
      );
      expect(player.frames).toHaveLength(2);
      expect(player.frames[1]).toMatchObject(expected?.recommended?.error_frame ?? { missing: true });
      expect((await player.exit).code).toBe(1);
    },
  );

  it('call-without-runner-hello: refused, the connection stays', async () => {
    const player = await played('call-without-runner-hello', 'normal');
    expect(player.frames.map(({ type, request_id: id, error_code: code }) => [type, id, code])).toEqual([
      ['hello', undefined, undefined],
      ['error', 'r1', 'bad_state'],
      ['shutdown', undefined, undefined],
    ]);
    expect((await player.exit).code).toBe(0);
  });

  it('call-without-runner-hello: taken by a lenient one, as by the reference', async () => {
    const player = await played('call-without-runner-hello', 'normal', 'lenient');
    expect(player.frames.map(withoutTime)).toEqual(recorded('call-without-runner-hello'));
  });

  it('runner-silent: an error and the end, after its deadline', async () => {
    const player = new ProcvisionPlayer(process.execPath, [join(support, 'procvision-subject.mjs'), 'normal']);
    expect((await player.exit).code).toBe(1);
    expect(player.frames[1]).toMatchObject({ type: 'error', request_id: null, error_code: 'hello_timeout' });
  });

  it('ping-while-execute-runs: the pong comes first, then both results in order', async () => {
    const player = await played('ping-while-execute-runs', 'busy', 'lenient');
    expect(player.frames.map(({ type, request_id: id }) => [type, id])).toEqual([
      ['hello', undefined],
      ['pong', 'p1'],
      ['result', 'r1'],
      ['result', 'r2'],
      ['shutdown', undefined],
    ]);
  });

  it.each([
    ['entry-not-found', 'missing', '1004'],
    ['no-execute-method', 'missing', '1004'],
    ['entry-import-error', 'unloadable', '1000'],
  ])('%s: hello, an error without an id, and exit code 1', async (_, manners, code) => {
    const player = new ProcvisionPlayer(process.execPath, [join(support, 'procvision-subject.mjs'), manners]);
    expect((await player.exit).code).toBe(1);
    expect(player.frames.map(({ type }) => type)).toEqual(['hello', 'error']);
    expect(player.frames[1]).toMatchObject({ request_id: null, error_code: code });
  });

  it.each(['v02-phases', 'v02-life-cycle-phases'])('%s: frames of the recorded shape', async (name) => {
    const player = await played(name, 'phases');
    const shape = ({ type, request_id: id, status, data }: JsonObject): unknown[] => {
      const { phase, step_index: step, result_status: verdict } = (data ?? {}) as JsonObject;
      return [type, id, status, phase, step, verdict];
    };
    expect(player.frames.map(shape)).toEqual(recorded(name).map(shape));
    expect(player.frames[0]?.['capabilities']).toEqual(recorded(name)[0]?.['capabilities']);
  });
});

describe('an algorithm of the SDK, in trouble', () => {
  const call = (id: string) => ({
    json: JSON.stringify({
      type: 'call',
      request_id: id,
      data: { cur_image_shm_id: 'a', guide_image_shm_id: 'b', step_index: 1 },
    }),
  });
  const hello = { vector: 'runner-hello-full' };
  const start = (manners: string): ProcvisionPlayer =>
    new ProcvisionPlayer(process.execPath, [join(support, 'procvision-subject.mjs'), manners]);

  it('whose work ends by itself: each call is told, then the end, with exit code 1', async () => {
    const player = start('exits');
    await player.play([{ after_frames: 1, send: [hello, call('r1'), call('r2')] }]);
    expect((await player.exit).code).toBe(1);
    expect(player.frames.slice(1).map(({ request_id: id, error_code: code }) => [id, code])).toEqual([
      ['r1', '1009'],
      ['r2', '1009'],
      [null, '1009'],
    ]);
    expect(player.frames[1]?.['message']).toBe("the algorithm's process ended with exit code 5");
  });

  it('that computes for ever: pings are answered, and the end of its input ends all of it, after 2 s', async () => {
    const player = start('forever');
    await player.play([
      { after_frames: 1, send: [hello, call('r1'), { vector: 'ping-p1' }, { vector: 'ping-without-id' }] },
      { after_frames: 3, close_input: true },
    ]);
    expect((await player.exit).code).toBe(0);
    expect(player.frames.slice(1).map(({ type, request_id: id }) => [type, id])).toEqual([
      ['pong', 'p1'],
      ['pong', null],
      ['error', 'r1'],
    ]);
    await expect.poll(() => groupRuns(player.child.pid ?? 0)).toBe(false);
  });

  it('whose process for frames is killed: the one for the work ends too', async () => {
    const player = start('forever');
    await player.play([{ after_frames: 1, send: [hello, call('r1'), { vector: 'ping-p1' }] }]);
    await player.heard(2);
    player.child.kill('SIGKILL');
    await expect.poll(() => groupRuns(player.child.pid ?? 0), { timeout: 10_000 }).toBe(false);
  });

  it('answers a copy of a call from its memory, NaN with an error, and a call without images as the reference does', async () => {
    const player = start('normal');
    await player.play([
      { after_frames: 1, send: [hello, call('r1')] },
      { after_frames: 2, send: [call('r1'), { vector: 'call-empty-data' }] },
      { after_frames: 4, close_input: true },
    ]);
    await player.exit;
    expect(player.frames[2]).toEqual(player.frames[1]);
    const nan = start('nan');
    await nan.play([
      { after_frames: 1, send: [hello, call('r1'), { json: '{"type":"call","request_id":"r2","data":{}}' }] },
      { after_frames: 3, close_input: true },
    ]);
    await nan.exit;
    const errors = nan.frames.slice(1).map(({ request_id: id, error_code: code, message }) => [id, code, message]);
    expect(errors.sort()).toEqual([
      ['r1', '1000', 'invalid execute return: data.score is not a number that JSON can carry'],
      ['r2', '1000', 'missing cur_image_shm_id/guide_image_shm_id'],
    ]);
  });

  it.each(['00', '000000', '00000008', '000000087b2274'])(
    'whose input ends within a frame (%s): an error that says so, and exit code 1',
    async (hex) => {
      const player = start('normal');
      await player.play([
        { after_frames: 1, send: [hello, { vector: 'ping-p1' }, { hex }] },
        { after_frames: 2, close_input: true },
      ]);
      expect((await player.exit).code).toBe(1);
      expect(player.frames.slice(1)).toMatchObject([
        { type: 'pong', request_id: 'p1' },
        { type: 'error', request_id: null, status: 'ERROR', error_code: 'protocol_error' },
      ]);
      expect(player.frames[2]?.['message']).toBe('the input ended within a frame');
    },
  );

  it.each([
    ['shutdown', { send: [hello, call('r1'), { vector: 'shutdown' }] }],
    ['the end of its input', { send: [hello, call('r1')], close_input: true }],
  ])('answers a call that came just before %s', async (end, step) => {
    const player = start('normal');
    await player.play([{ after_frames: 1, one_write: true, ...step }]);
    expect((await player.exit).code).toBe(0);
    const types = player.frames.map(({ type }) => type);
    expect(types).toEqual(['hello', 'result', ...(end === 'shutdown' ? ['shutdown'] : [])]);
  });

  it('takes frames that come byte by byte', async () => {
    const player = start('normal');
    const bytes = procvisionVectors.filter(({ name }) => ['runner-hello-full', 'ping-p1', 'shutdown'].includes(name));
    await player.heard(1);
    for (const { hex } of bytes)
      for (const byte of hex.match(/../g) ?? []) await player.play([{ send: [{ hex: byte }] }]);
    expect((await player.exit).code).toBe(0);
    expect(player.frames.map(({ type }) => type)).toEqual(['hello', 'pong', 'shutdown']);
  });
});

describe('a runner and the recorded adapter, over pipes', () => {
  const scenarios = procvisionScenarios.filter(({ subject }) => subject === 'adapter');

  it.each(scenarios.map((one) => [one.name, one] as const))('%s', async (_, { steps = [], expected }) => {
    const frames = (expected.recorded?.frames ?? []).map(({ frame }) => frame);
    const exit = expected.recorded?.exit;
    const code = typeof exit === 'object' ? exit.code : 0;
    const runner = procvisionRunner({
      command: process.execPath,
      args: [join(support, 'procvision-recorded.mjs'), JSON.stringify({ frames, code })],
      restartsMax: 0,
      helloMs: 20_000,
    });
    const calls = steps.flatMap(({ send = [] }) => send.map(({ json = '{}' }) => JSON.parse(json) as JsonObject));
    const outcomes: unknown[] = [];
    await runner.ready;
    for (const { type, data } of calls) {
      if (type !== 'call') continue;
      const { phase, ...rest } = data as JsonObject & { phase?: Phase };
      const outcome = phase === undefined ? runner.execute(requestOf(rest)) : runner.call(phase, rest);
      outcomes.push(
        await outcome.then(
          ({ data: all }) => all,
          ({ code: why, errorCode }) => [why, errorCode],
        ),
      );
    }
    const answers = frames.filter(({ type, request_id: id }) => (type === 'result' || type === 'error') && id !== null);
    expect(outcomes).toEqual(
      answers.map(({ type, data, error_code: errorCode }) =>
        type === 'result' ? data : ['algorithmError', errorCode],
      ),
    );
    const startup = frames.find(({ type, request_id: id }) => type === 'error' && id === null);
    if (startup !== undefined) {
      // It may be gone already, which fails the call differently, with the same words.
      const error = await runner.execute(requestOf({})).catch((reason: Error) => reason);
      expect(String(error)).toContain(`it reported ${startup['error_code']}`);
    }
    const end = await runner.close();
    expect(end.failed).toBe(startup !== undefined);
    if (startup === undefined) expect([end.acknowledged, end.process]).toEqual([true, { code, signal: null }]);
  });
});

describe('a runner and an algorithm of the SDK', () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0);
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13);
  const sizes = { width: 2, height: 1 };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

  it('hand JPEG and PNG over as the bytes that they are, pixels as pixels, and say what is none of it', async () => {
    await using runner = procvisionRunner({
      command: process.execPath,
      args: [join(support, 'procvision-subject.mjs'), 'looks'],
      helloMs: 20_000,
    });
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const encoded = await runner.execute({ image: { ...sizes, encoded: jpeg }, guide: { ...sizes, encoded: png } });
    expect(encoded.data['told']).toEqual([`encoded ${hex(jpeg)}`, `encoded ${hex(png)}`]);
    const pixels = await runner.execute({ image: { ...sizes, data } });
    expect(pixels.data['told']).toEqual(['pixels 010203040506', 'pixels 010203040506']);
    const meta = { ...sizes, timestamp_ms: 0, camera_id: 'c' };
    const absent = await runner.execute({ image: { sharedId: 'nobody/s', meta } });
    expect(absent.data['told']).toEqual(['none', 'none']);
    expect(runner.sharedImages).toBe(0);
    for (const bad of [
      { ...sizes, encoded: data },
      { width: 0, height: 1, encoded: jpeg },
    ]) {
      await expect(runner.execute({ image: bad })).rejects.toMatchObject({ code: 'badCall' });
    }
    expect(runner.sharedImages).toBe(0);
  });

  it('find what somebody else has handed over in a folder that both know, also in BGR', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firstframe-images-'));
    try {
      await using runner = procvisionRunner({
        command: process.execPath,
        args: [join(support, 'procvision-subject.mjs'), 'looks'],
        env: { ...process.env, PROC_SHM_DIR: folder },
        helloMs: 20_000,
      });
      // As the reference names and writes them: all but letters, digits, `.`, `_` and `-` is `_`, and .npy comes before .bin.
      writeFileSync(join(folder, 'dev-shm_s1_cur.npy'), encodeNpy({ ...sizes, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }));
      writeFileSync(join(folder, 'dev-shm_s1_cur.bin'), jpeg);
      writeFileSync(join(folder, 'dev-shm_s1_guide.bin'), png);
      const meta = { ...sizes, timestamp_ms: 0, camera_id: 'c', color_space: 'BGR' } as const;
      const result = await runner.execute({
        image: { sharedId: 'dev-shm:s1:cur', meta },
        guide: { sharedId: 'dev-shm:s1:guide', meta },
      });
      expect(result.data['told']).toEqual(['pixels 030201060504', `encoded ${hex(png)}`]);
      await runner.close();
      // It was not the runner's to remove.
      expect(readdirSync(folder)).toHaveLength(3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function requestOf(data: JsonObject) {
  const meta = { width: 2, height: 1, timestamp_ms: 0, camera_id: 'c' };
  return {
    stepDesc: String(data['step_desc'] ?? ''),
    image: { sharedId: String(data['cur_image_shm_id'] ?? 'dev-shm:s1:cur'), meta },
    guide: { sharedId: String(data['guide_image_shm_id'] ?? 'dev-shm:s1:guide'), meta },
  };
}
