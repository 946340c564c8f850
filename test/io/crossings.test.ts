import { expect, it } from 'vitest';
import { CrossingKind, Crossings } from '../../src/io/workers/crossings.ts';
import { TraceLine } from '../../src/io/workers/trace-line.ts';
import type { TracedOutput } from '../../src/io/workers/worker-messages.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('messages on their way are bounded, and each that has come makes room for one', () => {
  const memory = Crossings.allocate();
  const [sender, receiver] = [new Crossings(memory), new Crossings(memory)];
  let sent = 0;
  while (sender.enter(CrossingKind.TRACE)) sent++;
  expect(sent).toBe(64);
  receiver.leave(CrossingKind.TRACE);
  expect([sender.enter(CrossingKind.TRACE), sender.enter(CrossingKind.TRACE)]).toEqual([true, false]);
});

it('a trace crosses in order, a message for each turn, and says how much was lost when nobody takes it', async () => {
  const said: (readonly TracedOutput[])[] = [];
  let dropped = 0;
  const line = new TraceLine(
    new Crossings(Crossings.allocate()),
    (outputs) => said.push(outputs),
    (count) => {
      dropped += count;
    },
  );
  const add = (atMs: number): void => line.add({ kind: 'release', session: atMs }, atMs);
  for (let atMs = 0; atMs < 70; atMs++) add(atMs);
  await turn();
  expect(said.map(({ length }) => length)).toEqual([64, 6]);
  expect(said.flat().map(({ atMs }) => atMs)).toEqual(Array.from({ length: 70 }, (_, atMs) => atMs));
  for (let atMs = 0; atMs < 64 * 64; atMs++) add(atMs);
  expect([said.length, dropped]).toEqual([64, 2 * 64]);
});
