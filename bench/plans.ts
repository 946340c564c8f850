import { cameraRate } from './camera-rate.ts';
import { flood } from './flood.ts';
import { halfOpen } from './half-open.ts';
import { handshakeRate } from './handshake-rate.ts';
import { lossSweep } from './loss-sweep.ts';
import { mediaRate } from './media-rate.ts';
import { micro } from './micro.ts';
import { pacing } from './pacing.ts';
import type { BenchPlan } from './plan.ts';
import { timeToStream } from './time-to-stream.ts';

/** Every bench of `firstframe bench`, in the order of its help. */
export const benchPlans: readonly BenchPlan[] = [
  timeToStream,
  lossSweep,
  handshakeRate,
  flood,
  halfOpen,
  mediaRate,
  cameraRate,
  pacing,
  micro,
];
