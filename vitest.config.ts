import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/support/closing-line.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    env: { NODE_ENV: 'production' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests over real sockets, processes and encoders share a gate's two cores with whatever else runs there. A retry is reported.
    retry: process.env['CI'] === undefined ? 0 : 1,
    reporters: ['default', new ClosingLine()],
  },
});
