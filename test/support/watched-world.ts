import type { InvariantId } from '../../src/protocol/invariants.ts';
import { InvariantWatch, type InvariantWatchOptions } from '../../src/sim/invariants/invariant-watch.ts';
import type { Viewer } from '../../src/sim/viewer.ts';
import { World, type WorldOptions } from '../../src/sim/world.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';
import { admitEverybody, playTestFrames, testStream } from './camera-application.ts';

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
