import { describe, expect, it } from 'vitest';
import type { ResponderOutput } from '../../../src/engine/io-types.ts';
import { FrameType } from '../../../src/protocol/frame.ts';
import { securedEnds } from '../../../src/sim/simulated-security.ts';
import type { WorldEvent } from '../../../src/sim/world-event.ts';
import { elsewhere, fromCamera, WatchedWorld } from '../../support/watched-world.ts';

const ends = securedEnds('psk', 1);

/** A secured world whose viewer streams. @param doctor what its watch sees in an event's place. */
function secured(doctor: (event: WorldEvent) => readonly WorldEvent[] = (event) => [event]) {
  const told: ResponderOutput[] = [];
  const world = new WatchedWorld({
    camera: ends.camera,
    watch: { secured: true },
    doctor: (event) => {
      if (event.kind === 'told' && event.host === 'camera') told.push(event.output as ResponderOutput);
      return doctor(event);
    },
  });
  world.play(10_000);
  const viewer = world.addViewer(ends.viewer);
  world.toViewer(viewer, { kind: 'start' });
  world.run(500);
  expect([viewer.endpoint.state, world.watch.violations]).toEqual(['Streaming', []]);
  return { world, viewer, told };
}

const typeOf = (event: WorldEvent): number => ('bytes' in event && event.bytes[0] === 0x0c ? (event.bytes[2] ?? 0) : 0);

describe('S14 is judged in a real migration', () => {
  it('which breaks nothing', () => {
    const { world, viewer, told } = secured();
    world.rebind(viewer);
    world.run(10_000);
    expect(told.filter(({ kind }) => kind === 'moved')).toHaveLength(1);
    expect(world.broken).toEqual([]);
  });

  it.each([
    [
      'no PATH_RESPONSE came',
      (event: WorldEvent) => event.kind === 'arrived' && typeOf(event) === FrameType.PATH_RESPONSE,
    ],
    [
      'its PATH_RESPONSE had no nonce of a challenge that went there',
      (event: WorldEvent) =>
        event.kind === 'told' &&
        event.output.kind === 'traceFrame' &&
        event.output.frame.type === FrameType.PATH_RESPONSE,
    ],
    [
      'no PATH_CHALLENGE went there',
      (event: WorldEvent) =>
        event.kind === 'told' &&
        event.output.kind === 'traceFrame' &&
        event.output.frame.type === FrameType.PATH_CHALLENGE,
    ],
  ])('and is reported if %s', (_why, hidden) => {
    const { world, viewer, told } = secured((event) => (hidden(event) ? [] : [event]));
    world.rebind(viewer);
    world.run(10_000);
    expect(told.filter(({ kind }) => kind === 'moved')).toHaveLength(1);
    expect(world.broken).toContain('S14');
  });

  it('and is reported if the answer came from another tuple than it moves to', () => {
    const { world, viewer } = secured((event) =>
      event.kind === 'told' && event.output.kind === 'moved'
        ? [{ ...event, output: { ...event.output, peer: elsewhere } } as WorldEvent]
        : [event],
    );
    world.rebind(viewer);
    world.run(10_000);
    expect(world.broken).toContain('S14');
  });

  it('and media that goes to the new tuple before the move is reported', () => {
    const { world, viewer } = secured((event) =>
      event.kind === 'told' && event.output.kind === 'moved' ? [] : [event],
    );
    world.rebind(viewer);
    world.run(10_000);
    expect(world.broken).toContain('S14');
  });
});

describe('S2 is judged on a path that is not proven', () => {
  it('each challenge needs a datagram that came from there, as large at least', () => {
    const { world, viewer } = secured();
    world.rebind(viewer);
    const challenge = new Uint8Array(72).fill(0x0d);
    world.pretend(fromCamera(viewer, challenge));
    expect(world.broken).toContain('S2');
  });
});

describe('S6 is reported', () => {
  it('for a session that moves to where another one lives', () => {
    const { world, viewer, told } = secured();
    const other = world.addViewer(ends.viewer);
    world.toViewer(other, { kind: 'start' });
    world.run(500);
    const first = told.find((output) => output.kind === 'streaming');
    if (first?.kind !== 'streaming') throw new Error('nobody streams');
    const { session, streamId } = first;
    world.pretend({
      kind: 'told',
      host: 'camera',
      output: { kind: 'moved', session, streamId, before: viewer.peer, peer: other.peer },
    });
    expect(world.broken).toEqual(expect.arrayContaining(['S6', 'S14']));
  });
});
