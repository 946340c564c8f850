import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

const CODE = {
  imports: 'lint/style/noRestrictedImports',
  globals: 'lint/style/noRestrictedGlobals',
  cycle: 'lint/suspicious/noImportCycles',
  plugin: 'plugin',
  console: 'lint/suspicious/noConsole',
} as const;

/** Diagnostics by file, as relative paths in POSIX form. */
let found: ReadonlyMap<string, readonly string[]> = new Map();
let directory = '';
const files = new Map<string, string>();

/** Registers a file of the copy; its name is unique so that each case has its own diagnostics. */
function file(folder: string, text: string): string {
  const path = `${folder}/case-${files.size}.ts`;
  files.set(path, text);
  return path;
}

const importing = (from: string): string => `import { thing } from '${from}';\n\nexport const used = thing;\n`;

interface ReportedDiagnostic {
  readonly category: string;
  readonly location: { readonly path: string | { readonly file: string } };
}

function lint(): Map<string, string[]> {
  let text: string;
  try {
    text = execFileSync(
      join(root, 'node_modules/.bin/biome'),
      ['lint', '--reporter=json', '--max-diagnostics=none', '.'],
      { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024 },
    );
  } catch (error) {
    // Biome leaves with 1 when it found something, which is what it is here for.
    if (typeof error !== 'object' || error === null || !('stdout' in error)) throw error;
    text = String(error.stdout);
  }
  const report: { readonly diagnostics: readonly ReportedDiagnostic[] } = JSON.parse(text);
  const byFile = new Map<string, string[]>();
  for (const { category, location } of report.diagnostics) {
    const named = typeof location.path === 'string' ? location.path : location.path.file;
    const path = relative(directory, resolve(directory, named)).replaceAll('\\', '/');
    byFile.set(path, [...(byFile.get(path) ?? []), category]);
  }
  return byFile;
}

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'firstframe-lint-')));
  for (const name of ['biome.json', 'biome-plugins', '.gitignore'])
    cpSync(join(root, name), join(directory, name), { recursive: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  found = lint();
});

afterAll(() => {
  if (directory !== '') rmSync(directory, { recursive: true, force: true });
});

const rulesFor = (path: string): readonly string[] => [...new Set(found.get(path) ?? [])];

const layers: Readonly<Record<string, { readonly may: readonly string[]; readonly mayNot: readonly string[] }>> = {
  'src/protocol': {
    may: ['./frame.ts'],
    mayNot: ['../codec/decode.ts', '../../machines/index.ts', 'node:crypto', 'xstate'],
  },
  machines: {
    may: ['./types.ts', '../src/protocol/frame.ts', 'xstate'],
    mayNot: ['../src/engine/session.ts', '../src/codec/decode.ts', 'node:fs', 'pino'],
  },
  'src/codec': {
    may: ['./tlv.ts', '../protocol/frame.ts', 'binary-parser', 'node:zlib'],
    mayNot: ['../engine/session.ts', '../media/rtp.ts', '../../machines/index.ts', 'node:crypto', 'xstate'],
  },
  'src/security': {
    may: ['./noise.ts', '../protocol/frame.ts', 'node:crypto'],
    mayNot: ['../codec/decode.ts', '../engine/session.ts', 'node:fs', 'binary-parser'],
  },
  'src/media': {
    may: ['./rtp.ts', '../protocol/frame.ts'],
    mayNot: ['node:fs', 'node:crypto', '../codec/decode.ts', '../engine/session.ts', '../io/clock.ts'],
  },
  'src/engine': {
    may: [
      './session.ts',
      '../protocol/frame.ts',
      '../codec/decode.ts',
      '../media/rtp.ts',
      '../../machines/index.ts',
      'xstate',
    ],
    mayNot: ['../io/clock.ts', '../sim/world.ts', '../observe/log.ts', 'node:dgram', 'dgram-as-promised', 'pino'],
  },
  'src/sim': {
    may: ['./prng.ts', '../engine/session.ts', '../protocol/frame.ts'],
    mayNot: ['../io/clock.ts', '../observe/log.ts', '../cli/main.ts', 'node:dgram', 'fast-check'],
  },
  'src/vitest': {
    may: ['./matchers.ts', '../sim/index.ts', 'vitest'],
    mayNot: ['../engine/session.ts', '../io/clock.ts', 'node:fs', 'xstate'],
  },
  'src/sim/invariants': {
    may: ['./cause.ts', '../world.ts', '../../engine/io-types.ts', '../../codec/decode.ts', '../../protocol/frame.ts'],
    mayNot: ['../explore/model.ts', '../../io/clock.ts', '../../cli/main.ts', 'node:fs', 'xstate'],
  },
  'src/sim/explore': {
    may: ['./model.ts', '../../engine/tables.ts', '../../protocol/frame.ts', '../../../machines/index.ts'],
    mayNot: ['../world.ts', '../../io/clock.ts', '../../cli/main.ts', 'node:fs', 'xstate'],
  },
  'src/sim/fuzz': {
    may: [
      './mutator.ts',
      '../world.ts',
      '../invariants/violation.ts',
      '../../engine/io-types.ts',
      '../../codec/crc.ts',
    ],
    mayNot: ['../explore/model.ts', '../../io/clock.ts', '../../cli/main.ts', 'node:fs', 'xstate'],
  },
  'src/observe': {
    may: ['./log.ts', '../engine/session.ts', 'pino', 'prom-client', 'node:fs'],
    mayNot: ['../io/clock.ts', '../cli/main.ts', 'xstate'],
  },
  'src/report': {
    may: ['./html.ts', '../protocol/frame.ts', 'node:fs'],
    mayNot: ['../engine/session.ts', '../io/clock.ts', 'pino'],
  },
  'src/io': {
    may: ['./clock.ts', '../engine/session.ts', 'dgram-as-promised', 'node:fs'],
    mayNot: ['../cli/main.ts', 'xstate', 'pino'],
  },
  'src/neighbours': {
    may: ['./core-runner.ts', './core/hello.ts', '../io/clock.ts', '../sim/link.ts', 'node:tls', 'node:fs'],
    mayNot: ['../cli/main.ts', 'xstate', 'pino', 'dgram-as-promised'],
  },
  'src/neighbours/core': {
    may: ['./hello.ts', '../../engine/driver.ts', '../../sim/link.ts', '../../../machines/index.ts'],
    mayNot: ['../core-runner.ts', '../../io/clock.ts', '../../engine/../io/clock.ts', 'node:tls', 'xstate'],
  },
  'src/neighbours/rrcc': {
    may: ['./leader.ts', '../core-runner.ts', '../core/hello.ts', '../../io/clock.ts', 'node:fs'],
    mayNot: ['../../cli/main.ts', 'xstate', 'pino'],
  },
  'src/neighbours/rrcc/core': {
    may: ['./codec.ts', '../../core/hello.ts', '../../../engine/driver.ts', '../../../../machines/index.ts'],
    mayNot: [
      '../leader.ts',
      '../../core-runner.ts',
      '../../../io/clock.ts',
      '../../../sim/link.ts',
      'node:fs',
      'xstate',
    ],
  },
  'src/neighbours/redpepper/core': {
    may: ['./session.ts', '../../core/hello.ts', '@msgpack/msgpack'],
    mayNot: ['../manager.ts', '../../tcp-transport.ts', 'node:crypto', 'node:tls'],
  },
  'src/neighbours/procvision/core': {
    may: ['./codec.ts', '../../core/hello.ts', '../../../engine/driver.ts', '../../../../machines/index.ts'],
    mayNot: ['../runner.ts', '../../core-runner.ts', '../../../io/clock.ts', 'node:fs', 'xstate'],
  },
  'src/cli': {
    may: ['../io/clock.ts', '../index.ts', 'commander', 'node:fs'],
    mayNot: ['xstate', 'node:dgram', 'dgram-as-promised', 'binary-parser', 'pino'],
  },
};

describe('imports point left only', () => {
  for (const [folder, { may, mayNot }] of Object.entries(layers)) {
    for (const from of may) {
      const path = file(folder, importing(from));
      it(`${folder} may import ${from}`, () => expect(rulesFor(path)).toEqual([]));
    }
    for (const from of mayNot) {
      const path = file(folder, importing(from));
      it(`${folder} may not import ${from}`, () => expect(rulesFor(path)).toEqual([CODE.imports]));
    }
  }

  const types = file(
    'src/codec',
    "import type { Session } from '../engine/session.ts';\n\nexport type Used = Session;\n",
  );
  it('src/codec may not even import a type of src/engine', () => expect(rulesFor(types)).toEqual([CODE.imports]));

  const again = file('src/codec', "export { step } from '../engine/session.ts';\n");
  it('src/codec may not re-export from src/engine', () => expect(rulesFor(again)).toEqual([CODE.imports]));

  const lazy = file('src/codec', "export const load = () => import('../engine/session.ts');\n");
  it('src/codec may not import src/engine lazily', () => expect(rulesFor(lazy)).toEqual([CODE.imports]));
});

const pureFolders = [
  'src/protocol',
  'machines',
  'src/codec',
  'src/security',
  'src/media',
  'src/engine',
  'src/sim',
  'src/sim/explore',
  'src/sim/fuzz',
  'src/sim/invariants',
  'src/neighbours/core',
  'src/neighbours/rrcc/core',
  'src/neighbours/redpepper/core',
  'src/neighbours/procvision/core',
];
const impure: readonly (readonly [name: string, expression: string])[] = [
  ['Date', 'Date.now()'],
  ['Date as a constructor', 'new Date()'],
  ['performance', 'performance.now()'],
  ['setTimeout', 'setTimeout(() => 1, 1)'],
  ['setInterval', 'setInterval(() => 1, 1)'],
  ['setImmediate', 'setImmediate(() => 1)'],
  ['process', 'process.pid'],
  ['Buffer', 'Buffer.alloc(1)'],
  ['globalThis', 'globalThis.structuredClone(1)'],
];

describe('the outside world is an argument', () => {
  for (const folder of pureFolders) {
    for (const [name, expression] of impure) {
      const path = file(folder, `export const outside = () => ${expression};\n`);
      it(`${folder} may not use ${name}`, () => expect(rulesFor(path)).toEqual([CODE.globals]));
    }

    const spoken = file(folder, "export const say = () => console.log('hello');\n");
    it(`${folder} may not use console`, () =>
      expect([...rulesFor(spoken)].sort()).toEqual([CODE.globals, CODE.console]));

    for (const call of ['Math.random()', 'Math.log(2)', 'Math.exp(2)', 'Math.pow(2, 0.5)', 'Math.sin(2)']) {
      const path = file(folder, `export const drawn = () => ${call};\n`);
      it(`${folder} may not use ${call}`, () => expect(rulesFor(path)).toContain(CODE.plugin));
    }

    const pure = file(folder, 'export const least = (a: number, b: number) => Math.max(0, Math.min(a, b));\n');
    it(`${folder} may use Math.max and Math.min`, () => expect(rulesFor(pure)).toEqual([]));
  }

  const clock = file('src/io', 'export const nowMs = () => performance.now() + process.uptime();\n');
  it('src/io may use the clock and the process', () => expect(rulesFor(clock)).toEqual([]));

  const logarithm = file('src/report', 'export const decades = (x: number) => Math.log10(x);\n');
  it('src/report may use logarithms, which no trace depends on', () => expect(rulesFor(logarithm)).toEqual([]));

  const chance = file('src/io', 'export const drawn = () => Math.random();\n');
  it('src/io may not use Math.random either', () => expect(rulesFor(chance)).toEqual([CODE.plugin]));
});

describe('what no file may have', () => {
  files.set('src/engine/ring-a.ts', "import { b } from './ring-b.ts';\n\nexport const a = (): number => b();\n");
  files.set('src/engine/ring-b.ts', "import { c } from './ring-c.ts';\n\nexport const b = (): number => c();\n");
  files.set('src/engine/ring-c.ts', "import { a } from './ring-a.ts';\n\nexport const c = (): number => a();\n");
  files.set('src/engine/chain-a.ts', "import { b } from './chain-b.ts';\n\nexport const a = (): number => b();\n");
  files.set('src/engine/chain-b.ts', 'export const b = (): number => 1;\n');

  it('an import cycle over three files', () => {
    for (const name of ['a', 'b', 'c']) expect(rulesFor(`src/engine/ring-${name}.ts`)).toEqual([CODE.cycle]);
  });

  it('a chain without a cycle passes', () => {
    for (const name of ['a', 'b']) expect(rulesFor(`src/engine/chain-${name}.ts`)).toEqual([]);
  });

  const cases: readonly (readonly [what: string, rule: string, text: string])[] = [
    ['any', 'lint/suspicious/noExplicitAny', 'export const loose = (value: any): string => String(value);\n'],
    ['an enum', 'lint/style/noEnum', 'export enum Colour {\n  Red = 1,\n}\n'],
    ['a default export', 'lint/style/noDefaultExport', 'export default function named(): number {\n  return 1;\n}\n'],
    [
      'a non-null assertion',
      'lint/style/noNonNullAssertion',
      'export const first = (all: string[]): string => all[0]!;\n',
    ],
    [
      'an unused import',
      'lint/correctness/noUnusedImports',
      "import { thing } from './thing.ts';\n\nexport const one = 1;\n",
    ],
    [
      'a Node module without its prefix',
      'lint/style/useNodejsImportProtocol',
      "import { join } from 'path';\n\nexport const both = join('a', 'b');\n",
    ],
  ];
  for (const folder of ['src/io', 'test/machines', 'bench']) {
    for (const [what, rule, text] of cases) {
      const path = file(folder, text);
      // A bare module name is also none that a layer lists, hence contain.
      it(`${what} in ${folder}`, () => expect(rulesFor(path)).toContain(rule));
    }
  }

  const exported = file('src/io', 'export function named(value: unknown): string {\n  return String(value);\n}\n');
  it('a named export of typed code passes', () => expect(rulesFor(exported)).toEqual([]));

  files.set('vitest.config.ts', 'export default { test: {} };\n');
  it("the test runner's settings may be a default export", () => expect(rulesFor('vitest.config.ts')).toEqual([]));

  it('the copy was looked at: every case that must fail did so in its own file', () => {
    expect(found.size).toBeGreaterThan(100);
    expect([...found.keys()].filter((path) => !files.has(path))).toEqual([]);
  });
});
