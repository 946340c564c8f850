import { InitiatorEndpoint, type InitiatorEndpointOptions } from '../engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer, ResponderInput, ResponderOutput } from '../engine/io-types.ts';
import { ResponderEndpoint, type ResponderEndpointOptions } from '../engine/responder-endpoint.ts';
import { type Profile, profiles } from '../protocol/profiles.ts';
import { EventQueue } from './event-queue.ts';
import { Link, type LinkModel } from './link.ts';
import { Prng } from './prng.ts';

/** What a simulated world is made of. */
export interface WorldOptions {
  readonly seed: number;
  /** Both directions of every viewer's link, unless the viewer has its own. */
  readonly link?: LinkModel;
  readonly profile?: Profile;
  readonly camera?: Partial<ResponderEndpointOptions>;
  /** What the camera's application does with its endpoint's outputs; sends are the world's business. */
  readonly application: (world: World, output: ResponderOutput) => void;
  /** Sees every datagram that is sent, before the link decides. */
  readonly tap?: (datagram: TappedDatagram) => void;
}

/** A datagram on its way. */
export interface TappedDatagram {
  readonly atMs: number;
  readonly from: Peer;
  readonly to: Peer;
  readonly bytes: Uint8Array;
  readonly plane: 'control' | 'media' | 'feedback' | 'stranger';
}

/** One viewer of a world. */
export interface Viewer {
  readonly peer: Peer;
  readonly endpoint: InitiatorEndpoint;
  readonly toCamera: Link;
  readonly toViewer: Link;
  /** Everything that its endpoint told the application, in order. */
  readonly outputs: { readonly atMs: number; readonly output: InitiatorOutput }[];
  /** A killed host: nothing in, nothing out, no timers. */
  killed: boolean;
  wakeAtMs: number;
}

const cameraPeer: Peer = { address: '10.0.0.1', port: 4444 };

/** One camera and any number of viewers on virtual time: the real engine, without sockets and without waiting. */
export class World {
  readonly clock = new EventQueue();
  readonly viewers: Viewer[] = [];
  readonly cameraOutputs: { readonly atMs: number; readonly output: ResponderOutput }[] = [];
  camera: ResponderEndpoint;
  readonly #options: WorldOptions;
  readonly #profile: Profile;
  #cameraKilled = false;
  #cameraWakeAtMs = Number.POSITIVE_INFINITY;
  #streams = 1;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#profile = options.profile ?? profiles.default;
    this.camera = this.#newCamera();
  }

  /** Adds a viewer; it starts when it is told to. */
  addViewer(options: Partial<InitiatorEndpointOptions> = {}, link: LinkModel = this.#options.link ?? {}): Viewer {
    const number = this.viewers.length;
    const peer = { address: `10.1.${number >> 8}.${number & 255}`, port: 40_000 };
    const viewer: Viewer = {
      peer,
      endpoint: new InitiatorEndpoint({
        profile: this.#profile,
        entropy: this.#prng(),
        peer: cameraPeer,
        ...options,
      }),
      toCamera: new Link(link, this.#prng()),
      toViewer: new Link(link, this.#prng()),
      outputs: [],
      killed: false,
      wakeAtMs: Number.POSITIVE_INFINITY,
    };
    this.viewers.push(viewer);
    return viewer;
  }

  /** Gives the camera's endpoint an input now. */
  toCamera(input: ResponderInput): void {
    if (this.#cameraKilled) return;
    for (const output of this.camera.step(input, this.clock.nowMs)) this.#cameraOutput(output);
    this.#scheduleCamera();
  }

  /** Gives a viewer's endpoint an input now. */
  toViewer(viewer: Viewer, input: InitiatorInput): void {
    if (viewer.killed) return;
    for (const output of viewer.endpoint.step(input, this.clock.nowMs)) {
      if (output.kind === 'send') this.#carry(viewer, 'toCamera', output.bytes, output.plane);
      else viewer.outputs.push({ atMs: this.clock.nowMs, output });
    }
    this.#scheduleViewer(viewer);
  }

  /** A datagram that no endpoint sent reaches the camera, as if it came from `from`. */
  inject(from: Peer, bytes: Uint8Array): void {
    this.#options.tap?.({ atMs: this.clock.nowMs, from, to: cameraPeer, bytes, plane: 'stranger' });
    this.toCamera({ kind: 'datagram', bytes, from });
  }

  /** A datagram that the camera did not send reaches a viewer in its name. */
  injectToViewer(viewer: Viewer, bytes: Uint8Array, from: Peer = cameraPeer): void {
    this.toViewer(viewer, { kind: 'datagram', bytes, from });
  }

  /** The camera's process ends without a word. */
  killCamera(): void {
    this.#cameraKilled = true;
  }

  /** A new process on the camera's address; it knows nothing but the options. */
  restartCamera(): void {
    this.#cameraKilled = false;
    this.#cameraWakeAtMs = Number.POSITIVE_INFINITY;
    this.camera = this.#newCamera();
  }

  /** Lets virtual time pass. */
  run(forMs: number): void {
    this.clock.runUntil(this.clock.nowMs + forMs);
  }

  #newCamera(): ResponderEndpoint {
    return new ResponderEndpoint({ profile: this.#profile, entropy: this.#prng(), ...this.#options.camera });
  }

  #prng(): Prng {
    return new Prng(this.#options.seed, this.#streams++);
  }

  #cameraOutput(output: ResponderOutput): void {
    if (output.kind !== 'send' && output.kind !== 'media') {
      this.cameraOutputs.push({ atMs: this.clock.nowMs, output });
      return this.#options.application(this, output);
    }
    const plane = output.kind === 'media' ? 'media' : output.plane;
    const viewer = this.viewers.find(({ peer }) => peer.address === output.to.address && peer.port === output.to.port);
    if (viewer !== undefined) return this.#carry(viewer, 'toViewer', output.bytes, plane);
    this.#options.tap?.({ atMs: this.clock.nowMs, from: cameraPeer, to: output.to, bytes: output.bytes, plane });
  }

  #carry(viewer: Viewer, way: 'toCamera' | 'toViewer', bytes: Uint8Array, plane: TappedDatagram['plane']): void {
    const { nowMs } = this.clock;
    const [from, to] = way === 'toCamera' ? [viewer.peer, cameraPeer] : [cameraPeer, viewer.peer];
    this.#options.tap?.({ atMs: nowMs, from, to, bytes, plane });
    for (const delivery of viewer[way].carry(bytes)) {
      const input = { kind: 'datagram', bytes: delivery.bytes, from } as const;
      this.clock.at(nowMs + delivery.afterMs, () => {
        if (way === 'toCamera') this.toCamera(input);
        else this.toViewer(viewer, input);
      });
    }
  }

  #scheduleCamera(): void {
    const deadlineMs = this.camera.deadlineMs();
    if (deadlineMs >= this.#cameraWakeAtMs) return;
    this.#cameraWakeAtMs = deadlineMs;
    const { camera } = this;
    this.clock.at(deadlineMs, () => {
      if (camera !== this.camera || this.#cameraWakeAtMs !== deadlineMs) return;
      this.#cameraWakeAtMs = Number.POSITIVE_INFINITY;
      this.toCamera({ kind: 'timeout' });
    });
  }

  #scheduleViewer(viewer: Viewer): void {
    const deadlineMs = viewer.endpoint.deadlineMs();
    if (deadlineMs >= viewer.wakeAtMs) return;
    viewer.wakeAtMs = deadlineMs;
    this.clock.at(deadlineMs, () => {
      if (viewer.wakeAtMs !== deadlineMs) return;
      viewer.wakeAtMs = Number.POSITIVE_INFINITY;
      this.toViewer(viewer, { kind: 'timeout' });
    });
  }
}
