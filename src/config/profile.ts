import { ATTEMPTS_MAX } from '../protocol/constants.ts';
import { type Profile, profiles } from '../protocol/profiles.ts';
import { quoted } from './parsed.ts';
import type { NumberRange, SettingReader } from './setting-reader.ts';

/** Handshake deadlines that make sense: below 100 ms hardly any network answers, above 10 min nobody waits. */
export const handshakeRange: NumberRange = { min: 100, max: 600_000, unit: ' ms' };
/** First intervals of T1. */
export const rtoInitialRange: NumberRange = { min: 1, max: 60_000, unit: ' ms' };

const timeRange: NumberRange = { min: 10, max: 3_600_000, unit: ' ms' };

const ranges: Readonly<Record<keyof Profile, NumberRange>> = {
  rtoInitialMs: rtoInitialRange,
  rtoFactor: { min: 1, max: 10 },
  rtoMaxMs: rtoInitialRange,
  // All of it could make an interval 0, and a timer that never rests.
  rtoJitter: { min: 0, max: 0.9 },
  sendsMax: { min: 1, max: ATTEMPTS_MAX, whole: true },
  handshakeMs: handshakeRange,
  heartbeatMs: timeRange,
  pingRepeatMs: timeRange,
  watchdogMs: timeRange,
  deadMs: timeRange,
  consentMs: timeRange,
};

const profileFields = Object.keys(ranges) as (keyof Profile)[];

/** Pairs of which the first must be smaller, or a timer would fire before what it waits for can have happened. */
const orders: readonly (readonly [smaller: keyof Profile, larger: keyof Profile])[] = [
  ['watchdogMs', 'deadMs'],
  ['heartbeatMs', 'consentMs'],
  ['heartbeatMs', 'deadMs'],
  ['pingRepeatMs', 'deadMs'],
  ['pingRepeatMs', 'consentMs'],
];

/** Reads the option `profile`: a name, or an object with all figures; problems go to the reader. */
export function readProfile(reader: SettingReader, given: unknown): Profile {
  if (given === undefined) return profiles.default;
  if (typeof given === 'string') {
    if (Object.hasOwn(profiles, given)) return profiles[given as keyof typeof profiles];
    reader.problem('profile', `is ${quoted(given)}`, `use one of ${Object.keys(profiles).join(', ')}`);
    return profiles.default;
  }
  const group = reader.group('profile', given, profileFields);
  if (group === undefined) return profiles.default;
  const figures = profileFields.map((field) => {
    const figure = reader.number(`profile.${field}`, group[field], ranges[field], undefined);
    if (group[field] === undefined) {
      reader.problem(`profile.${field}`, 'is missing', `name all figures, such as { ...profiles.lan, ${field}: … }`);
    }
    return [field, figure ?? profiles.default[field]] as const;
  });
  const profile = Object.fromEntries(figures) as Record<keyof Profile, number>;
  if (profileFields.every((field) => profile[field] === group[field])) checkOrder(reader, profile);
  return profile;
}

function checkOrder(reader: SettingReader, profile: Profile): void {
  if (profile.rtoMaxMs < profile.rtoInitialMs) {
    reader.problem(
      'profile.rtoMaxMs',
      `is ${profile.rtoMaxMs}, less than rtoInitialMs`,
      `use ${profile.rtoInitialMs} or more`,
    );
  }
  for (const [smaller, larger] of orders) {
    if (profile[smaller] < profile[larger]) continue;
    const problem = `is ${profile[larger]}, not more than ${smaller}`;
    reader.problem(`profile.${larger}`, problem, `use more than ${profile[smaller]}`);
  }
}
