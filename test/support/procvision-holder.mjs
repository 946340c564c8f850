// A program that has an algorithm work for ever, and handles no signal: what is left of it when it is gone?
import { readFileSync } from 'node:fs';
import { procvisionRunner } from '../../dist/src/neighbours/procvision/index.js';

const [algorithm = ''] = process.argv.slice(2);
const runner = procvisionRunner({ command: 'python3', args: [algorithm, 'hang'], helloMs: 20_000 });
await runner.ready;
const image = { width: 2, height: 1, data: new Uint8Array(6) };
runner.execute({ image }).catch(() => {});
const environment = readFileSync(`/proc/${runner.pid}/environ`, 'utf8').split('\0');
const folder = environment.find((line) => line.startsWith('PROC_SHM_DIR='))?.slice('PROC_SHM_DIR='.length);
process.stdout.write(`${JSON.stringify({ pid: runner.pid, folder, images: runner.sharedImages })}\n`);
