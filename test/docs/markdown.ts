/**
 * Reads the documents as readers see them: sections, tables, fenced blocks and links.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Folder of the package. */
export const root = resolve(import.meta.dirname, '../..');

/** The documents, as paths from {@link root}. */
export const documents = [
  'README.md',
  'docs/PROTOCOL.md',
  'docs/ARCHITECTURE.md',
  'docs/OPERATIONS.md',
  'docs/SECURITY.md',
  'docs/SIMULATION.md',
  'docs/COMPARE.md',
  'docs/NEIGHBOURS.md',
  'docs/RRCC.md',
  'docs/REDPEPPER.md',
  'docs/PROCVISION.md',
  'docs/PERFORMANCE.md',
] as const;

/** A document's path. */
export type DocumentPath = (typeof documents)[number];

/** A fenced block. */
export interface Fenced {
  readonly language: string;
  readonly text: string;
}

/** Cells of one row, without the markup of code. */
export type Row = readonly string[];

/** The text of a document. */
export function read(path: DocumentPath): string {
  return readFileSync(resolve(root, path), 'utf8');
}

/** All fenced blocks, in order. */
export function fenced(text: string): Fenced[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
    language,
    text: body,
  }));
}

/** The text without its fenced and indented blocks. */
export function prose(text: string): string {
  return text.replaceAll(/^```\w+\n.*?^```$/gms, '').replaceAll(/^ {4}.*$/gm, '');
}

/** What stands between a heading and the next one of any level. */
export function section(text: string, heading: string): string {
  const lines = prose(text).split('\n');
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ (?:[\d.]+ )?/, '') === heading);
  if (from < 0) throw new Error(`there is no heading "${heading}"`);
  const length = lines.slice(from + 1).findIndex((line) => /^#+ /.test(line));
  return lines.slice(from + 1, length < 0 ? undefined : from + 1 + length).join('\n');
}

/** The rows of a section's first table whose head begins with these cells. */
export function table(text: string, heading: string, ...head: readonly string[]): Row[] {
  const lines = section(text, heading).split('\n');
  const from = lines.findIndex((line) => line.startsWith(`| ${head.join(' | ')} |`));
  if (from < 0) throw new Error(`"${heading}" has no table of ${head.join(', ')}`);
  const rows: Row[] = [];
  for (let at = from + 2; lines[at]?.startsWith('|') === true; at++) {
    const cells = (lines[at] ?? '').slice(1, -1).split('|');
    rows.push(cells.map((cell) => cell.trim().replaceAll('`', '')));
  }
  return rows;
}

/** A figure of a table: `10,000`, `0x0C`. */
export function figure(text: string): number {
  return Number(text.replaceAll(',', ''));
}

/** Anchors of a document's headings, by GitHub's rules. */
export function anchors(text: string): Set<string> {
  const headings = prose(text).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links to files of the package that do not lead anywhere. */
export function brokenLinks(path: DocumentPath): string[] {
  const text = read(path);
  const targets = [...prose(text).matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [file = '', anchor] = target.split('#', 2);
    const full = file === '' ? resolve(root, path) : resolve(root, dirname(path), file);
    if (!existsSync(full)) return true;
    return anchor !== undefined && !anchors(readFileSync(full, 'utf8')).has(anchor);
  });
}
