import { describe, expect, test } from 'vitest';
import { type PeerSample, runPeerLoad } from '../../bench/compare/peer-load.ts';
import { comparePeers, ours, peerNamed } from '../../bench/compare/peers.ts';
import { programCamera, programViewers } from '../../bench/compare/program.ts';
import { headingLine, rowLine } from '../../bench/compare/table.ts';
import { type BenchCell, measure } from '../../bench/result.ts';
import { read } from '../docs/markdown.ts';

/** A program that says `first`, and answers each line of its stdin by `answer`, an expression of `word` and `id`. */
function program(first: string, answer: string): readonly string[] {
  const script = `
    const say = (text) => { if (text) process.stdout.write(text + '\\n'); };
    say(${JSON.stringify(first)});
    require('node:readline').createInterface(process.stdin).on('line', (line) => {
      const [word, id] = line.split(' ');
      say(${answer});
    });`;
  return ['-e', script];
}

const load = { viewers: 3, perSecond: 1000, timeoutMs: 20_000, seed: 1 };

async function samplesOf(peer: Parameters<typeof runPeerLoad>[0], given = load): Promise<readonly PeerSample[]> {
  const samples: PeerSample[] = [];
  await runPeerLoad(peer, given, (sample) => samples.push(sample));
  return samples;
}

describe('peers of bench compare', () => {
  test('have a name of their own each, and say what is counted', () => {
    const names = comparePeers.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { counts, title } of comparePeers) expect(`${title}: ${counts}`).toMatch(/^\S.*: from .+ to /);
    expect(peerNamed('firstframe')).toBe(ours);
    expect(() => peerNamed('pigeon')).toThrow('there is no peer pigeon');
  });

  test('are all explained in the document', () => {
    const document = read('docs/COMPARE.md');
    for (const { name } of comparePeers) expect(document).toMatch(new RegExp(`^\\|[^|]*\`${name}\`.*\\|`, 'm'));
  });

  test('leave the viewer that saw media, and only that one', async () => {
    let [watched, left] = [0, 0];
    const samples = await samplesOf({
      watch: async () => {
        if (watched++ === 1) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
        return () => {
          left++;
        };
      },
    });
    expect(left).toBe(2);
    expect(samples.filter(({ ok }) => ok)).toHaveLength(2);
    expect(samples).toContainEqual({ ok: false, failure: 'ECONNREFUSED' });
  });

  test('that never answer are told to stop, and counted', async () => {
    const signals: AbortSignal[] = [];
    const watch = (signal: AbortSignal): Promise<never> => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const samples = await samplesOf({ watch }, { ...load, timeoutMs: 1 });
    expect(samples).toEqual(Array.from({ length: 3 }, () => ({ ok: false, failure: 'timeout' })));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  test('of another language are told of each viewer by a line, and answer by one', async () => {
    const answer = "word !== 'watch' ? '' : id === '1' ? 'failed 1 no such luck' : 'media ' + id";
    const viewers = await programViewers(process.execPath, program('', answer));
    const samples = await samplesOf(viewers);
    expect(samples.filter(({ ok }) => ok)).toHaveLength(2);
    expect(samples).toContainEqual({ ok: false, failure: 'no such luck' });
  });

  test('of another language that end fail all their viewers', async () => {
    const viewers = await programViewers(process.execPath, program('', 'process.exit(3)'));
    const samples = await samplesOf(viewers);
    const failure = `${process.execPath} ended with 3`.slice(0, 60);
    expect(samples).toEqual(Array.from({ length: 3 }, () => ({ ok: false, failure })));
  });

  test('of another language whose camera ends before it listens say so', async () => {
    await expect(programCamera(process.execPath, ['-e', 'process.exit(4)'])).rejects.toThrow('ended with 4');
    await expect(programCamera('/nonexistent/program', [])).rejects.toThrow('ENOENT');
  });
});

describe('the table of bench compare', () => {
  const cellOf = (timesMs: readonly number[], failures: BenchCell['failures'] = {}): BenchCell => ({
    name: 'cell',
    parameters: {},
    attempts: timesMs.length,
    failures,
    measures: { 'time to first media': measure(timesMs, { unit: 'ms' }) },
    totals: {
      'packets to the camera': 8,
      'packets to the viewers': 12,
      'bytes to the camera': 40,
      'bytes to the viewers': 60,
    },
    processes: {},
    lateness: {},
  });

  test('tells a peer as a multiple of ours, and what each viewer cost the link', () => {
    const ours = measure([100, 200], { unit: 'ms' });
    const row = rowLine({ peer: 'tcp', cell: cellOf([300, 300, 300, 300]), ours });
    expect(row.trim().split(/\s{2,}/)).toEqual([
      'tcp',
      '4',
      '0',
      '300.0',
      '300.0',
      '300.0',
      '300.0',
      '3.00 x',
      '1.50 x',
      '5.00',
      '25.00',
      '-',
    ]);
    expect(
      headingLine()
        .trim()
        .split(/\s{2,}/),
    ).toHaveLength(12);
    expect(row.length).toBe(headingLine().length);
  });

  test('has no ratio where ours was not measured or a peer never came', () => {
    const never = cellOf([300, Number.POSITIVE_INFINITY], { timeout: 1 });
    const ours = measure([100], { unit: 'ms' });
    expect(rowLine({ peer: 'tcp', cell: never, ours })).toMatch(/ 1 +300\.0 +never +never +never +3\.00 x +- /);
    expect(rowLine({ peer: 'tcp', cell: never, ours: undefined })).not.toMatch(/ x/);
  });
});
