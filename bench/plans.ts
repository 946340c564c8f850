import { compare } from './compare.ts';
import { lossSweep } from './loss-sweep.ts';
import type { BenchPlan } from './plan.ts';
import { timeToStream } from './time-to-stream.ts';

/** Every bench of `firstframe bench`, in the order of its help. */
export const benchPlans: readonly BenchPlan[] = [timeToStream, lossSweep, compare];
