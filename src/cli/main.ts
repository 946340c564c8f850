#!/usr/bin/env node
// XState adds checks for development unless it is told that this is production. It reads the variable when it is loaded, so
// everything else is imported afterwards.
process.env['NODE_ENV'] ??= 'production';

const { run } = await import('./program.ts');
process.exitCode = await run(process.argv);
