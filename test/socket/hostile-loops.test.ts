import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import type { RespondOptions } from '../../src/config/settings.ts';
import { initiate } from '../../src/io/initiate.ts';
import type { MediaSource } from '../../src/io/media-source.ts';
import { type Responder, respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { createLog } from '../../src/observe/log.ts';
import { DROP_LINES_PER_SECOND, LINES_PER_SECOND } from '../../src/observe/output-log.ts';
import { AnswerLedger } from '../support/answer-ledger.ts';
import { Cleanup } from '../support/command.ts';
import { forgeableTypes, frameOf, kindOf, sessionFrame, startBytes } from '../support/frames.ts';
import { looseLimits } from '../support/limits.ts';
import { freshStreamId, otherVersionStart, RawPeer } from '../support/raw-peer.ts';
import { Witness } from '../support/witness.ts';

let cleanup = new Cleanup();
afterEach(async () => {
  await cleanup[Symbol.asyncDispose]();
  cleanup = new Cleanup();
});

async function camera(options: Pick<RespondOptions<MediaSource>, 'logger'> = {}): Promise<Responder> {
  const made = await respond({ port: 0, limits: looseLimits, streams: { door: testSource() }, ...options });
  cleanup.defer(() => made.destroy());
  return made;
}

/** A socket in the middle: what one camera sends goes to the other, so that each takes it for the other. */
class Middle {
  readonly forwarded = new Witness<Uint8Array>();
  readonly ledgers: ReadonlyMap<number, AnswerLedger>;
  readonly #fences = new Set<bigint>();
  readonly #socket: Socket;
  readonly #next: ReadonlyMap<number, number>;

  private constructor(socket: Socket, next: ReadonlyMap<number, number>) {
    this.#socket = socket;
    this.#next = next;
    this.ledgers = new Map([...next.keys()].map((port) => [port, new AnswerLedger()]));
    socket.on('message', (bytes, { port }) => {
      this.ledgers.get(port)?.sent(this.#self, bytes.length);
      this.forwarded.note(bytes);
      const to = this.#next.get(port);
      if (to !== undefined) this.send(bytes, to);
    });
  }

  /** @param next where what comes from a port goes. */
  static async open(next: ReadonlyMap<number, number>): Promise<Middle> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    cleanup.defer(() => new Promise<void>((resolve) => socket.close(() => resolve())));
    return new Middle(socket, next);
  }

  send(bytes: Uint8Array, port: number): void {
    this.ledgers.get(port)?.received(this.#self, bytes.length);
    this.#socket.send(bytes, port, '127.0.0.1');
  }

  /**
   * Asks each camera what it always answers, after all that was sent to it; its answer goes to the other one. @returns how many
   * datagrams came until then that answer something else.
   */
  async settle(ports: readonly number[], from: number): Promise<number> {
    for (const port of ports) {
      const fence = freshStreamId();
      this.#fences.add(fence);
      this.send(otherVersionStart(fence), port);
      await this.forwarded.when((bytes) => frameOf(bytes).streamId === fence, 3000, 'the answer to a fence', from);
    }
    return this.forwarded.seen.slice(from).filter((bytes) => !this.#fences.has(frameOf(bytes).streamId)).length;
  }

  get #self() {
    return this.#socket.address();
  }
}

describe('S12: real cameras', () => {
  it.each([
    { name: 'two of them, each of which takes the other for its viewer', count: 2 },
    { name: 'one that takes itself for its viewer', count: 1 },
  ])('$name, do not fall into a loop: one answer at most, and none to that', async ({ count }) => {
    const cameras = await Promise.all(Array.from({ length: count }, () => camera()));
    const ports = cameras.map(({ local }) => local.port);
    const next = new Map(ports.map((port, at) => [port, ports[(at + 1) % count] ?? port]));
    const middle = await Middle.open(next);
    const seeds = [
      ...forgeableTypes.flatMap((type) =>
        [1, 2].map(() => sessionFrame(type, { streamId: freshStreamId(), sessionTag: freshStreamId() })),
      ),
      otherVersionStart(freshStreamId()),
      startBytes(freshStreamId(), 1, { versions: [2, 9] }),
      startBytes(freshStreamId(), 1, { streamName: 'attic' }),
    ];
    let answered = 0;
    for (const seed of seeds) {
      const from = middle.forwarded.seen.length;
      middle.send(seed, ports[0] ?? 0);
      // One round for each step that a loop would have to take before it is seen.
      const rounds: number[] = [];
      for (let round = 0; round < 3; round++) rounds.push(await middle.settle(ports, from));
      expect([kindOf(seed), Math.max(...rounds) <= 1, rounds[2] === rounds[1]]).toEqual([kindOf(seed), true, true]);
      answered += rounds[2] ?? 0;
    }
    expect(answered).toBeGreaterThan(5);
    for (const ledger of middle.ledgers.values()) ledger.expectHeld();
    for (const { sessionCount, pendingCount } of cameras) expect(sessionCount).toBe(pendingCount);
  });
});

describe('S16: the log of a camera that strangers flood', () => {
  it('grows by its limit and no faster, each line is JSON, and a viewer is served', async () => {
    const lines: string[] = [];
    const logger = createLog({ level: 'debug', write: (line) => lines.push(line) });
    const beganAtMs = performance.now();
    const flooded = await camera({ logger });
    const viewer = await initiate(`127.0.0.1:${flooded.local.port}/door`);
    cleanup.defer(() => viewer.destroy());
    const stranger = await RawPeer.open(flooded.local);
    cleanup.defer(() => stranger.close());
    const names = ['{"level":60}\n', '\u001b[2J', '"\\', '\u2028'];
    for (let batch = 0; batch < 50; batch++) {
      const datagrams = Array.from({ length: 100 }, (_, n) => {
        const ids = { streamId: freshStreamId(), sessionTag: freshStreamId() };
        if (n === 0) return startBytes(freshStreamId(), 1, { streamName: names[batch % names.length] ?? '' });
        return n % 2 === 0
          ? new Uint8Array(n).fill(n)
          : sessionFrame(forgeableTypes[n % forgeableTypes.length] ?? 'PONG', ids);
      });
      await stranger.answersTo(...datagrams);
    }
    const seconds = Math.ceil((performance.now() - beganAtMs) / 1000);
    expect(lines.length).toBeLessThanOrEqual((seconds + 1) * (LINES_PER_SECOND + DROP_LINES_PER_SECOND + 2));
    const parsed = lines.map((line): Record<string, unknown> => JSON.parse(line));
    const drops = parsed.filter(({ msg }) => msg === 'datagram without effect');
    expect(drops.length).toBeGreaterThan(0);
    expect(drops.length).toBeLessThanOrEqual((seconds + 1) * DROP_LINES_PER_SECOND);
    for (const line of lines) expect(line.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(stranger.bytesReceived, 'S2').toBeLessThanOrEqual(stranger.bytesSent);
    expect(viewer.metrics().closed.PEER_DEAD).toBe(0);
  });
});
