import { initiatorMachine, responderMachine } from '../../../machines/index.ts';

interface DefinedRow {
  readonly target?: string;
  readonly guard?: string;
  readonly actions?: string | readonly string[];
}

interface Defined {
  readonly states: Readonly<
    Record<
      string,
      { readonly on?: Readonly<Record<string, DefinedRow | readonly DefinedRow[]>>; readonly entry?: string }
    >
  >;
}

/**
 * The rows of both machines as Promela, from their definitions: constants for states and events, and for each machine an inline
 * that takes `ev` in a state. What conditions and actions mean is written by hand around it (docs/promela/handshake.pml): each
 * is a macro with the machine's letter before its name.
 */
export function promelaRows(): string {
  const initiator = initiatorMachine.config as unknown as Defined;
  const responder = responderMachine.config as unknown as Defined;
  const events = [initiator, responder].flatMap(({ states }) =>
    Object.values(states).flatMap(({ on }) => Object.keys(on ?? {})),
  );
  return [
    '/* Generated from machines/*.ts; npx vitest run test/sim/explore/promela -u writes it anew. */',
    ...[...new Set(events)].sort().map((event, i) => `#define ${eventName(event)} ${i + 1}`),
    ...constants('I', initiator),
    ...constants('R', responder),
    ...inlineOf('initiator', 'I', 'i_state', initiator),
    ...inlineOf('responder', 'R', 'r_state', responder),
    '',
  ].join('\n');
}

function constants(letter: string, { states }: Defined): string[] {
  return Object.keys(states).map((state, i) => `#define ${letter}_${state} ${i}`);
}

function inlineOf(role: string, letter: string, variable: string, { states }: Defined): string[] {
  const lines = Object.entries(states).flatMap(([state, { on }]) =>
    Object.entries(on ?? {}).flatMap(([event, defined]) => {
      const rows = [defined].flat() as readonly DefinedRow[];
      return rows.map((row, i) => {
        const earlier = rows.slice(0, i).map(({ guard }) => `!${letter}_${guard}`);
        const own = row.guard === undefined ? [] : [`${letter}_${row.guard}`];
        const when = [`${variable} == ${letter}_${state}`, `ev == ${eventName(event)}`, ...earlier, ...own].join(
          ' && ',
        );
        return `  :: ${when} -> ${consequences(letter, variable, state, row, states).join('; ')}`;
      });
    }),
  );
  return ['', `inline ${role}_rows() {`, '  if', ...lines, '  :: else -> skip', '  fi', '}'];
}

function consequences(
  letter: string,
  variable: string,
  state: string,
  { target, actions = [] }: DefinedRow,
  states: Defined['states'],
): string[] {
  const entry = target === undefined ? undefined : states[target]?.entry;
  const names = [actions, entry ?? []].flat();
  return [`${variable} = ${letter}_${target ?? state}`, ...names.map((name) => `${letter}_${name}`)];
}

function eventName(event: string): string {
  return `ev_${event.replace('.', '_')}`;
}
