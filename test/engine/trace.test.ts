import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { InitiatorOutput, ResponderOutput } from '../../src/engine/io-types.ts';
import { FrameType, frameTypeName } from '../../src/protocol/frame.ts';
import { frameOf, sessionFrame, startBytes } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, ResponderBench, somePeer } from '../support/responder-bench.ts';

const nobodysPing = { type: FrameType.PING, flags: 0, streamId: 9n, sessionTag: 9n, attempt: 0, nonce: 1n } as const;
const camera = { address: '192.0.2.9', port: 4444 };

/** Traces as short lines; who is meant and which session is kept apart. */
function lines(outputs: readonly { readonly output: InitiatorOutput | ResponderOutput }[]): string[] {
  return outputs.flatMap(({ output }) => {
    if (output.kind === 'traceFrame')
      return [`${output.direction} ${frameTypeName(output.frame.type)} ${output.bytes}`];
    if (output.kind === 'traceTransition') return [`${output.event}: ${output.from} to ${output.to}`];
    return output.kind === 'traceDrop' ? [`dropped ${output.reason} ${output.bytes}`] : [];
  });
}

/** What the traces say about the other end, each once. */
function peersIn(outputs: readonly { readonly output: InitiatorOutput | ResponderOutput }[]): unknown[] {
  const peers = outputs.flatMap(({ output }) =>
    output.kind === 'traceFrame' || output.kind === 'traceTransition' || output.kind === 'traceDrop'
      ? [`${output.peer.address} ${output.peer.port}`]
      : [],
  );
  return [...new Set(peers)];
}

describe('tracing', () => {
  it('tells every frame, transition and drop of a viewer, in order', () => {
    const bench = new InitiatorBench({ trace: true });
    bench.start();
    bench.startAck(5n);
    bench.frame('READY');
    bench.frame('BYE_ACK');
    bench.receive(new Uint8Array(27).fill(0x0c));
    bench.receive(Uint8Array.of(1, 2, 3));
    bench.step({ kind: 'close', code: 0 });
    bench.frame('BYE_ACK');
    expect(lines(bench.outputs)).toEqual([
      'sent START 256',
      'app.start: ReadyToStart to AwaitingStartAck',
      'received START_ACK 56',
      'sent START_CONFIRM 72',
      'frame.START_ACK: AwaitingStartAck to AwaitingStartConfirm',
      'received READY 28',
      'frame.READY: AwaitingStartConfirm to Streaming',
      'received BYE_ACK 28',
      'dropped noRow 28',
      'dropped tooShort 27',
      'dropped notOurs 3',
      'sent BYE 72',
      'app.close: Streaming to Closing',
      'received BYE_ACK 28',
      'frame.BYE_ACK: Closing to Closed',
    ]);
    expect(peersIn(bench.outputs)).toEqual(['192.0.2.9 4444']);
    const { streamId } = bench.ids;
    const transitions = bench.outputs.flatMap(({ output }) => (output.kind === 'traceTransition' ? [output] : []));
    for (const one of transitions) {
      expect(one).toMatchObject({ role: 'initiator', session: 1, streamId, peer: camera });
    }
  });

  it('tells every frame, transition and drop of a camera, in order', () => {
    const bench = new ResponderBench({ trace: true });
    bench.answer = 'never';
    bench.receive(startBytes(1n));
    const [ack] = framesOf(bench.step({ kind: 'reserved', session: 1, feed: bench.stream.feed }), 'START_ACK');
    const ids = { streamId: 1n, sessionTag: ack?.sessionTag ?? 0n };
    bench.receive(sessionFrame('START_CONFIRM', ids));
    bench.receive(sessionFrame('START', ids));
    bench.receive(sessionFrame('READY', ids));
    bench.receive(sessionFrame('PING', { streamId: 9n, sessionTag: 9n }));
    bench.receive(sessionFrame('BYE', ids));
    expect(lines(bench.outputs)).toEqual([
      'received START 256',
      'admission.admitted: Idle to PendingStartRequest',
      'sent START_ACK 56',
      'app.reserved: PendingStartRequest to PendingConfirm',
      'received START_CONFIRM 72',
      'sent READY 28',
      'sent PING 72',
      'frame.START_CONFIRM: PendingConfirm to Streaming',
      'received START 256',
      'dropped duplicateStart 256',
      'received READY 28',
      'dropped unexpectedType 28',
      'received PING 72',
      'dropped noSession 72',
      'sent RESET 54',
      'received BYE 72',
      'sent BYE_ACK 28',
      'frame.BYE: Streaming to Draining',
    ]);
    expect(peersIn(bench.outputs)).toEqual([`${somePeer.address} ${somePeer.port}`]);
    const transitions = bench.outputs.flatMap(({ output }) => (output.kind === 'traceTransition' ? [output] : []));
    for (const one of transitions) {
      expect(one).toMatchObject({ role: 'responder', session: 1, streamId: 1n, peer: somePeer });
    }
  });

  it('shows what is in the bytes that are sent', () => {
    const bench = new ResponderBench({ trace: true });
    bench.streaming(1n);
    const shown = bench.outputs.flatMap(({ output }) =>
      output.kind === 'traceFrame' && output.direction === 'sent' ? [output.frame] : [],
    );
    expect(shown).toHaveLength(3);
    expect(shown).toEqual(bench.sent.map(({ bytes }) => frameOf(bytes)));
  });

  it('shows the TLVs of a frame that nobody knows', () => {
    const unknownTlvs = [{ type: 64, value: Uint8Array.of(7) }];
    const bytes = encodeFrame({ ...nobodysPing, unknownTlvs });
    const bench = new ResponderBench({ trace: true });
    bench.receive(bytes);
    const viewer = new InitiatorBench({ trace: true });
    viewer.start();
    viewer.receive(bytes);
    for (const { outputs } of [bench, viewer]) {
      const frames = outputs.flatMap(({ output }) => (output.kind === 'traceFrame' ? [output.frame] : []));
      expect(frames.find(({ type }) => type === FrameType.PING)).toMatchObject({ unknownTlvs });
    }
  });

  it('is off unless it is asked for', () => {
    const viewer = new InitiatorBench();
    viewer.stream();
    viewer.receive(Uint8Array.of(1));
    const bench = new ResponderBench();
    bench.streaming(1n);
    bench.receive(startBytes(1n));
    expect(lines([...viewer.outputs, ...bench.outputs])).toEqual([]);
  });
});
