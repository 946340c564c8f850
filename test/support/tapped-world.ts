import type { InitiatorEndpointOptions } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorOutput } from '../../src/engine/io-types.ts';
import type { ResponderEndpointOptions } from '../../src/engine/responder-endpoint.ts';
import type { Profile } from '../../src/protocol/profiles.ts';
import type { LinkModel } from '../../src/sim/link-model.ts';
import type { Viewer } from '../../src/sim/viewer.ts';
import { World } from '../../src/sim/world.ts';
import type { TappedDatagram } from '../../src/sim/world-event.ts';
import { admitEverybody, playTestFrames, type TestStream, testStream } from './camera-application.ts';
import { kindOf } from './frames.ts';

/** What a {@link TappedWorld} is made of. */
export interface TappedWorldOptions {
  readonly seed: number;
  readonly link?: LinkModel;
  readonly profile?: Profile;
  readonly camera?: Partial<ResponderEndpointOptions>;
  /** Sees each datagram right before the link decides. */
  readonly tap?: (datagram: TappedDatagram) => void;
  /** Keep every tapped datagram; default true. */
  readonly keep?: boolean;
}

/** A world with the simplest application, which keeps what passed by. */
export class TappedWorld extends World {
  readonly stream: TestStream;
  readonly tapped: TappedDatagram[];

  constructor(options: TappedWorldOptions) {
    const { seed, link, profile, camera, tap, keep = true } = options;
    const stream = testStream();
    const tapped: TappedDatagram[] = [];
    super({
      seed,
      ...(link === undefined ? {} : { link }),
      ...(profile === undefined ? {} : { profile }),
      ...(camera === undefined ? {} : { camera }),
      application: admitEverybody(stream),
      observe: (event) => {
        if (event.kind !== 'sent') return;
        if (keep) tapped.push(event);
        tap?.(event);
      },
    });
    this.stream = stream;
    this.tapped = tapped;
  }

  /** Frames of the one stream. */
  play(options: { count: number; bytes?: number; intervalMs?: number }): void {
    playTestFrames(this, this.stream, options);
  }

  /** A new viewer that starts now. */
  join(options: Partial<InitiatorEndpointOptions> = {}, link?: LinkModel): Viewer {
    const viewer = link === undefined ? this.addViewer(options) : this.addViewer(options, link);
    this.toViewer(viewer, { kind: 'start' });
    return viewer;
  }

  /** Datagrams from the camera. */
  get fromCamera(): TappedDatagram[] {
    return this.tapped.filter(({ from }) => from.address === '10.0.0.1');
  }

  /** Names of what a viewer sent, in order. */
  kindsFrom(viewer: Viewer): ReturnType<typeof kindOf>[] {
    return this.tapped.filter(({ from }) => from.address === viewer.peer.address).map(({ bytes }) => kindOf(bytes));
  }

  /** What became of the camera's sessions. */
  get cameraClosed(): { readonly atMs: number; readonly code: number }[] {
    return this.cameraOutputs.flatMap(({ atMs, output }) =>
      output.kind === 'closed' ? [{ atMs, code: output.code }] : [],
    );
  }

  /** Lets everything pass, or nothing. */
  partition(viewer: Viewer, { toCamera = false, toViewer = false }: { toCamera?: boolean; toViewer?: boolean }): void {
    viewer.toCamera.partitioned = toCamera;
    viewer.toViewer.partitioned = toViewer;
  }
}

/** How a viewer's session ended and when, `undefined` while it has not. */
export function endOf(viewer: Viewer): { readonly atMs: number; readonly code: number } | undefined {
  for (const { atMs, output } of viewer.outputs) if (output.kind === 'closed') return { atMs, code: output.code };
  return undefined;
}

/** When a viewer's application was first told of something. */
export function toldAtMs(viewer: Viewer, kind: InitiatorOutput['kind']): number | undefined {
  return viewer.outputs.find(({ output }) => output.kind === kind)?.atMs;
}
