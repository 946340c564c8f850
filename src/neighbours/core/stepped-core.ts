import type { FramingFault } from './framing.ts';
import type { Refusal, TransportEnd } from './transport.ts';

/** One connection of a core, counted from 1 by whoever drives it. */
export type LinkNumber = number;

/** What a core hears of its connections and of time. */
export type LinkInput =
  | {
      readonly kind: 'connected';
      readonly link: LinkNumber;
      readonly reliable: boolean;
      /** Largest message that the link takes, in bytes. */
      readonly messageBytesMax: number;
    }
  | { readonly kind: 'message'; readonly link: LinkNumber; readonly bytes: Uint8Array }
  | { readonly kind: 'malformed'; readonly link: LinkNumber; readonly fault: FramingFault }
  /** `truncated`: within a message. */
  | { readonly kind: 'ended'; readonly link: LinkNumber; readonly truncated: boolean }
  | { readonly kind: 'writable'; readonly link: LinkNumber }
  /** A message that was to be sent was not. Where the link is reliable and nothing repeats it, the link is of no use any more. */
  | { readonly kind: 'refused'; readonly link: LinkNumber; readonly refusal: Refusal }
  | { readonly kind: 'disconnected'; readonly link: LinkNumber; readonly end: TransportEnd }
  | { readonly kind: 'timeout' };

/** What a core does with its connections. */
export type LinkOutput =
  | { readonly kind: 'send'; readonly link: LinkNumber; readonly bytes: Uint8Array }
  | { readonly kind: 'disconnect'; readonly link: LinkNumber };

/** A protocol without sockets, clocks and timers. */
export interface SteppedCore<Input, Output> {
  step(input: Input | LinkInput, nowMs: number): readonly (Output | LinkOutput)[];
  /** When the next `timeout` is due, monotonic ms; Infinity for never. */
  deadlineMs(): number;
}
