import type { AdmissionLimits } from '../src/engine/admission.ts';

/** Limits that a camera was given, in words, for the result. */
export function cameraLimitsText(limits: Partial<AdmissionLimits>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, JSON.stringify(value)]));
}
