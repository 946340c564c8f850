import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compileProgram } from '../c-program.ts';
import type { TimerLateness } from '../result.ts';

/** Addresses at both ends of the link: of the network that RFC 2544 sets aside for benchmarks. They exist in the link's namespaces only. */
const addresses = { camera: '198.18.0.1', viewer: '198.18.0.2' } as const;

/**
 * What runs at the ends of the link goes before what else runs on this machine: that would only blur the differences. Where Linux weighs sessions
 * before processes (sched_autogroup), only a session's own weight counts; where it does not, there is no such file.
 */
const GO_FIRST = '[ ! -w /proc/self/autogroup ] || echo -10 >/proc/self/autogroup; exec nice -n -10 "$@"';

/** What the link did to packets of one direction. */
export interface LaneCount {
  /** Handed to it, lost ones too. */
  readonly packets: number;
  /** Of those, with IP headers. */
  readonly bytes: number;
  /** By seed, as asked for. */
  readonly lost: number;
  /** For want of room in the link; none, or the figures are of the link. */
  readonly overflown: number;
  /** Refused by the device at the far end. */
  readonly unwritten: number;
}

/** What the link did. */
export interface LinkCount {
  readonly toCamera: LaneCount;
  readonly toViewer: LaneCount;
  /** How much later than meant packets were let go. */
  readonly lateness: TimerLateness;
}

/** What a link is like, both ways alike. */
export interface LinkShape {
  /** Fraction lost each way, 0..1; a millionth is told apart. */
  readonly loss: number;
  /** Half the round trip, ms; a microsecond is told apart. */
  readonly oneWayMs: number;
  /** u32; packet number n of a direction is lost or not by the seed alone. */
  readonly seed: number;
}

/** A link, or why there is none here: a sentence. */
export type OpenedLink =
  | { readonly ok: true; readonly link: TunLink }
  | { readonly ok: false; readonly reason: string };

/**
 * A link that TCP and UDP, and every program whatever it is written in, go through alike: two network namespaces with a TUN device each, and
 * `bench/c/tun-link.c` between them. The namespaces have no names and end with the processes in them.
 */
export class TunLink implements AsyncDisposable {
  /** Of the camera's end. */
  readonly cameraAddress: string = addresses.camera;
  /** Commands that run the command after them at that end. */
  readonly enter: { readonly camera: readonly string[]; readonly viewer: readonly string[] };
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(process: ChildProcess, answers: AsyncIterator<string>, ready: string) {
    const [, pid, camera, viewer] = ready.split(' ');
    const enter = (fd: string | undefined): readonly string[] => [
      ...['nsenter', `--net=/proc/${pid}/fd/${fd}`],
      ...['setsid', 'sh', '-c', GO_FIRST, 'sh'],
    ];
    this.enter = { camera: enter(camera), viewer: enter(viewer) };
    this.#process = process;
    this.#answers = answers;
  }

  /**
   * Compiles the program and starts it; without loss and delay at first.
   *
   * @param folder for the program; it must be there as long as the link.
   */
  static async open(folder: string): Promise<OpenedLink> {
    if (process.platform !== 'linux') return { ok: false, reason: 'network namespaces are a thing of Linux' };
    const { path, why } = await compileProgram('tun-link', folder);
    if (why !== undefined) return { ok: false, reason: why };
    const child = spawn(path, [addresses.camera, addresses.viewer]);
    const closed = once(child, 'close');
    let complaint = '';
    child.stderr.on('data', (text) => {
      complaint += text;
    });
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value: ready, done } = await answers.next();
    if (done === true) {
      await closed;
      const cause = process.getuid?.() === 0 ? '' : ' (it needs root)';
      return { ok: false, reason: `no link between namespaces can be made${cause}: ${complaint.trim()}` };
    }
    return { ok: true, link: new TunLink(child, answers, ready) };
  }

  /** What the link is like from now on; counters begin at 0, packets on their way are forgotten. */
  async set({ loss, oneWayMs, seed }: LinkShape): Promise<void> {
    await this.#ask(`set ${Math.round(1e6 * loss)} ${Math.round(1000 * oneWayMs)} ${seed}`);
  }

  /** What it did since {@link set}. */
  async count(): Promise<LinkCount> {
    const [, ...texts] = (await this.#ask('stats')).split(' ');
    const numbers = texts.map(Number);
    const [count = 0, p50Us = 0, p99Us = 0, maxUs = 0] = numbers.slice(10);
    const lateness = { count, p50Ms: p50Us / 1000, p99Ms: p99Us / 1000, maxMs: maxUs / 1000 };
    return { toCamera: lane(numbers.slice(0, 5)), toViewer: lane(numbers.slice(5, 10)), lateness };
  }

  async #ask(line: string): Promise<string> {
    this.#process.stdin?.write(`${line}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`the link ended with ${this.#process.exitCode}`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#process.exitCode === null && this.#process.signalCode === null;
    const gone = running ? once(this.#process, 'exit') : undefined;
    this.#process.stdin?.end();
    await gone;
  }
}

function lane([packets = 0, bytes = 0, lost = 0, overflown = 0, unwritten = 0]: readonly number[]): LaneCount {
  return { packets, bytes, lost, overflown, unwritten };
}
