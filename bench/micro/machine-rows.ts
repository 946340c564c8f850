import { initialTransition, transition } from 'xstate';
import { initiatorMachine, type ResponderEvent, responderMachine } from '../../machines/index.ts';
import { initiatorTable, responderTable } from '../../src/engine/tables.ts';
import { type MicroRow, row } from './row.ts';

/** A session from its admission until its viewer has left and copies of BYE can no longer come. */
const life: readonly ResponderEvent[] = [
  { type: 'admission.admitted' },
  { type: 'app.reserved', fastGranted: false },
  { type: 'frame.START_CONFIRM', admitted: true, readyAllowed: true },
  { type: 'frame.PONG', nonceKnown: true },
  { type: 'frame.BYE', code: 0 },
  { type: 'timer.drain' },
];

/** One step of each machine, and a whole session of the responder's: as a table, and as XState does it. */
export function machineRows(): readonly MicroRow[] {
  const confirm: ResponderEvent = { type: 'frame.START_CONFIRM', admitted: true, readyAllowed: true };
  const start = { type: 'app.start' } as const;
  const pending = life.slice(0, 2).reduce((state, event) => transition(responderMachine, state, event)[0], idle());
  const viewer = { sendsMax: 255, fastAsked: false };
  const [viewerIdle] = initialTransition(initiatorMachine, viewer);
  const context = initiatorTable.initialContext(viewer);
  return [
    ...pair(
      'START_CONFIRM',
      () => transition(responderMachine, pending, confirm),
      () => responderTable.step('PendingConfirm', pending.context, confirm),
    ),
    ...pair(
      'start of a viewer',
      () => transition(initiatorMachine, viewerIdle, start),
      () => initiatorTable.step(initiatorTable.initialState, context, start),
    ),
    ...pair(
      `session of ${life.length} events`,
      () => life.reduce((state, event) => transition(responderMachine, state, event)[0], idle()),
      () => {
        let { initialState: state } = responderTable;
        let now = responderTable.initialContext(undefined);
        for (const event of life) {
          const step = responderTable.step(state, now, event);
          if (step === undefined) throw new Error(`no row for ${event.type} in ${state}`);
          state = step.state;
          now = step.context;
        }
        return now;
      },
    ),
  ];
}

function idle() {
  return initialTransition(responderMachine)[0];
}

function pair(name: string, xstate: () => unknown, table: () => unknown): readonly MicroRow[] {
  const reference = `${name}, XState`;
  return [row(reference, xstate), row(`${name}, table`, table, { reference })];
}
