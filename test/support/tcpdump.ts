import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CapturedDatagram, readPcap } from './pcap.ts';
import { soon } from './witness.ts';

const START_MS = 10_000;
/** The last datagram of a capture, which is no part of it: whatever was sent before has been captured when it has. */
const LAST = Buffer.from('the last datagram of this capture');

/** A packet capture of one UDP port on loopback by tcpdump: what really was on the wire, as the kernel saw it. */
export class Capture {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #port: number;
  /** Settles with everything that tcpdump said. */
  readonly #exited: Promise<string>;

  private constructor(process: ChildProcess, folder: string, port: number, exited: Promise<string>) {
    this.#process = process;
    this.#folder = folder;
    this.#port = port;
    this.#exited = exited;
  }

  /**
   * Begins; resolves when tcpdump captures, or with the reason why it cannot here: not installed, no right to.
   */
  static async start(port: number): Promise<Capture | string> {
    const folder = await mkdtemp(join(tmpdir(), 'firstframe-capture-'));
    // Without a bound on what is kept of a packet the kernel's ring has room for eight.
    const file = ['--immediate-mode', '-s', '2048', '-B', '16384', '-U', '-w', join(folder, 'capture.pcap')];
    const child = spawn('tcpdump', ['-i', 'lo', '-n', '-Z', 'root', ...file, `udp port ${port}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        said = error.code === 'ENOENT' ? 'tcpdump is not installed' : error.message;
        resolve(said);
      });
      child.once('close', () => resolve(said));
    });
    const listening = new Promise<'listening'>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('listening on')) resolve('listening');
      });
    });
    const began = await soon(Promise.race([listening, exited]), START_MS, 'tcpdump');
    if (began === 'listening') return new Capture(child, folder, port, exited);
    await rm(folder, { recursive: true });
    return `tcpdump cannot capture here: ${said.trim().split('\n').at(-1)}`;
  }

  /** Ends it: everything that was captured, in order. Rejects when the kernel left out something, which proves nothing then. */
  async stop(): Promise<CapturedDatagram[]> {
    await soon(this.#caughtUp(), START_MS, 'the last datagram');
    this.#process.kill('SIGINT');
    const said = await soon(this.#exited, START_MS, 'the end of tcpdump');
    if (!/^0 packets dropped by kernel/m.test(said)) throw new Error(`the capture is not complete: ${said}`);
    const datagrams = readPcap(await readFile(this.#file));
    await rm(this.#folder, { recursive: true });
    return datagrams.filter(({ payload }) => !LAST.equals(payload));
  }

  get #file(): string {
    return join(this.#folder, 'capture.pcap');
  }

  /** tcpdump reads in a process of its own, which may be behind. */
  async #caughtUp(): Promise<void> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      const watcher = watch(this.#file, () => {
        if (!readFileSync(this.#file).includes(LAST)) return;
        watcher.close();
        resolve();
      });
      socket.send(LAST, this.#port, '127.0.0.1');
    });
    socket.close();
  }
}
