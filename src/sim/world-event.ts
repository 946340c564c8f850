import type { InitiatorInput, InitiatorOutput, Peer, ResponderInput, ResponderOutput } from '../engine/io-types.ts';
import type { LossReason } from './link-model.ts';

/** Which way a datagram belongs: control frames, RTP, RTCP from a viewer, or something that no endpoint sent. */
export type SimulatedPlane = 'control' | 'media' | 'feedback' | 'stranger';

/** A datagram on its way. */
export interface TappedDatagram {
  readonly atMs: number;
  readonly from: Peer;
  readonly to: Peer;
  readonly bytes: Uint8Array;
  readonly plane: SimulatedPlane;
  /** Numbers the datagrams of a world from 1. */
  readonly id: number;
}

/** A host of a world: the camera, or the viewer of that number. */
export type HostName = 'camera' | number;

/** What can be seen to happen in a world, in order. Times are the world's, in ms. */
export type WorldEvent =
  /** An endpoint, or an attacker, sent a datagram; nothing is decided yet. */
  | ({ readonly kind: 'sent' } & TappedDatagram)
  /** It will not arrive; or one that was on its way found nobody. */
  | { readonly kind: 'lost'; readonly atMs: number; readonly id: number; readonly reason: LossReason }
  /** A copy of it reaches a host, maybe damaged. */
  | {
      readonly kind: 'arrived';
      readonly atMs: number;
      readonly id: number;
      readonly host: HostName;
      readonly from: Peer;
      readonly bytes: Uint8Array;
    }
  /** The application of a host tells its endpoint something. */
  | { readonly kind: 'asked'; readonly atMs: number; readonly host: 'camera'; readonly input: ResponderInput }
  | { readonly kind: 'asked'; readonly atMs: number; readonly host: number; readonly input: InitiatorInput }
  /** An endpoint tells its application something. */
  | { readonly kind: 'told'; readonly atMs: number; readonly host: 'camera'; readonly output: ResponderOutput }
  | { readonly kind: 'told'; readonly atMs: number; readonly host: number; readonly output: InitiatorOutput }
  /** Something happens to a host. */
  | { readonly kind: 'fault'; readonly atMs: number; readonly host: HostName; readonly fault: HostFault };

/** What happens to hosts, by name. */
export type HostFault = 'pause' | 'resume' | 'crash' | 'restart' | 'rebind' | 'allocationFailed' | 'sendFailed';
