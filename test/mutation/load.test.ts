import { expect, it } from 'vitest';

// A fault that keeps a module from being loaded takes every test of its file with it, and Stryker counts only tests that fail.
it('every module that is mutated can be loaded', async () => {
  const modules = await Promise.all([
    import('../../src/codec/decode.ts'),
    import('../../src/codec/encode.ts'),
    import('../../machines/index.ts'),
    import('../../src/engine/initiator-endpoint.ts'),
    import('../../src/engine/responder-endpoint.ts'),
  ]);
  expect(modules.every((module) => Object.keys(module).length > 0)).toBe(true);
});
