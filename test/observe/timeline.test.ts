import { describe, expect, test } from 'vitest';
import { ConfirmProof, MediaGate } from '../../src/engine/media-gate.ts';
import { Timeline, timelineLines } from '../../src/observe/timeline.ts';
import {
  camera,
  closed,
  drop,
  frameOf,
  frames,
  type Output,
  secretSpellings,
  traced,
  transition,
  viewer,
} from './outputs.ts';

const at = (atMs: number, output: Output) => ({ atMs, output });

/** A media datagram, by the only way to one. */
function media(bytes: number, to = viewer): Output {
  const ids = { streamId: 1n, sessionTag: 2n, tupleKey: 'k' };
  const gate = new MediaGate(ids.sessionTag, ids.tupleKey, to);
  const proof = ConfirmProof.of(ids, ids);
  if (proof === undefined) throw new Error('no proof');
  gate.open(proof, 1);
  const media = gate.pass(new Uint8Array(bytes), 0);
  if (media === undefined) throw new Error('nothing passed');
  return media;
}

describe('the story of a handshake', () => {
  test('is told from the viewer’s side, one row for each message', () => {
    const lines = timelineLines(
      [
        at(1000, transition),
        at(1000, traced(frameOf('START', 1))),
        at(1001.2, traced(frameOf('START_ACK', 1), 'received', 56)),
        at(1001.25, traced(frameOf('START_CONFIRM'), 'sent', 72)),
        at(1001.9, traced(frameOf('READY'), 'received', 310)),
        at(1001.9, { kind: 'streaming', elapsedMs: 1.9, attempts: 1 }),
        at(1002.3, { kind: 'firstMedia', timeToStreamMs: 2.3 }),
        at(1009.3, { kind: 'firstMedia', timeToStreamMs: 9.3 }),
        at(1010, { kind: 'firstFrame', timeToFirstFrameMs: 10 }),
        at(5000, traced(frameOf('BYE'), 'received', 72)),
        at(5000, closed(0)),
      ],
      { role: 'initiator' },
    );
    expect(lines).toEqual([
      '     0.0 ms  viewer → camera  START            attempt 1       256 B',
      '     1.2 ms  camera → viewer  START_ACK        attempt 1        56 B',
      '     1.3 ms  viewer → camera  START_CONFIRM                     72 B',
      '     1.9 ms  camera → viewer  READY                            310 B',
      '     1.9 ms  viewer           Streaming',
      '     2.3 ms  camera → viewer  first media datagram   time to stream 2.3 ms',
      '    10.0 ms  viewer           first whole frame   time to first frame 10.0 ms',
      '  4000.0 ms  camera → viewer  BYE                               72 B  APPLICATION',
      '  4000.0 ms  viewer           Closed                         NO_ERROR',
    ]);
  });

  test('counts resends and further copies in one row', () => {
    const starts = [1, 2, 3].map((attempt) => at(attempt * 5, traced(frameOf('START', attempt))));
    const acks = [20, 21].map((ms) => at(ms, traced(frameOf('START_ACK', 3), 'received', 56)));
    const confirms = [22, 30].map((ms) => at(ms, traced(frameOf('START_CONFIRM'), 'sent', 72)));
    const lines = timelineLines([...starts, ...acks, ...confirms, ...acks.slice(0, 1)], {
      role: 'initiator',
      startMs: 0,
    });
    expect(lines[0]).toBe(
      '     5.0 ms  viewer → camera  START            attempt 1..3    256 B  2 resends until 15.0 ms',
    );
    expect(lines[1]).toContain('1 further copy until 21.0 ms');
    expect(lines[2]).toContain('1 resend until 30.0 ms');
    expect(lines).toHaveLength(4);
  });

  test('is told from the camera’s side with the directions turned, and media is its first datagram', () => {
    const lines = timelineLines(
      [
        at(0, traced(frameOf('START', 1), 'received', 256, viewer)),
        at(0.1, traced(frameOf('START_ACK', 1), 'sent', 56, viewer)),
        at(1, { kind: 'streaming', session: 1, peer: viewer, streamId: 1n }),
        at(1.1, media(1200)),
        at(1.2, media(800)),
        at(2, { kind: 'peerBye', session: 1, code: 0 }),
      ],
      { role: 'responder' },
    );
    expect(lines.map((line) => line.slice(13, 28).trim())).toEqual([
      'viewer → camera',
      'camera → viewer',
      'camera',
      'camera → viewer',
    ]);
    expect(lines.at(-1)).toContain('first media datagram   1200 B');
  });

  test('tells of one viewer only when asked to', () => {
    const outputs = [
      at(5, traced(frameOf('START', 1), 'received', 256, camera)),
      at(7, traced(frameOf('START', 1), 'received', 256, viewer)),
      at(8, media(100, camera)),
      at(9, media(200, viewer)),
    ];
    const lines = timelineLines(outputs, { role: 'responder', peer: viewer });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^ {5}0\.0 ms/);
    expect(lines[1]).toContain('200 B');
  });

  test('ends with the reason, harmless and short, and with what had no effect', () => {
    const lines = timelineLines([at(0, drop), at(0, drop), at(1, closed(6, `busy\u001b${'x'.repeat(200)}`))], {
      role: 'initiator',
    });
    expect(lines[0]).toMatch(/Closed +BUSY "busy\u{FFFD}x{75}…"$/u);
    expect(lines[1]).toBe('            datagrams without effect: crc 2');
  });

  test('names the code of a refusal', () => {
    expect(timelineLines([at(0, traced(frameOf('ERROR'), 'received', 60))], { role: 'initiator' })[0]).toMatch(
      / BUSY$/,
    );
  });
});

test('the length is bounded whatever the network does, and how it ended is always told', () => {
  const timeline = new Timeline({ role: 'initiator', rowsMax: 5 });
  for (let i = 0; i < 10_000; i++) {
    timeline.add(i, traced(frameOf('START_CONFIRM'), 'sent'));
    timeline.add(i, traced(frameOf('START_ACK'), 'received'));
    timeline.add(i, drop);
  }
  timeline.add(10_000, closed(11));
  const lines = timeline.lines();
  expect(lines).toHaveLength(8);
  expect(lines[5]).toContain('CONFIRM_TIMEOUT');
  expect(lines[6]).toMatch(/… and \d+ more frames$/);
  expect(lines.every((line) => line.length < 200)).toBe(true);
});

test('a single frame too many is one frame', () => {
  const outputs = [at(0, traced(frameOf('START', 1))), at(1, traced(frameOf('READY'), 'received'))];
  expect(timelineLines(outputs, { role: 'initiator', rowsMax: 1 }).at(-1)).toMatch(/… and 1 more frame$/);
});

test('no secret is in any line', () => {
  const text = timelineLines(
    frames.map((frame, index) => at(index, traced(frame))),
    { role: 'initiator' },
  ).join('\n');
  for (const spelling of secretSpellings()) expect(text.toLowerCase()).not.toContain(spelling.toLowerCase());
});
