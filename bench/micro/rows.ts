import { admissionRows } from './admission-rows.ts';
import { codecRows } from './codec-rows.ts';
import { cryptoRows } from './crypto-rows.ts';
import { handshakeRows } from './handshake-rows.ts';
import { machineRows } from './machine-rows.ts';
import type { MicroGroup, MicroRow } from './row.ts';
import { timerRows } from './timer-rows.ts';

/** Makes the rows of each group, and whatever they need. */
export const microRows: Readonly<Record<MicroGroup, () => readonly MicroRow[]>> = {
  codec: codecRows,
  machines: machineRows,
  crypto: cryptoRows,
  handshake: handshakeRows,
  timers: timerRows,
  admission: admissionRows,
};
