import type { ProfileName } from '../src/protocol/profiles.ts';
import { profiles } from '../src/protocol/profiles.ts';
import { arrivalKinds } from './arrivals.ts';
import { raisedLimits } from './handshake-cell.ts';
import { cameraLimitsText } from './limits-text.ts';
import { oneOf, option, perSecond, whole } from './options.ts';

const profileNames = Object.keys(profiles) as ProfileName[];
const streams = ['still', 'test', 'clip'] as const;

/** Options of the benches that make handshakes over a link. */
export const handshakeOptions = {
  viewers: option('number', 'handshakes of each cell', whole(1, 1_000_000), '1000'),
  rate: option('rate', 'viewers that begin in a second, whatever becomes of those before', perSecond, '100/s'),
  arrivals: option('kind', 'times between them: poisson, or fixed', oneOf(arrivalKinds), 'poisson'),
  warmUp: option('number', 'handshakes before those that count', whole(0, 100_000), '200'),
  keyframeDatagrams: option('number', 'full-size datagrams of the camera’s key frame', whole(1, 6000), '20'),
  stream: option(
    'kind',
    'still: one key frame, nothing after it; test: 30 such frames a second; clip: the bundled one',
    oneOf(streams),
    'still',
  ),
  profile: option('name', `timers: ${profileNames.join(', ')}`, oneOf(profileNames), 'default'),
};

/** Limits that were raised, in words, for the result. */
export function raisedLimitsText(viewers: number, perSecondMax: number): Readonly<Record<string, string>> {
  const { camera, relay } = raisedLimits(viewers, perSecondMax);
  return {
    ...cameraLimitsText(camera),
    'relay lanes': String(relay.lanesMax),
    'relay datagrams held': String(relay.heldMax),
  };
}
