import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { describe, expect, test } from 'vitest';
import { LineLimit } from '../../src/observe/line-limit.ts';
import { createLog, isLogLevel, type LogLevel, logLevels, sessionLog } from '../../src/observe/log.ts';
import { DROP_LINES_PER_SECOND, LINES_PER_SECOND, OutputLog, outputLine } from '../../src/observe/output-log.ts';
import { plainText } from '../../src/observe/text.ts';
import {
  camera,
  closed,
  drop,
  frameOf,
  frames,
  type Output,
  STREAM_ID,
  secretSpellings,
  traced,
  transition,
  viewer,
} from './outputs.ts';

/** A log whose lines are kept, beside a clock that stands still until it is moved. */
function recorded(level?: LogLevel) {
  const lines: string[] = [];
  const log = createLog({ ...(level === undefined ? {} : { level }), write: (line) => lines.push(line) });
  const clock = { nowMs: 0 };
  const outputs = new OutputLog(log, () => clock.nowMs);
  const parsed = () => lines.map((line): Record<string, unknown> => JSON.parse(line));
  return { log, lines, parsed, clock, outputs };
}

/** Runs a script beside some modules of src/observe in a process of its own; Node 20 takes JavaScript only. */
function runInChild(modules: readonly string[], script: string) {
  const root = resolve(import.meta.dirname, '../..');
  const directory = mkdtempSync(join(tmpdir(), 'firstframe-log-'));
  const compilerOptions = {
    target: ScriptTarget.ES2023,
    module: ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
  };
  try {
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    writeFileSync(join(directory, 'script.js'), script);
    for (const name of modules) {
      const source = readFileSync(join(root, 'src/observe', `${name}.ts`), 'utf8');
      writeFileSync(join(directory, `${name}.js`), transpileModule(source, { compilerOptions }).outputText);
    }
    return spawnSync(process.execPath, ['script.js'], { cwd: directory, encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('the logger', () => {
  test('writes one JSON line with level, time, message and fields, and nothing of the machine', () => {
    const { log, lines, parsed } = recorded();
    log.info({ port: 4444 }, 'listening');
    log.debug({}, 'not at this level');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(parsed()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      port: 4444,
      msg: 'listening',
    });
  });

  test('has a child per session, which names role, stream id and peer', () => {
    const { log, parsed } = recorded();
    sessionLog(log, { role: 'responder', streamId: 0xabn, peer: viewer }).warn({ lost: 3 }, 'loss');
    expect(parsed()[0]).toMatchObject({ role: 'responder', stream: '00000000000000ab', peer: '[::1]:50123', lost: 3 });
  });

  test('knows its levels by name', () => {
    for (const level of logLevels) expect(isLogLevel(level)).toBe(true);
    expect(isLogLevel('verbose')).toBe(false);
    expect(createLog({ level: 'silent' }).isLevelEnabled('error')).toBe(false);
  });

  test('writes to stderr at once: the last line before the process is killed is there, and stdout stays empty', () => {
    const script = `import { createLog } from './log.js';
      createLog().info({ code: 'BUSY' }, 'last words'); process.kill(process.pid, 'SIGKILL');`;
    const { signal, stdout, stderr } = runInChild(['log', 'text'], script);
    expect({ signal, stdout }).toEqual({ signal: 'SIGKILL', stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ level: 'info', code: 'BUSY', msg: 'last words' });
  });
});

describe('the engine’s outputs as lines', () => {
  test('a frame tells direction, type, attempt, size, stream id and peer', () => {
    expect(outputLine(traced(frameOf('START', 3)))).toEqual({
      message: 'sent START',
      fields: {
        direction: 'sent',
        type: 'START',
        attempt: 3,
        bytes: 256,
        stream: '0123456789abcdef',
        peer: '127.0.0.1:4444',
      },
    });
    expect(outputLine(traced(frameOf('START_CONFIRM')))?.fields).not.toHaveProperty('attempt');
  });

  test.each([
    ['ERROR', 'BUSY'],
    ['BYE', 'APPLICATION'],
    ['RESET', 'NO_SESSION'],
  ] as const)('%s tells its code', (type, code) => {
    expect(outputLine(traced(frameOf(type), 'received', 60, viewer))).toMatchObject({
      message: `received ${type}`,
      fields: { code, peer: '[::1]:50123' },
    });
  });

  test('a transition tells from, to and the event', () => {
    expect(outputLine(transition)).toMatchObject({
      message: 'AwaitingStartAck -> AwaitingStartConfirm',
      fields: { role: 'initiator', session: 1, event: 'frame.START_ACK' },
    });
  });

  test('a drop tells why', () => {
    expect(outputLine(drop)).toEqual({
      message: 'datagram without effect',
      fields: { reason: 'crc', peer: '[::1]:50123', bytes: 99 },
    });
  });

  test('streaming tells what each role knows', () => {
    const viewerSide = { kind: 'streaming', elapsedMs: 12, attempts: 2 } as const;
    expect(outputLine(viewerSide)?.fields).toEqual({ elapsedMs: 12, attempts: 2 });
    expect(outputLine({ ...viewerSide, rttMs: 5 })?.fields).toEqual({ elapsedMs: 12, attempts: 2, rttMs: 5 });
    expect(outputLine({ kind: 'streaming', session: 4, peer: viewer, streamId: STREAM_ID })?.fields).toEqual({
      session: 4,
      stream: '0123456789abcdef',
      peer: '[::1]:50123',
    });
  });

  test('a move tells from where to where', () => {
    const before = { address: '::1', port: 50_122 };
    expect(outputLine({ kind: 'moved', session: 4, streamId: STREAM_ID, before, peer: viewer })).toEqual({
      message: 'moved',
      fields: { session: 4, stream: '0123456789abcdef', before: '[::1]:50122', peer: '[::1]:50123' },
    });
  });

  test('an end tells its code, and the peer’s words without what a terminal obeys', () => {
    expect(outputLine(closed(12))?.fields).toMatchObject({ code: 'PEER_DEAD', wasStreaming: true, attempts: 3 });
    expect(outputLine(closed(12))?.fields).not.toHaveProperty('reason');
    expect(outputLine(closed(21, 'no\u001b[2J\u009b'))?.fields).toMatchObject({ reason: 'no\u{FFFD}[2J\u{FFFD}' });
  });

  test('media and bytes for the socket are no news', () => {
    const send: Output = { kind: 'send', plane: 'control', bytes: new Uint8Array(1), to: camera };
    const { lines, outputs } = recorded('debug');
    for (const output of [send, { kind: 'firstMedia', timeToStreamMs: 1 } as const]) outputs.add(output);
    expect(lines).toEqual([]);
    expect(outputLine(send)).toBeUndefined();
  });

  test('a foreign text is cut', () => {
    expect(plainText('x'.repeat(500))).toBe(`${'x'.repeat(200)}…`);
  });
});

describe('S16 the rate of lines is bounded', () => {
  test('of any number of drops in a second ten are logged, then one line says how many were left out', () => {
    const { parsed, clock, outputs } = recorded('debug');
    for (let i = 0; i < 1000; i++) outputs.add(drop);
    expect(parsed()).toHaveLength(DROP_LINES_PER_SECOND);
    clock.nowMs = 1000;
    outputs.add(drop);
    expect(parsed().slice(DROP_LINES_PER_SECOND)).toMatchObject([
      { msg: 'lines left out', leftOut: 990, of: 'drops' },
      { msg: 'datagram without effect' },
    ]);
  });

  test('no second of any phase has more than ten, and one summary, however drops are placed', () => {
    const { lines, clock, outputs } = recorded('debug');
    const writtenAtMs: number[] = [];
    for (clock.nowMs = 0; clock.nowMs < 10_000; clock.nowMs += 7) {
      const before = lines.length;
      outputs.add(drop);
      for (let i = before; i < lines.length; i++) writtenAtMs.push(clock.nowMs);
    }
    for (const fromMs of writtenAtMs) {
      const inSecond = writtenAtMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1000);
      expect(inSecond.length).toBeLessThanOrEqual(DROP_LINES_PER_SECOND + 1);
    }
    expect(writtenAtMs.length).toBeGreaterThan(90);
  });

  test('the summary also comes with another line, and at the end', () => {
    const { parsed, clock, outputs } = recorded('debug');
    for (let i = 0; i < 13; i++) outputs.add(drop);
    clock.nowMs = 999;
    outputs.add(transition);
    expect(parsed().filter(({ msg }) => msg === 'lines left out')).toEqual([]);
    clock.nowMs = 1500;
    outputs.add(transition);
    expect(parsed().filter(({ msg }) => msg === 'lines left out')).toMatchObject([{ leftOut: 3 }]);
    for (let i = 0; i < 12; i++) outputs.add(drop);
    outputs.flush();
    outputs.flush();
    expect(parsed().filter(({ msg }) => msg === 'lines left out')).toMatchObject([{ leftOut: 3 }, { leftOut: 2 }]);
  });

  test('a flood of well-formed frames fills no disk, and does not silence the drops', () => {
    const { parsed, outputs } = recorded('debug');
    for (let i = 0; i < LINES_PER_SECOND + 500; i++) outputs.add(traced(frameOf('START')));
    outputs.add(drop);
    expect(parsed()).toHaveLength(LINES_PER_SECOND + 1);
    outputs.flush();
    expect(parsed().at(-1)).toMatchObject({ leftOut: 500, of: 'others' });
  });

  test('a limit lets the first line through at any time of the clock', () => {
    expect(new LineLimit(1).allow(-1e9)).toBe(true);
    expect(new LineLimit(1).takeLeftOut(1e9)).toBe(0);
  });

  test('while the level is off nothing is read, formatted or asked', () => {
    const { lines, log } = recorded('info');
    const outputs = new OutputLog(log, () => {
      throw new Error('the clock was asked');
    });
    const untouchable = new Proxy({} as Output, {
      get: () => {
        throw new Error('the output was read');
      },
    });
    outputs.add(untouchable);
    outputs.flush();
    expect(lines).toEqual([]);
  });
});

test('no secret is in any line, in hex, base64 or as numbers', () => {
  const { lines, outputs } = recorded('debug');
  for (const frame of frames) outputs.add(traced(frame));
  for (const output of [transition, drop, closed(0)]) outputs.add(output);
  expect(lines.length).toBe(frames.length + 3);
  const text = lines.join('').toLowerCase();
  for (const spelling of secretSpellings()) expect(text).not.toContain(spelling.toLowerCase());
});
