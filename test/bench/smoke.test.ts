import { describe, expect, test } from 'vitest';
import { type BenchResult, failuresOf, RESULT_SCHEMA } from '../../bench/result.ts';
import { runToEnd } from '../support/command.ts';

/** As short as each can be: whether it works is asked here, not how fast anything is. */
const shortest: Readonly<Record<string, readonly string[]>> = {
  'handshake-rate': ['--responders', 'dgram', '--window', '4', '--repeats', '1', '--run', '200ms', '--warm-up', '50ms'],
  'handshake-rate --workers': [
    ...['--responders', 'dgram', '--workers', '2', '--window', '4', '--repeats', '1'],
    ...['--run', '200ms', '--warm-up', '50ms'],
  ],
  'handshake-rate --mode psk': [
    ...['--mode', 'psk', '--responders', 'c,dgram', '--window', '2', '--repeats', '1'],
    ...['--run', '200ms', '--warm-up', '50ms'],
  ],
  'half-open': ['--sessions', '1000', '--handshakes', '1000'],
  'media-rate': ['--destinations', '2', '--repeats', '1', '--run', '50ms'],
  'camera-rate': ['--viewers', '2', '--repeats', '1', '--run', '300ms', '--sockets', 'dgram'],
  pacing: ['--streams', '2', '--sockets', 'dgram', '--warm-up', '100ms', '--run', '300ms'],
  micro: ['--only', 'codec,timers', '--repeats', '1', '--batch', '1ms'],
};

describe.concurrent('firstframe bench', () => {
  for (const [name, options] of Object.entries(shortest)) {
    const [bench = ''] = name.split(' ');
    test(`${name} measures something, and tells all of it as JSON`, { timeout: 120_000 }, async () => {
      const { stdout, stderr, code } = await runToEnd(['bench', bench, ...options, '--json', '-'], { ms: 110_000 });
      expect(code, stderr).toBe(0);
      const result = JSON.parse(stdout) as BenchResult;
      expect(result).toMatchObject({ schema: RESULT_SCHEMA, bench, complete: true });
      // Where there is no gcc, or no koffi, it says so instead.
      expect(result.cells.length + result.skipped.length, stdout).toBeGreaterThan(0);
      for (const cell of result.cells) {
        expect([cell.name, failuresOf(cell)]).toEqual([cell.name, 0]);
        expect(cell.attempts).toBeGreaterThan(0);
        for (const [measure, { count, p50 }] of Object.entries(cell.measures)) {
          expect([measure, count > 0, Number.isFinite(p50)]).toEqual([measure, true, true]);
        }
      }
    });
  }
});
