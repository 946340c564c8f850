import type { RedPepperEnding } from '../../../../machines/index.ts';
import type { Settlement } from '../../core/request-tracker.ts';
import type { LinkNumber } from '../../core/stepped-core.ts';
import type { Response } from './message.ts';
import type { RedPepperMap, RedPepperValue } from './value.ts';

/** What either end's application, or what works for it, tells a core about one of its connections. */
export type SessionInput =
  | {
      readonly kind: 'request';
      readonly link: LinkNumber;
      readonly id: string;
      /** Of the whole message. */
      readonly bytes: Uint8Array;
      /** Default: that of the options. */
      readonly limitMs?: number | undefined;
    }
  | { readonly kind: 'cancel'; readonly link: LinkNumber; readonly id: string }
  | {
      readonly kind: 'finished';
      readonly link: LinkNumber;
      readonly id: string;
      readonly success: boolean;
      readonly data: RedPepperValue;
    };

/** What either end's core tells of one of its connections. */
export type SessionOutput =
  | {
      readonly kind: 'execute';
      readonly link: LinkNumber;
      readonly id: string;
      readonly method: string;
      readonly args: readonly string[];
      readonly kwargs: RedPepperMap;
    }
  | {
      readonly kind: 'settled';
      readonly link: LinkNumber;
      readonly id: string;
      readonly settlement: Settlement<Response> | { readonly outcome: 'full' };
    }
  | {
      readonly kind: 'over';
      readonly link: LinkNumber;
      readonly ending: RedPepperEnding;
      /** Of the Bye, whoever said it. */
      readonly reason: string;
    };
