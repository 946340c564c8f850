import { describe, expect, it } from 'vitest';
import { linearTicks, logTicks, scaleOf } from '../../src/report/axis.ts';
import { chartFigure, type LineChart, lineChart } from '../../src/report/charts.ts';
import { heatTable } from '../../src/report/heat-table.ts';
import { htmlPage, standaloneSvg } from '../../src/report/html.ts';

const chart: LineChart = {
  title: 'Loss & <delay>',
  subtitle: '"quoted"',
  x: { label: 'ms', scale: 'linear' },
  y: { label: 'share', scale: 'log', from: 0.001, to: 1 },
  series: [
    {
      name: 'a < b',
      points: [
        [0, 1],
        [10, 0.1],
        [20, 0],
        [30, 0.01],
      ],
    },
    {
      name: 'expected',
      points: [
        [0, 1],
        [Number.POSITIVE_INFINITY, 0.5],
        [30, 0.02],
      ],
      dashed: true,
    },
  ],
};

/** Element names of markup, in order; throws where they do not nest. */
function elements(markup: string): string[] {
  const open: string[] = [];
  const seen: string[] = [];
  for (const [, closing, name = '', rest = ''] of markup.matchAll(/<(\/?)([a-zA-Z][\w]*)([^<>]*)>/g)) {
    if (closing === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    seen.push(name);
    if (!rest.endsWith('/') && name !== 'meta') open.push(name);
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`);
  return seen;
}

describe('axes', () => {
  it('have round ticks between their ends', () => {
    expect(linearTicks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks(100, 664)).toEqual([100, 200, 300, 400, 500, 600]);
    expect(linearTicks(-3, 3)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
    expect(logTicks(1, 100)).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(logTicks(0.0001, 1)).toEqual([0.0001, 0.001, 0.01, 0.1, 1]);
    expect(logTicks(1e-12, 1).length).toBeLessThanOrEqual(8);
  });

  it('find room for a single value, and for none', () => {
    for (const scale of ['linear', 'log'] as const) {
      const one = scaleOf({ label: '', scale }, [5]);
      expect(one.place(5)).toBeCloseTo(0.5, 12);
      const none = scaleOf({ label: '', scale }, []);
      expect(none.ticks.length).toBeGreaterThan(1);
    }
    expect(scaleOf({ label: '', scale: 'log' }, [0, 1, 100, Number.NaN]).place(10)).toBeCloseTo(0.5, 12);
  });
});

describe('charts', () => {
  it('are well-formed, whatever their texts are', () => {
    const svg = lineChart(chart);
    expect(elements(svg).filter((name) => name === 'polyline')).toHaveLength(2);
    expect(svg).toContain('Loss &amp; &lt;delay&gt;');
    expect(svg).toContain('a &lt; b');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(elements(chartFigure(chart))).toContain('figcaption');
    expect(standaloneSvg(svg)).toMatch(/^<svg [^>]*><style>/);
  });

  it('leave out what an axis cannot show, and keep the rest in place', () => {
    const [first, second] = [...lineChart(chart).matchAll(/<polyline[^>]*points="([^"]*)"/g)].map(
      ([, points]) => points,
    );
    expect(first?.split(' ')).toHaveLength(3);
    expect(second?.split(' ')).toHaveLength(2);
    expect(first?.split(' ')[0]).toBe(second?.split(' ')[0]);
  });

  it('colour ordered series from cool to hot', () => {
    const series = Array.from({ length: 11 }, (_, at) => ({ name: `${at}`, points: [[0, 1]] as [number, number][] }));
    const tones = [...lineChart({ ...chart, series, ordered: true }).matchAll(/polyline class="line (step\d)/g)];
    expect(tones.map(([, tone]) => tone)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5].map((at) => `step${at}`));
  });
});

describe('pages', () => {
  it('need nothing else and are well-formed', () => {
    const table = heatTable({
      title: 'T',
      rowLabel: 'r',
      columnLabel: 'c',
      rows: ['1', '2'],
      columns: ['a', 'b'],
      cells: [
        [
          { value: 1, text: '1' },
          { value: 10, text: '10' },
        ],
        [{ value: 100, text: '<100>' }],
      ],
      log: true,
    });
    expect([...table.matchAll(/--heat:(\d+)%/g)].map(([, heat]) => heat)).toEqual(['0', '50', '100']);
    const page = htmlPage({
      title: 'A & B',
      intro: ['x'],
      facts: [['seed', '1']],
      figures: [table, chartFigure(chart)],
    });
    const markup = page.replace('<!doctype html>', '').replace(/<style>[\s\S]*?<\/style>/, '');
    expect(elements(markup)).toEqual(expect.arrayContaining(['html', 'h1', 'dl', 'table', 'svg']));
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|@import/);
    expect(page).toContain('&lt;100&gt;');
  });
});
