import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/support/closing-line.ts';
import { LongFirst } from './test/support/long-first.ts';

/** Folders whose tests own nothing that another file could miss: no sockets, no files, no settings of the process. */
const pure = 'codec,config,docs,engine,fuzz,machines,media,mutation,protocol,report,security';

/** By itself vitest leaves one core free, which on two is half the machine. */
const workers = Math.max(2, availableParallelism() - 1);

export default defineConfig({
  test: {
    env: { NODE_ENV: 'production' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: workers,
    sequence: { sequencer: LongFirst },
    // Tests over real sockets, processes and encoders share a gate's two cores with whatever else runs there. A retry is reported.
    retry: process.env['CI'] === undefined ? 0 : 1,
    reporters: ['default', new ClosingLine()],
    projects: [
      {
        extends: true,
        // A process of its own for each file costs half a second of CPU time, most of it for what all files import.
        test: { name: 'pure', include: [`test/{${pure}}/**/*.test.ts`], isolate: false, sequence: { groupOrder: 0 } },
      },
      // Long runs, each with a heap of its own.
      { extends: true, test: { name: 'sim', include: ['test/sim/**/*.test.ts'], sequence: { groupOrder: 1 } } },
      {
        extends: true,
        test: {
          name: 'shell',
          include: [`test/!({${pure},sim})/**/*.test.ts`],
          sequence: { groupOrder: 2 },
          // They wait for timers and for other processes more than half of their time.
          maxWorkers: 2 * workers,
        },
      },
    ],
  },
});
