import { figure, type JsonEvent, type Run } from './command.ts';

function framesTold(viewer: Run): number {
  const told = viewer.events.filter(({ event }) => event === 'status').at(-1);
  return told === undefined ? 0 : figure(told, 'framesDecodable');
}

/**
 * Waits until a viewer has told of this many further frames that decode: pictures do arrive.
 *
 * @returns the event that told it.
 */
export function furtherFrames(viewer: Run, count: number, limitMs: number): Promise<JsonEvent> {
  const wanted = framesTold(viewer) + count;
  return viewer.event('status', (event) => figure(event, 'framesDecodable') >= wanted, limitMs);
}
