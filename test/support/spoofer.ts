import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Peer } from '../../src/engine/io-types.ts';
import { type Cleanup, Run } from './command.ts';
import { namespacesMissing } from './namespaces.ts';

const PROGRAM = fileURLToPath(new URL('./spoofer.py', import.meta.url));
const PYTHON = '/usr/bin/python3';
const ANSWER_MS = 20_000;

/** Why nobody can send with another's address here; `undefined` when somebody can. */
export const spoofingMissing: string | undefined = namespacesMissing ?? findReason();

/** A host that sends in any name, and hears nothing of what that causes. */
export class Spoofer {
  readonly #run: Run;
  #waiting: string[] = [];
  /** Of UDP, in all: datagrams, and bytes with their headers of 28. */
  sent = { datagrams: 0, bytes: 0 };
  #orders = 0;

  private constructor(run: Run) {
    this.#run = run;
  }

  /** Starts one in a namespace. */
  static async start(cleanup: Cleanup, namespace: string): Promise<Spoofer> {
    const run = cleanup.use(new Run(PYTHON, [PROGRAM], { namespace, stdin: true }));
    await run.line(/ready/, ANSWER_MS);
    return new Spoofer(run);
  }

  /** A datagram that says it is from `from`; it leaves with {@link strike}. */
  udp(from: Peer, to: Peer, bytes: Uint8Array): void {
    this.sent.datagrams++;
    this.sent.bytes += bytes.length + 28;
    this.#order({
      src: [from.address, from.port],
      dst: [to.address, to.port],
      hex: Buffer.from(bytes).toString('hex'),
    });
  }

  /** An ICMP message to `about.from`, in the name of a router, about a datagram that it may have sent. */
  icmp(
    from: string,
    kind: readonly [type: number, code: number, mtu: number],
    about: { readonly from: Peer; readonly to: Peer },
  ): void {
    const { from: source, to } = about;
    this.#order({ icmp: kind, from, src: [source.address, source.port], dst: [to.address, to.port] });
  }

  /** Sends all of it, and waits until the system has it. */
  async strike(): Promise<void> {
    this.#run.stdin.write(`${this.#waiting.join('\n')}\n\n`);
    this.#waiting = [];
    await this.#run.line(new RegExp(`sent ${this.#orders}\\n`), ANSWER_MS);
  }

  #order(order: object): void {
    this.#orders++;
    this.#waiting.push(JSON.stringify(order));
  }
}

function findReason(): string | undefined {
  const script = 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)';
  const { status, stderr, error } = spawnSync(PYTHON, ['-c', script], { encoding: 'utf8' });
  if (error !== undefined) return `there is no ${PYTHON}`;
  return status === 0 ? undefined : `no raw socket can be opened: ${stderr.trim().split('\n').at(-1)}`;
}
