import { spawnSync } from 'node:child_process';
import { describe, expect, it, type TestContext } from 'vitest';
import { Cleanup } from '../../support/command.ts';
import { layCable, namespacesMissing } from '../../support/namespaces.ts';
import { skipBecause } from '../../support/skip-because.ts';
import { socketKinds } from '../../support/sockets.ts';

const BUILT = new URL('../../../dist/src/io/bind-socket.js', import.meta.url).href;
const DATAGRAMS = 400;
/** 400 datagrams of 1,200 bytes take 190 ms at this rate: more than a socket's send buffer waits for the device. */
const SLOW = 'root tbf rate 20mbit burst 70kb limit 10mb';

interface Heard {
  readonly tags: readonly number[];
  readonly drops: number;
  readonly hints: number;
}

/** Sends from one socket to another, inside a namespace, and closes at once. */
function script(kind: string): string {
  return `
    const { bindSocket } = await import(${JSON.stringify(BUILT)});
    const heard = { tags: [], drops: 0, hints: 0 };
    const events = {
      datagram: (bytes) => heard.tags.push((bytes[0] << 8) | bytes[1]),
      sendFailed: () => heard.hints++,
      failed: (error) => { throw error; },
      dropped: () => heard.drops++,
    };
    const options = { address: '127.0.0.1', port: 0, sendQueue: { datagramsMax: 1000, bytesMax: 1e7 } };
    const receiver = await bindSocket(options, events, 'dgram', () => {});
    const sender = await bindSocket(options, events, '${kind}', () => {});
    for (let i = 0; i < ${DATAGRAMS}; i++) {
      const bytes = new Uint8Array(1200);
      bytes.set([i >> 8, i]);
      sender.send(bytes, receiver.local, 'media');
    }
    await sender.close();
    const untilMs = performance.now() + 5000;
    while (heard.tags.length < ${DATAGRAMS} && performance.now() < untilMs) await new Promise(setImmediate);
    await receiver.close();
    process.stdout.write(JSON.stringify(heard));`;
}

function inNamespace(namespace: string, ...command: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', namespace, ...command], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (status !== 0) throw new Error(`${command.slice(0, 3).join(' ')}: ${stderr}`);
  return stdout;
}

describe.each(socketKinds)('a device that (%s)', (kind) => {
  async function hear(setUp: readonly string[], test: TestContext): Promise<Heard> {
    skipBecause(test, namespacesMissing);
    await using cleanup = new Cleanup();
    const { namespace } = layCable(cleanup).camera;
    inNamespace(namespace, ...setUp);
    const node = [process.execPath, '--input-type=module', '--eval', script(kind)];
    return JSON.parse(inNamespace(namespace, ...node)) as Heard;
  }

  it('is slower than the sender gets every datagram in order, though the socket was closed at once', async (context) => {
    const tc = spawnSync('tc', ['-V']).error;
    skipBecause(context, tc && 'the command "tc" is not installed');
    const { tags, drops, hints } = await hear(['tc', 'qdisc', 'add', 'dev', 'lo', ...SLOW.split(' ')], context);
    expect(tags).toEqual(Array.from({ length: DATAGRAMS }, (_, i) => i));
    expect({ drops, hints }).toEqual({ drops: 0, hints: 0 });
  });

  it('takes smaller packets than a datagram gets it in fragments, as the system sends any other', async (context) => {
    const { tags, drops, hints } = await hear(['ip', 'link', 'set', 'lo', 'mtu', '1000'], context);
    expect(tags).toEqual(Array.from({ length: DATAGRAMS }, (_, i) => i));
    expect({ drops, hints }).toEqual({ drops: 0, hints: 0 });
  });
});
