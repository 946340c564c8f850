import type { ResponderOutput } from '../../src/engine/io-types.ts';
import type { ResponderEndpointOptions } from '../../src/engine/responder-endpoint.ts';
import { frameTypeName } from '../../src/protocol/frame.ts';
import type { HostClock } from '../../src/sim/host.ts';
import type { LinkPair } from '../../src/sim/link-model.ts';
import type { Viewer } from '../../src/sim/viewer.ts';
import { type ViewerOptions, World } from '../../src/sim/world.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';
import { testStream } from './camera-application.ts';
import type { CredentialsPair } from './secured-pair.ts';

/** A datagram that an endpoint of a secured world sent. */
export interface Sent {
  readonly atMs: number;
  readonly name: string;
  readonly fromCamera: boolean;
  readonly bytes: Uint8Array;
}

/** A camera and viewers with credentials, and all that they send. */
export class SecuredWorld {
  readonly world: World;
  readonly sent: Sent[] = [];
  readonly #pair: CredentialsPair;

  constructor(
    pair: CredentialsPair,
    options: {
      readonly seed?: number;
      readonly link?: LinkPair;
      readonly camera?: Partial<ResponderEndpointOptions>;
      readonly cameraClock?: HostClock;
    } = {},
  ) {
    const stream = testStream();
    this.#pair = pair;
    this.world = new World({
      seed: options.seed ?? 1,
      link: options.link ?? { oneWayMs: 10 },
      camera: { security: pair.camera, ...options.camera },
      ...(options.cameraClock === undefined ? {} : { cameraClock: options.cameraClock }),
      application: (world, output) => {
        if (output.kind !== 'reserve') return;
        const { session } = output;
        world.clock.at(world.clock.nowMs, () =>
          world.toCamera({ kind: 'reserved', session, feed: stream.feed, sdp: 'v=0' }),
        );
      },
      observe: (event) => this.#see(event),
    });
  }

  /** Adds a viewer that starts now, with the pair's credentials unless it has its own. */
  join(options: ViewerOptions = {}): Viewer {
    const viewer = this.world.addViewer({ security: this.#pair.viewer, ...options });
    this.world.toViewer(viewer, { kind: 'start' });
    return viewer;
  }

  /** Datagrams of one kind, in the order in which they were sent. */
  ofKind(name: string): readonly Sent[] {
    return this.sent.filter((datagram) => datagram.name === name);
  }

  /** What the camera told its application. */
  told<K extends ResponderOutput['kind']>(kind: K): Extract<ResponderOutput, { kind: K }>[] {
    return this.world.cameraOutputs.flatMap(({ output }) =>
      output.kind === kind ? [output as Extract<ResponderOutput, { kind: K }>] : [],
    );
  }

  /** How often the camera dropped a datagram for this reason. */
  cameraDrops(): Readonly<Record<string, number>> {
    return this.world.camera.counters.snapshot().drops;
  }

  #see(event: WorldEvent): void {
    if (event.kind !== 'sent' || event.plane === 'stranger') return;
    const name = event.plane === 'control' ? (frameTypeName(event.bytes[2] ?? 0) ?? '?') : event.plane;
    const fromCamera = event.from.address === '10.0.0.1';
    this.sent.push({ atMs: event.atMs, name, fromCamera, bytes: event.bytes });
  }
}

/** A secured viewer in Streaming, and its world. */
export function streamingWorld(pair: CredentialsPair): { readonly secured: SecuredWorld; readonly viewer: Viewer } {
  const secured = new SecuredWorld(pair);
  const viewer = secured.join({ streamName: 'door' });
  secured.world.run(50);
  if (viewer.endpoint.state !== 'Streaming') throw new Error(`the viewer is in ${viewer.endpoint.state}`);
  return { secured, viewer };
}
