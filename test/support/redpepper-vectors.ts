import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RedPepperMap } from '../../src/neighbours/redpepper/core/value.ts';

/** Bytes of one message, and what is to become of them. */
export interface RedPepperVector {
  readonly name: string;
  readonly kind: 'encode' | 'decode' | 'formula' | 'framing';
  readonly hex: string;
  readonly fields: RedPepperMap;
  readonly recorded: { readonly outcome?: 'accept' | 'reject'; readonly fields?: RedPepperMap };
  readonly recommended: { readonly outcome?: string };
  readonly input: RedPepperMap;
  readonly output: RedPepperMap;
}

/** What one end does at a time. */
export interface RedPepperStep {
  readonly at_ms: number;
  readonly from: 'agent' | 'manager' | 'application';
  readonly send?: readonly ({ readonly msg: RedPepperMap } | { readonly hex: string } | { readonly text: string })[];
  readonly one_write?: boolean;
  readonly plain_tcp?: boolean;
  readonly close?: boolean;
}

/** What the subject sent, and when it closed. */
export interface RedPepperRecording {
  readonly received?: readonly { readonly at_ms: number; readonly msg: RedPepperMap }[];
  readonly closed_at_ms?: number | null;
}

/** One connection, played by a driver. */
export interface RedPepperScenario {
  readonly name: string;
  readonly subject: 'manager' | 'agent';
  readonly config: { readonly ping_interval_s: number; readonly ping_timeout_s: number };
  readonly steps: readonly RedPepperStep[];
  readonly expected: { readonly recorded: RedPepperRecording };
  readonly tls?: { readonly client_certificate: boolean };
}

/** Recordings of RedPepper 0.3.4. */
export const redPepperVectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../neighbours/vectors/redpepper.json'), 'utf8'),
) as { readonly vectors: readonly RedPepperVector[]; readonly scenarios: readonly RedPepperScenario[] };
