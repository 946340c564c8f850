import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { spawnTransport } from '../../src/neighbours/process-transport.ts';
import { file_rrcc } from '../../src/neighbours/rrcc/core/rrcc_pb.ts';
import { rrccFollower } from '../../src/neighbours/rrcc/follower.ts';
import { rrccLeader } from '../../src/neighbours/rrcc/leader.ts';
import { StreamTransport } from '../../src/neighbours/stream-transport.ts';
import { connectTcp, listenTcp } from '../../src/neighbours/tcp-transport.ts';
import { toHex } from '../codec/bytes.ts';
import { skipBecause } from '../support/skip-because.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'firstframe-interop-'));
const schema = fileURLToPath(new URL('../../src/neighbours/rrcc', import.meta.url));
const program = (name: string): string => fileURLToPath(new URL(`rrcc/${name}`, import.meta.url));
/** The Python for which Debian's python3-protobuf is installed. */
const PYTHON = '/usr/bin/python3';
const LEADER = join(folder, 'leader');
const BUILD_MS = 240_000;

/** Why a program cannot be had. */
const missing: { protoc?: string; python?: string; leader?: string } = {};

async function reasonOf(what: string, work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return `${what}: ${String(error).split('\n')[0]}`;
  }
}

beforeAll(async () => {
  const protoc = await reasonOf('no protoc (Debian: protobuf-compiler)', () =>
    run('protoc', [
      '-I',
      schema,
      `--python_out=${folder}`,
      `--cpp_out=${folder}`,
      `--descriptor_set_out=${folder}/schema.binpb`,
      'rrcc.proto',
    ]),
  );
  const python =
    protoc ??
    (await reasonOf('no protobuf for Python (Debian: python3-protobuf)', () =>
      run(PYTHON, ['-c', 'import google.protobuf']),
    ));
  const leader =
    protoc ??
    (await reasonOf('no protobuf for C++ (Debian: g++, libprotobuf-dev)', () => {
      writeFileSync(join(folder, 'probe.cc'), '#include <google/protobuf/message.h>\n');
      return run('g++', ['-fsyntax-only', join(folder, 'probe.cc')]);
    }));
  Object.assign(missing, { protoc, python, leader });
  if (leader !== undefined) return;
  // Where the tools are, a leader that does not compile is a failure.
  const sources = [program('leader.cc'), join(folder, 'rrcc.pb.cc')];
  const compile = ['g++', '-O0', '-I', folder, '-o', LEADER, ...sources, '-lprotobuf', '-pthread'];
  await run('nice', compile, { timeout: BUILD_MS });
}, BUILD_MS + 30_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function skipWithout(test: TestContext, ...what: readonly (keyof typeof missing)[]): void {
  skipBecause(
    test,
    what.map((one) => missing[one]).find((one) => one !== undefined),
  );
}

const double = ({ params }: { readonly params: Uint8Array }): Uint8Array => params.map((byte) => 2 * byte);
const fail = (): never => {
  throw new Error('boom');
};
const methods = { double, fail };

/** What a leader of ours does with the follower in Python. */
async function threeRounds(transport: StreamTransport): Promise<void> {
  const leader = rrccLeader(transport);
  const first = await leader.call('double', Uint8Array.of(5, 200));
  const second = await first.continue(first.result);
  const third = await second.continue(second.result);
  expect([...third.result]).toEqual([40, 64]);
  third.stop();
  await expect(leader.call('fail', Uint8Array.of(1))).rejects.toThrow('fail: FAILED, boom');
  const revived = await leader.call('die', Uint8Array.of(1), { deadlineMs: 200 });
  expect(new TextDecoder().decode(revived.result)).toBe('alive');
  expect(leader.counters).toMatchObject({ sentAgain: 1, responses: 5, undecodable: 0 });
  await leader.close();
}

describe('RRCC with programs of other languages, from the same schema', () => {
  it('the checked-in code has the schema that protoc reads', (test) => {
    skipWithout(test, 'protoc');
    const set = readFileSync(join(folder, 'schema.binpb'));
    expect(toHex(set)).toContain(toHex(toBinary(FileDescriptorProtoSchema, file_rrcc.proto)));
  });

  it('our leader and a follower in Python, over pipes', async (test) => {
    skipWithout(test, 'protoc', 'python');
    const { transport, ended } = spawnTransport(PYTHON, [program('follower.py'), folder, 'stdio']);
    await threeRounds(transport);
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('our leader and a follower in Python, over TCP', async (test) => {
    skipWithout(test, 'protoc', 'python');
    const child = spawn(PYTHON, [program('follower.py'), folder, 'tcp'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = await once(child.stdout, 'data');
    await threeRounds(await connectTcp({ port: Number(String(port)) }));
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  it('a leader in C++ and our follower, over pipes', async (test) => {
    skipWithout(test, 'protoc', 'leader');
    const child = spawn(LEADER, ['stdio'], { stdio: ['pipe', 'pipe', 'pipe'] });
    const follower = rrccFollower(new StreamTransport(child.stdout, child.stdin), { methods });
    const said: string[] = [];
    child.stderr.on('data', (text) => said.push(String(text)));
    await once(child, 'close');
    expect([child.exitCode, said.join('')]).toEqual([0, 'result 40, error boom\n']);
    expect(follower.counters).toMatchObject({ executions: 4, copies: 2, stops: 1, undecodable: 0 });
    await follower.close();
  });

  it('a leader in C++ and our follower, over TCP', async (test) => {
    skipWithout(test, 'protoc', 'leader');
    const follower = rrccFollower(undefined, { methods });
    const listener = await listenTcp({ port: 0 }, (transport) => follower.attach(transport));
    const { stderr } = await run(LEADER, [String(listener.port)]);
    expect(stderr).toBe('result 40, error boom\n');
    expect(follower.counters).toMatchObject({ executions: 4, copies: 2, stops: 1 });
    await follower.close();
    await listener.close();
  });

  it('a leader in C++ and a follower in Python, each the measure of the other', async (test) => {
    skipWithout(test, 'protoc', 'leader', 'python');
    const child = spawn(PYTHON, [program('follower.py'), folder, 'tcp'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = await once(child.stdout, 'data');
    const { stderr } = await run(LEADER, [String(port).trim()]);
    expect(stderr).toBe('result 40, error boom\n');
  });
});
