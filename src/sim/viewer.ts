import type { InitiatorEndpoint } from '../engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer } from '../engine/io-types.ts';
import { Host, type HostOptions } from './host.ts';
import type { Link } from './link.ts';

/** Something that an endpoint told its application. */
export interface Told<Output> {
  readonly atMs: number;
  readonly output: Output;
}

/** One viewer of a world: a host with a link of its own to the camera. */
export class Viewer extends Host<InitiatorInput, InitiatorOutput, InitiatorEndpoint> {
  /** Its place in {@link World.viewers}. */
  readonly number: number;
  readonly toCamera: Link;
  readonly toViewer: Link;
  /** Everything that its endpoint told the application, in order. */
  readonly outputs: Told<InitiatorOutput>[] = [];
  /** As the camera sees it. A NAT on the way may change it. */
  peer: Peer;

  constructor(
    options: HostOptions<InitiatorEndpoint, InitiatorOutput>,
    place: { readonly number: number; readonly peer: Peer; readonly toCamera: Link; readonly toViewer: Link },
  ) {
    super(options);
    this.number = place.number;
    this.peer = place.peer;
    this.toCamera = place.toCamera;
    this.toViewer = place.toViewer;
  }
}
