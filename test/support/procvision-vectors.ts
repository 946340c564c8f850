import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/neighbours/procvision/core/codec.ts';

/** A recorded frame, or piece of a stream. */
export interface ProcvisionVector {
  readonly name: string;
  readonly kind: 'frame' | 'framing';
  readonly direction: 'runner->adapter' | 'adapter->runner';
  readonly generation?: string;
  readonly hex: string;
  readonly json?: string;
  readonly fields?: JsonObject;
  readonly recommended?: {
    readonly outcome: string;
    readonly counter?: string;
    readonly error_frame?: JsonObject;
  };
}

/** What is sent in a step. */
export interface ProcvisionMessage {
  readonly json?: string;
  readonly hex?: string;
  readonly vector?: string;
}

/** One step of a driver. */
export interface ProcvisionStep {
  readonly after_frames?: number;
  readonly after_ms?: number;
  readonly send?: readonly ProcvisionMessage[];
  readonly one_write?: boolean;
  readonly close_input?: boolean;
}

/** A recorded conversation. */
export interface ProcvisionScenario {
  readonly name: string;
  readonly subject: 'adapter' | 'runner';
  readonly generation: string;
  readonly steps?: readonly ProcvisionStep[];
  readonly expected: {
    readonly recorded: {
      readonly frames: readonly { readonly frame: JsonObject }[];
      readonly exit?: { readonly code: number } | string;
    } | null;
  };
}

interface Recording {
  readonly vectors: readonly ProcvisionVector[];
  readonly scenarios: readonly ProcvisionScenario[];
}

const path = join(import.meta.dirname, '../neighbours/vectors/procvision.json');
const recording = JSON.parse(readFileSync(path, 'utf8')) as Recording;

/** All vectors. */
export const procvisionVectors = recording.vectors;

/** All scenarios. */
export const procvisionScenarios = recording.scenarios;
