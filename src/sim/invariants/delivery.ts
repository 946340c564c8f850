import type { ViewerRecord } from './viewer-record.ts';
import type { ViolationLog } from './violation.ts';

/** A timestamp that goes back further than this is a new clock: a minute at 90 kHz. */
const NEW_CLOCK_TICKS = 5_400_000;

/** S11, as far as this version has it: no frame of one session is given to the application twice, unless media was damaged on its way. */
export class Delivery {
  readonly #log: ViolationLog;

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  frame(record: ViewerRecord, timestamp: number): void {
    const ahead = record.frameTimestamp === undefined ? 1 : (timestamp - record.frameTimestamp) | 0;
    if (!record.mediaDamaged && ahead <= 0 && ahead > -NEW_CLOCK_TICKS) {
      this.#log.report('S11', `viewer ${record.viewer.number} was given the frame of ${timestamp} again`);
    }
    record.frameTimestamp = timestamp;
  }
}
