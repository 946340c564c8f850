import { describe, expect, it } from 'vitest';
import type { ResponderOutput } from '../../src/engine/io-types.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import type { TappedDatagram } from '../../src/sim/world-event.ts';
import { frameOf, kindOf } from '../support/frames.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { TappedWorld, toldAtMs } from '../support/tapped-world.ts';

const badLink = { oneWayMs: 25, jitterMs: 5, loss: 0.3, duplication: 0.05, corruption: 0.01 };

/** What may be sent to each address: as many bytes and datagrams as came from it, until it confirmed. */
class Ledger {
  readonly confirmed = new Set<string>();
  readonly #received = new Map<string, { bytes: number; datagrams: number }>();
  readonly broken: string[] = [];

  received(address: string, bytes: number): void {
    const entry = this.#entry(address);
    entry.bytes += bytes;
    entry.datagrams++;
  }

  sent(address: string, bytes: number, what: string): void {
    if (this.confirmed.has(address)) return;
    const entry = this.#entry(address);
    entry.bytes -= bytes;
    entry.datagrams--;
    if (entry.bytes < 0 || entry.datagrams < 0) this.broken.push(`${what} to ${address}`);
  }

  #entry(address: string): { bytes: number; datagrams: number } {
    let entry = this.#received.get(address);
    if (entry === undefined) {
      entry = { bytes: 0, datagrams: 0 };
      this.#received.set(address, entry);
    }
    return entry;
  }
}

describe('a handshake without loss', () => {
  it('takes two round trips to the first media: START, START_ACK, START_CONFIRM, READY, media', () => {
    const world = new TappedWorld({ seed: 1, link: { oneWayMs: 25 } });
    world.play({ count: 1 });
    const viewer = world.join();
    world.run(110);
    expect(toldAtMs(viewer, 'streaming')).toBe(100);
    expect(toldAtMs(viewer, 'firstMedia')).toBe(100);
    const told = viewer.outputs.map(({ output }) => output);
    expect(told).toContainEqual({ kind: 'firstMedia', timeToStreamMs: 100 });
    expect(told).toContainEqual(expect.objectContaining({ kind: 'streaming', elapsedMs: 100, rttMs: 50 }));
    const firstOf = (kind: string) => world.tapped.find(({ bytes }) => kindOf(bytes) === kind)?.atMs;
    expect(['START', 'START_ACK', 'START_CONFIRM', 'READY', 'RTP'].map(firstOf)).toEqual([0, 25, 50, 75, 75]);
    const order = world.fromCamera.map(({ bytes }) => kindOf(bytes));
    expect(order.indexOf('READY')).toBeLessThan(order.indexOf('RTP'));
    expect(order.slice(0, order.indexOf('READY')).every((kind) => kind === 'START_ACK')).toBe(true);
  });

  it('gives both ends the same ids and the viewer only the announced SSRC (S4)', () => {
    const world = new TappedWorld({ seed: 2, link: { oneWayMs: 10 } });
    world.play({ count: 3 });
    const viewer = world.join();
    world.run(300);
    const ack = world.fromCamera.map(({ bytes }) => bytes).find((bytes) => kindOf(bytes) === 'START_ACK');
    const frame = frameOf(ack ?? new Uint8Array());
    expect(frame).toMatchObject({ streamId: viewer.endpoint.streamId, sessionTag: viewer.endpoint.sessionTag });
    const media = world.fromCamera.filter(({ plane }) => plane === 'media').map(({ bytes }) => bytes);
    expect(media.length).toBeGreaterThan(0);
    for (const bytes of media) {
      expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8)).toBe('ssrc' in frame ? frame.ssrc : -1);
    }
  });

  it('tells the application of frames, the SDP and the stream once each, in that sense', () => {
    const world = new TappedWorld({ seed: 3, link: { oneWayMs: 10 } });
    world.play({ count: 5, intervalMs: 20 });
    const viewer = world.join();
    world.run(2000);
    const count = (kind: string) => viewer.outputs.filter(({ output }) => output.kind === kind).length;
    expect(['streaming', 'sdp', 'firstMedia', 'firstFrame'].map(count)).toEqual([1, 1, 1, 1]);
    expect(viewer.endpoint.stats()).toMatchObject({ lost: 0, framesIncomplete: 0 });
  });
});

describe('handshakes at 30 % loss each way, 5 % duplication and 1 % corruption', () => {
  it('over 2,000 seeds send no media before a valid START_CONFIRM was delivered, and no more to an address than came from it (S1, S2)', () => {
    const base = seedFromEnv('engine/handshake');
    let streaming = 0;
    for (let run = 0; run < 2000; run++) {
      const ledger = new Ledger();
      const acks = new Map<string, bigint>();
      const tap = ({ from, to, bytes, plane }: TappedDatagram) => {
        if (from.address !== '10.0.0.1') return;
        if (kindOf(bytes) === 'START_ACK') acks.set(to.address, frameOf(bytes).sessionTag);
        if (plane === 'media' && !ledger.confirmed.has(to.address)) ledger.broken.push(`media to ${to.address}`);
        ledger.sent(to.address, bytes.length, `${kindOf(bytes)}`);
      };
      const seen = (output: ResponderOutput) => {
        if (output.kind === 'traceDrop') ledger.received(output.peer.address, output.bytes);
        if (output.kind !== 'traceFrame' || output.direction !== 'received') return;
        ledger.received(output.peer.address, output.bytes);
        const { frame, peer } = output;
        if (frame.type === FrameType.START_CONFIRM && acks.get(peer.address) === frame.sessionTag) {
          ledger.confirmed.add(peer.address);
        }
      };
      const world = new TappedWorld({
        seed: base + run,
        link: badLink,
        tap,
        seen,
        keep: false,
        camera: { trace: true },
      });
      world.play({ count: 4, bytes: 1500 });
      const viewer = world.join();
      world.run(400);
      if (ledger.broken.length > 0) expect([run, ledger.broken]).toEqual([run, []]);
      if (viewer.endpoint.state === 'Streaming') {
        streaming++;
        expect(ledger.confirmed.size).toBe(1);
      }
    }
    expect(streaming).toBeGreaterThan(1900);
  });

  it('answer at most one datagram with one, none larger than its cause, until the confirm (S2)', () => {
    const base = seedFromEnv('engine/handshake');
    for (let run = 0; run < 200; run++) {
      const world = new TappedWorld({ seed: base + run, link: { ...badLink, corruption: 0 } });
      const viewer = world.join();
      world.run(1000);
      const camera = world.fromCamera;
      const ready = camera.findIndex(({ bytes }) => kindOf(bytes) === 'READY');
      const before = ready < 0 ? camera : camera.slice(0, ready);
      expect(before.every(({ bytes }) => kindOf(bytes) === 'START_ACK' && bytes.length === 56)).toBe(true);
      expect(viewer.outputs.filter(({ output }) => output.kind === 'streaming').length).toBeLessThanOrEqual(1);
    }
  });

  it('send every copy byte for byte but for attempt and CRC (S13)', () => {
    const base = seedFromEnv('engine/handshake');
    for (let run = 0; run < 100; run++) {
      const world = new TappedWorld({ seed: base + run, link: badLink });
      world.join();
      world.run(1000);
      for (const kind of ['START', 'START_ACK', 'START_CONFIRM', 'READY'] as const) {
        const copies = world.tapped.filter(({ bytes }) => kindOf(bytes) === kind);
        const masked = copies.map(({ bytes }) => {
          const copy = bytes.slice(0, -4);
          if (kind === 'START' || kind === 'START_ACK') copy[20] = 0;
          return `${frameOf(bytes).streamId} ${Buffer.from(copy).toString('hex')}`;
        });
        const ids = new Set(copies.map(({ bytes }) => frameOf(bytes).streamId));
        expect([kind, new Set(masked).size]).toEqual([kind, ids.size]);
      }
    }
  });
});
