import { type AdmissionLimits, defaultAdmissionLimits } from '../engine/admission.ts';
import type { LoadThresholds } from '../engine/load-meter.ts';
import type { BucketRate } from '../engine/prefix-bucket.ts';
import type { NumberRange, SettingReader } from './setting-reader.ts';

const countRange: NumberRange = { min: 1, max: 1_048_576, whole: true };
// Less than a token a second, or no burst, would shut everybody out, and nobody would see why.
const rateRange: NumberRange = { min: 1, max: 1_000_000 };

const limitNames = [
  'prefixRate',
  'prefixRateUnderLoad',
  'pendingPerPrefixSoft',
  'pendingPerPrefixMax',
  'pendingMax',
  'load',
  'retryFraction',
] as const satisfies (keyof AdmissionLimits)[];
const rateNames = ['perSecond', 'burst'] as const satisfies (keyof BucketRate)[];
const loadNames = ['pending', 'startsPerSecond', 'lateMs'] as const satisfies (keyof LoadThresholds)[];

/** The limits on strangers of `respond()`, each with its default. */
export function readLimits(reader: SettingReader, given: unknown): AdmissionLimits {
  const preset = defaultAdmissionLimits;
  const limits = reader.group('limits', given, limitNames);
  const rate = (name: 'prefixRate' | 'prefixRateUnderLoad'): BucketRate => {
    const figures = reader.group(`limits.${name}`, limits?.[name], rateNames);
    const { perSecond, burst } = preset[name];
    return {
      perSecond: reader.number(`limits.${name}.perSecond`, figures?.perSecond, rateRange, perSecond),
      burst: reader.number(`limits.${name}.burst`, figures?.burst, rateRange, burst),
    };
  };
  const count = (name: 'pendingPerPrefixSoft' | 'pendingPerPrefixMax' | 'pendingMax') =>
    reader.number(`limits.${name}`, limits?.[name], countRange, preset[name]);
  const load = reader.group('limits.load', limits?.load, loadNames);
  const threshold = (name: keyof LoadThresholds) =>
    reader.number(`limits.load.${name}`, load?.[name], countRange, preset.load[name]);
  return {
    prefixRate: rate('prefixRate'),
    prefixRateUnderLoad: rate('prefixRateUnderLoad'),
    pendingPerPrefixSoft: count('pendingPerPrefixSoft'),
    pendingPerPrefixMax: count('pendingPerPrefixMax'),
    pendingMax: count('pendingMax'),
    load: { pending: threshold('pending'), startsPerSecond: threshold('startsPerSecond'), lateMs: threshold('lateMs') },
    retryFraction: reader.number(
      'limits.retryFraction',
      limits?.retryFraction,
      { min: 0, max: 1 },
      preset.retryFraction,
    ),
  };
}
