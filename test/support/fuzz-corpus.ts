import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { corpusParts, type FuzzCorpus, parseCorpus } from '../../src/sim/fuzz/corpus.ts';
import type { FuzzProbe } from '../../src/sim/fuzz/fuzz-run.ts';
import type { FuzzCase } from '../../src/sim/fuzz/target.ts';

const folder = (name: string): URL => new URL(`../fuzz/${name}/`, import.meta.url);

/** The datagrams of test/fuzz/corpus. */
export function readCorpus(): FuzzCorpus {
  const parts = corpusParts.map((part) => [
    part,
    parseCorpus(readFileSync(new URL(`${part}.hex`, folder('corpus')), 'utf8')),
  ]);
  return Object.fromEntries(parts) as FuzzCorpus;
}

/** What once failed, by the name of its file. */
export function readRegressions(): readonly (readonly [name: string, found: FuzzCase])[] {
  const names = readdirSync(fileURLToPath(folder('regressions'))).filter((name) => name.endsWith('.json'));
  return names.map((name) => [
    name,
    JSON.parse(readFileSync(new URL(name, folder('regressions')), 'utf8')) as FuzzCase,
  ]);
}

/** For runs whose time and memory are not asked for: in a test they would be the machine's. */
export const noProbe: FuzzProbe = { nowMs: () => 0, cpuMs: () => 0, heapBytes: () => 0 };
