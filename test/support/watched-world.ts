import { expect } from 'vitest';
import type { InvariantId } from '../../src/protocol/invariants.ts';
import { InvariantWatch, type InvariantWatchOptions } from '../../src/sim/invariants/invariant-watch.ts';
import type { Viewer } from '../../src/sim/viewer.ts';
import { cameraPeer, World, type WorldOptions } from '../../src/sim/world.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';
import { admitEverybody, playTestFrames, testStream } from './camera-application.ts';
import { frameOf, kindOf } from './frames.ts';

/** What a {@link WatchedWorld} is made of. */
export interface WatchedWorldOptions extends Partial<Omit<WorldOptions, 'observe'>> {
  readonly watch?: InvariantWatchOptions;
  /** What the watch sees in an event's place; default the event itself. */
  readonly doctor?: (event: WorldEvent, world: World) => readonly WorldEvent[];
}

/** A world with the simplest application, and a watch that can be lied to. */
export class WatchedWorld extends World {
  readonly watch: InvariantWatch;
  readonly stream: ReturnType<typeof testStream>;

  constructor(options: WatchedWorldOptions = {}) {
    const { watch: watchOptions, doctor, ...world } = options;
    const watch = new InvariantWatch(watchOptions);
    const stream = testStream();
    super({
      seed: 1,
      link: { oneWayMs: 10 },
      application: admitEverybody(stream),
      ...world,
      observe: (event, self) => {
        for (const seen of doctor?.(event, self) ?? [event]) watch.see(seen, self);
      },
    });
    this.watch = watch;
    this.stream = stream;
  }

  /** A viewer that starts now. */
  join(): Viewer {
    const viewer = this.addViewer();
    this.toViewer(viewer, { kind: 'start' });
    return viewer;
  }

  play(count: number, intervalMs = 40): void {
    playTestFrames(this, this.stream, { count, bytes: 500, intervalMs });
  }

  /** Ids that were reported, each once. */
  get broken(): readonly InvariantId[] {
    return [...new Set(this.watch.violations.map(({ id }) => id))];
  }

  /** Shows the watch an event that never happened, at the present time. */
  pretend(event: DistributiveOmit<WorldEvent, 'atMs'>): void {
    this.watch.see({ ...event, atMs: this.clock.nowMs } as WorldEvent, this);
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** An address that no host of a world has. */
export const elsewhere = { address: '10.9.9.9', port: 9 };
/** Numbers of datagrams that never were sent, apart from those of a world. */
let pretended = 1_000_000;

/** The number of a datagram that never was sent. */
export function pretendedId(): number {
  return pretended++;
}

/** A datagram that the camera never sent. */
export function fromCamera(
  viewer: Viewer | typeof elsewhere,
  bytes: Uint8Array,
  plane: 'control' | 'media' = 'control',
) {
  const to = 'peer' in viewer ? viewer.peer : viewer;
  return { kind: 'sent', id: pretended++, from: cameraPeer, to, bytes, plane } as const;
}

/** A datagram that reaches the camera, whoever sent it. */
export function arrivesAtCamera(from: typeof elsewhere, bytes: Uint8Array) {
  return { kind: 'arrived', id: pretended++, host: 'camera', from, bytes } as const;
}

/** A world in which one viewer has streamed for a while, its watch, and what START_ACK announced. */
export function streaming(options: WatchedWorldOptions = {}) {
  let ssrc = 0;
  const world = new WatchedWorld({
    ...options,
    doctor: (event, self) => {
      if (event.kind === 'sent' && kindOf(event.bytes) === 'START_ACK') {
        const ack = frameOf(event.bytes);
        if ('ssrc' in ack) ssrc = ack.ssrc;
      }
      return options.doctor?.(event, self) ?? [event];
    },
  });
  world.play(10_000);
  const viewer = world.join();
  world.run(500);
  expect([viewer.endpoint.state, world.watch.violations]).toEqual(['Streaming', []]);
  const ids = { streamId: viewer.endpoint.streamId, sessionTag: viewer.endpoint.sessionTag };
  return { world, viewer, ids, ssrc };
}
