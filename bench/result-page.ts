import { escaped } from '../src/report/escape.ts';
import { htmlPage } from '../src/report/html.ts';
import { type BenchCell, type BenchResult, failuresOf, referenceOf } from './result.ts';
import { machineText, ratioText, valueText, wantedText } from './result-text.ts';

/** A result as one HTML page: its figures, then all of its numbers. */
export function resultPage(result: BenchResult, summary: string, figures: readonly string[]): string {
  const { bench, command, madeAt, machine, seed, limitsRaised, skipped, cells, complete } = result;
  const raised = Object.entries(limitsRaised).map(([name, value]) => `${name} ${value}`);
  return htmlPage({
    title: `firstframe bench ${bench}`,
    intro: [summary, ...(complete ? [] : ['It was stopped before all was measured.'])],
    facts: [
      ['command', `firstframe ${command}`],
      ['made', madeAt],
      ['machine', machineText(machine)],
      ['seed', String(seed)],
      ...(raised.length === 0 ? [] : [['limits raised', raised.join(', ')] as const]),
      ...skipped.map((reason) => ['left out', reason] as const),
    ],
    figures: [...figures, ...cells.map((cell) => cellTable(cell, result.references))],
  });
}

function cellTable(cell: BenchCell, references: BenchResult['references']): string {
  const rows = Object.entries(cell.measures).map(([name, measure]) => {
    const { unit, p50, p90, p99, p999, max } = measure;
    const reference = referenceOf(cell, measure, references);
    const times = reference === undefined ? '' : ratioText(p50 / reference.p50);
    const wanted = wantedText(measure, reference) ?? '';
    const values = [p50, p90, p99, p999, max].map((value) => `<td>${escaped(valueText(value))}</td>`).join('');
    return `<tr><th scope="row">${escaped(`${name}, ${unit}`)}</th>${values}<td>${escaped(times)}</td><td>${escaped(wanted)}</td></tr>`;
  });
  const columns = ['p50', 'p90', 'p99', 'p99.9', 'max', 'x reference', 'wanted'];
  const heading = columns.map((name) => `<th scope="col">${name}</th>`);
  const failed = `${failuresOf(cell)} of ${cell.attempts.toLocaleString('en-US')} failed`;
  return [
    `<figure><figcaption><h2>${escaped(cell.name)}</h2><p>${escaped(failed)}</p></figcaption>`,
    `<table class="heat"><thead><tr><th class="corner"></th>${heading.join('')}</tr></thead>`,
    `<tbody>${rows.join('')}</tbody></table></figure>`,
  ].join('');
}
