/**
 * Draws a machine's definition as a Mermaid state diagram.
 */
import type { AnyStateMachine } from 'xstate';
import { type DefinedRow, definedRows, definedStates, finalStates, initialState } from './machine-definition.ts';

// A frame's name is in capitals and needs no prefix; timer.close and app.close would be the same without theirs.
function label(row: DefinedRow, rows: readonly DefinedRow[]): string {
  const event = row.event.replace(/^frame\./, '');
  const rivals = rows.filter((one) => one.from === row.from && one.event === row.event);
  // Where all alternatives lead to the same state, their guards decide nothing that the picture shows.
  if (rivals.length > 1 && rivals.every(({ to }) => to === row.to)) return event;
  if (row.guard !== undefined) return `${event} [${row.guard}]`;
  const tried = rivals.slice(0, rivals.indexOf(row));
  return tried.some(({ to }) => to !== row.to) ? `${event} [else]` : event;
}

/**
 * The text of a `stateDiagram-v2`: all events that lead from one state to another share an arrow, events that leave the
 * state as it is stand in a note beside it.
 */
export function mermaid(machine: AnyStateMachine): string {
  const rows = definedRows(machine);
  const arrows = new Map<string, Set<string>>();
  const notes = new Map<string, Set<string>>();
  for (const row of rows) {
    const [group, key] = row.to === row.from ? [notes, row.from] : [arrows, `${row.from} --> ${row.to}`];
    group.set(key, (group.get(key) ?? new Set()).add(label(row, rows)));
  }
  const lines = ['stateDiagram-v2', `  [*] --> ${initialState(machine)}`];
  for (const state of definedStates(machine)) {
    for (const [arrow, labels] of arrows) {
      if (arrow.startsWith(`${state} `)) lines.push(`  ${arrow}: ${[...labels].join('<br/>')}`);
    }
    const stays = notes.get(state);
    if (stays === undefined) continue;
    lines.push(`  note right of ${state}`, '    stays:', ...[...stays].map((one) => `    ${one}`), '  end note');
  }
  for (const state of finalStates(machine)) lines.push(`  ${state} --> [*]`);
  return `${lines.join('\n')}\n`;
}
