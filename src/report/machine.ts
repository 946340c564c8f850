import { cpus, loadavg, totalmem } from 'node:os';

/** What a measurement was made on: a figure without it means nothing. */
export interface MachineDescription {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  /** Load average of the last minute, before the measurement: other work on a shared machine. */
  readonly loadBefore: number;
}

/** Describes this machine now. */
export function describeMachine(): MachineDescription {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}
