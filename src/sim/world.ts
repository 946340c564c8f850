import type { HintName } from '../engine/counters.ts';
import { InitiatorEndpoint, type InitiatorEndpointOptions } from '../engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer, ResponderInput, ResponderOutput } from '../engine/io-types.ts';
import { ResponderEndpoint, type ResponderEndpointOptions } from '../engine/responder-endpoint.ts';
import { type Profile, profiles } from '../protocol/profiles.ts';
import { EventQueue } from './event-queue.ts';
import { FaultyEntropy } from './faulty-entropy.ts';
import { Host, type HostClock, type WakeOrder } from './host.ts';
import { Link } from './link.ts';
import { directions, type LinkPair } from './link-model.ts';
import { Prng } from './prng.ts';
import { type Told, Viewer } from './viewer.ts';
import type { HostFault, HostName, SimulatedPlane, WorldEvent } from './world-event.ts';

/** What a simulated world is made of. */
export interface WorldOptions {
  /** u32. */
  readonly seed: number;
  /** Every viewer's link, unless the viewer has its own. Default perfect. */
  readonly link?: LinkPair;
  readonly profile?: Profile;
  readonly camera?: Partial<ResponderEndpointOptions>;
  readonly cameraClock?: HostClock;
  /** What the camera's application does with its endpoint's outputs; sends are the world's business. */
  readonly application: (world: World, output: ResponderOutput) => void;
  /** Sees everything that happens, when it happens. */
  readonly observe?: (event: WorldEvent, world: World) => void;
  /** Keep what endpoints tell their applications; default true. */
  readonly keepOutputs?: boolean;
}

/** What one viewer is made of. */
export interface ViewerOptions extends Partial<InitiatorEndpointOptions> {
  readonly clock?: HostClock;
  /** The n-th request of its program for random bytes fails, and the program with it. */
  readonly allocationFailsAt?: number;
}

/** Datagrams of a host that the system refuses from now on. */
export interface SendFault {
  readonly hint: HintName;
  /** Fraction refused, 0..1. */
  readonly fraction: number;
}

type CameraHost = Host<ResponderInput, ResponderOutput, ResponderEndpoint>;

/** Where the camera of a world listens. */
export const cameraPeer: Peer = { address: '10.0.0.1', port: 4444 };

/** One camera and any number of viewers on virtual time: the real engine, without sockets and without waiting. */
export class World {
  readonly clock = new EventQueue();
  readonly viewers: Viewer[] = [];
  readonly cameraHost: CameraHost;
  readonly cameraOutputs: Told<ResponderOutput>[] = [];
  readonly #options: WorldOptions;
  readonly #profile: Profile;
  readonly #byPeer = new Map<string, Viewer>();
  readonly #sendFaults = new Map<HostName, SendFault & { readonly prng: Prng }>();
  readonly #observe: WorldOptions['observe'];
  /** Each viewer's newest token, which its next program shows if it asks for fast mode. */
  readonly #tokens = new Map<number, Uint8Array>();
  #streams = 1;
  #sent = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#observe = options.observe;
    this.#profile = options.profile ?? profiles.default;
    this.cameraHost = new Host({
      queue: this.clock,
      boot: () => new ResponderEndpoint({ profile: this.#profile, entropy: this.#prng(), ...options.camera }),
      perform: (output) => this.#cameraOutput(output),
      died: () => this.#fault('camera', 'allocationFailed'),
      ...(options.cameraClock === undefined ? {} : { clock: options.cameraClock }),
    });
  }

  /** The camera's endpoint; another one after a restart. */
  get camera(): ResponderEndpoint {
    return this.cameraHost.endpoint;
  }

  /** Adds a viewer; it starts when it is told to. */
  addViewer(options: ViewerOptions = {}, link: LinkPair = this.#options.link ?? {}): Viewer {
    const { clock, allocationFailsAt, ...endpoint } = options;
    const number = this.viewers.length;
    const both = directions(link);
    const boot = (): InitiatorEndpoint => {
      const prng = this.#prng();
      const entropy = allocationFailsAt === undefined ? prng : new FaultyEntropy(prng, allocationFailsAt);
      const token = endpoint.fast === true ? this.#tokens.get(number) : undefined;
      this.#tokens.delete(number);
      const shown = token === undefined ? {} : { token };
      return new InitiatorEndpoint({ profile: this.#profile, entropy, peer: cameraPeer, ...shown, ...endpoint });
    };
    const viewer: Viewer = new Viewer(
      {
        queue: this.clock,
        boot,
        perform: (output) => this.#viewerOutput(viewer, output),
        died: () => this.#fault(number, 'allocationFailed'),
        ...(clock === undefined ? {} : { clock }),
      },
      {
        number,
        peer: { address: `10.1.${number >> 8}.${number & 255}`, port: 40_000 },
        toCamera: new Link(both.toCamera, this.#prng()),
        toViewer: new Link(both.toViewer, this.#prng()),
      },
    );
    this.viewers.push(viewer);
    this.#byPeer.set(keyOf(viewer.peer), viewer);
    return viewer;
  }

  /** The camera's application, or anything but the network, gives its endpoint an input now. */
  toCamera(input: ResponderInput): void {
    this.#observe?.({ kind: 'asked', atMs: this.clock.nowMs, host: 'camera', input }, this);
    this.cameraHost.give(input);
  }

  /** A viewer's application, or anything but the network, gives its endpoint an input now. */
  toViewer(viewer: Viewer, input: InitiatorInput): void {
    this.#observe?.({ kind: 'asked', atMs: this.clock.nowMs, host: viewer.number, input }, this);
    viewer.give(input);
  }

  /** A datagram that no endpoint sent reaches the camera, as if it came from `from`. */
  inject(from: Peer, bytes: Uint8Array): void {
    this.#arrive('camera', this.#note(from, cameraPeer, bytes, 'stranger'), from, bytes);
  }

  /** A datagram that the camera did not send reaches a viewer in its name. */
  injectToViewer(viewer: Viewer, bytes: Uint8Array, from: Peer = cameraPeer): void {
    this.#arrive(viewer, this.#note(from, viewer.peer, bytes, 'stranger'), from, bytes);
  }

  /** A host's program ends without a word. */
  crash(host: HostName): void {
    this.#fault(host, 'crash');
    this.#host(host).crash();
  }

  /** A new program on a host's address; it knows nothing but its options. */
  restart(host: HostName): void {
    this.#fault(host, 'restart');
    this.#host(host).restart();
  }

  /** What a viewer's next program shows if it asks for fast mode, in place of the newest token that it was given. */
  keepToken(viewer: Viewer, token: Uint8Array): void {
    this.#tokens.set(viewer.number, token);
  }

  /** A host stands still. */
  pause(host: HostName): void {
    this.#fault(host, 'pause');
    this.#host(host).pause();
  }

  /** It goes on. */
  resume(host: HostName, order?: WakeOrder): void {
    this.#fault(host, 'resume');
    this.#host(host).resume(order);
  }

  /** A NAT between a viewer and the camera forgets it: from now on it comes from another port, and the old one leads nowhere. */
  rebind(viewer: Viewer): void {
    this.#fault(viewer.number, 'rebind');
    this.#byPeer.delete(keyOf(viewer.peer));
    viewer.peer = { address: viewer.peer.address, port: viewer.peer.port + 1 };
    this.#byPeer.set(keyOf(viewer.peer), viewer);
  }

  /** The system of a host refuses datagrams; `undefined` ends it. */
  failSends(host: HostName, fault: SendFault | undefined): void {
    if (fault === undefined) this.#sendFaults.delete(host);
    else this.#sendFaults.set(host, { ...fault, prng: this.#prng() });
  }

  /** Lets virtual time pass. */
  run(forMs: number): void {
    this.clock.runUntil(this.clock.nowMs + forMs);
  }

  #host(host: HostName): Pick<CameraHost, 'crash' | 'restart' | 'pause' | 'resume'> {
    const found = host === 'camera' ? this.cameraHost : this.viewers[host];
    if (found === undefined) throw new RangeError(`there is no viewer ${host}`);
    return found;
  }

  #fault(host: HostName, fault: HostFault): void {
    this.#observe?.({ kind: 'fault', atMs: this.clock.nowMs, host, fault }, this);
  }

  #prng(): Prng {
    return new Prng(this.#options.seed, this.#streams++);
  }

  #cameraOutput(output: ResponderOutput): void {
    if (output.kind === 'send' || output.kind === 'media') {
      const plane = output.kind === 'media' ? 'media' : output.plane;
      return this.#send('camera', this.#byPeer.get(keyOf(output.to)), output.to, output.bytes, plane);
    }
    const { nowMs } = this.clock;
    this.#observe?.({ kind: 'told', atMs: nowMs, host: 'camera', output }, this);
    if (this.#options.keepOutputs !== false) this.cameraOutputs.push({ atMs: nowMs, output });
    this.#options.application(this, output);
  }

  #viewerOutput(viewer: Viewer, output: InitiatorOutput): void {
    if (output.kind === 'send') return this.#send(viewer.number, viewer, cameraPeer, output.bytes, output.plane);
    const { nowMs } = this.clock;
    if (output.kind === 'token') this.#tokens.set(viewer.number, output.token);
    this.#observe?.({ kind: 'told', atMs: nowMs, host: viewer.number, output }, this);
    if (this.#options.keepOutputs !== false) viewer.outputs.push({ atMs: nowMs, output });
  }

  #send(sender: HostName, viewer: Viewer | undefined, to: Peer, bytes: Uint8Array, plane: SimulatedPlane): void {
    const { nowMs } = this.clock;
    const fromCamera = sender === 'camera';
    const from = fromCamera ? cameraPeer : (viewer?.peer ?? cameraPeer);
    const id = this.#note(from, to, bytes, plane);
    if (this.#refused(sender, to, bytes.length)) return this.#lost(id, 'sendFailed');
    if (viewer === undefined) return this.#lost(id, 'noRoute');
    const reason = viewer[fromCamera ? 'toViewer' : 'toCamera'].carry(bytes, nowMs, (copy, atMs) => {
      this.clock.at(atMs, () => {
        if (!fromCamera) this.#arrive('camera', id, from, copy);
        else if (this.#byPeer.get(keyOf(to)) === viewer) this.#arrive(viewer, id, from, copy);
        else this.#lost(id, 'noRoute');
      });
    });
    if (reason !== undefined) this.#lost(id, reason);
  }

  #note(from: Peer, to: Peer, bytes: Uint8Array, plane: SimulatedPlane): number {
    const id = ++this.#sent;
    this.#observe?.({ kind: 'sent', atMs: this.clock.nowMs, id, from, to, bytes, plane }, this);
    return id;
  }

  #lost(id: number, reason: Extract<WorldEvent, { kind: 'lost' }>['reason']): void {
    this.#observe?.({ kind: 'lost', atMs: this.clock.nowMs, id, reason }, this);
  }

  #arrive(at: 'camera' | Viewer, id: number, from: Peer, bytes: Uint8Array): void {
    const host = at === 'camera' ? at : at.number;
    this.#observe?.({ kind: 'arrived', atMs: this.clock.nowMs, id, host, from, bytes }, this);
    const input = { kind: 'datagram', bytes, from } as const;
    const taken = at === 'camera' ? this.cameraHost.give(input) : at.give(input);
    if (taken) return;
    const state = at === 'camera' ? this.cameraHost.state : at.state;
    this.#lost(id, state === 'down' ? 'hostDown' : 'bufferFull');
  }

  /** The sender hears of it a turn later, as from a socket. */
  #refused(sender: HostName, to: Peer, bytes: number): boolean {
    const fault = this.#sendFaults.get(sender);
    if (fault === undefined || !fault.prng.chance(fault.fraction)) return false;
    const input = { kind: 'sendFailed', to, hint: fault.hint, bytes } as const;
    this.clock.at(this.clock.nowMs, () => {
      if (sender === 'camera') this.cameraHost.give(input);
      else this.viewers[sender]?.give(input);
    });
    return true;
  }
}

function keyOf({ address, port }: Peer): string {
  return `${address} ${port}`;
}
