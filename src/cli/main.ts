#!/usr/bin/env node
// XState checks itself at every step unless it is told that this is production: eight times slower. It reads the variable when
// it is loaded, so everything else is imported afterwards.
process.env['NODE_ENV'] ??= 'production';

const { run } = await import('./program.ts');
process.exitCode = await run(process.argv);
