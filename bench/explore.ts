/**
 * Explores the product of both machines, the network, a blind attacker and restarts, within bounds that are printed.
 * Distinct states, steps that changed the state, and steps that did not are counted apart.
 *
 *     node dist/bench/explore.js --states 20000000 --mode set --sessions 3
 */
import { parseArgs } from 'node:util';
import { describeMachine } from '../src/report/machine.ts';
import { type Bounds, defaultBounds, describeBounds } from '../src/sim/explore/bounds.ts';
import { sequenceDiagram } from '../src/sim/explore/diagram.ts';
import type { ExplorationCounts } from '../src/sim/explore/exploration.ts';
import { verdictOf } from '../src/sim/explore/verdict.ts';

const { values: flags } = parseArgs({
  options: {
    states: { type: 'string', default: '1000000' },
    mode: { type: 'string', default: defaultBounds.network },
    'in-flight': { type: 'string', default: String(defaultBounds.inFlightMax) },
    sessions: { type: 'string', default: String(defaultBounds.sessionsMax) },
    candidates: { type: 'string', default: String(defaultBounds.candidatesMax) },
    copies: { type: 'string', default: String(defaultBounds.sendsMax) },
    retries: { type: 'string', default: String(defaultBounds.retriesLeft) },
    restarts: { type: 'string', default: String(defaultBounds.restartsLeft) },
    byes: { type: 'string', default: String(defaultBounds.byesLeft) },
    probes: { type: 'string', default: String(defaultBounds.probesLeft) },
    'responder-restarts': { type: 'string', default: String(defaultBounds.responderRestarts) },
    'initiator-restarts': { type: 'string', default: String(defaultBounds.initiatorRestarts) },
    attacker: { type: 'string', default: defaultBounds.attacker ? 'yes' : 'no' },
    'attacker-streams': { type: 'string', default: String(defaultBounds.attackerStreams) },
    closes: { type: 'string', default: defaultBounds.closes ? 'yes' : 'no' },
    'socket-failures': { type: 'string', default: defaultBounds.socketFailures ? 'yes' : 'no' },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`--${name} ${text}: not a whole number`);
  return value;
}

function network(): Bounds['network'] {
  if (flags.mode === 'set' || flags.mode === 'queue') return flags.mode;
  throw new RangeError(`--mode ${flags.mode}: neither set nor queue`);
}

const bounds: Bounds = {
  network: network(),
  inFlightMax: whole('in-flight', flags['in-flight']),
  sessionsMax: whole('sessions', flags.sessions),
  candidatesMax: whole('candidates', flags.candidates),
  sendsMax: whole('copies', flags.copies),
  retriesLeft: whole('retries', flags.retries),
  restartsLeft: whole('restarts', flags.restarts),
  byesLeft: whole('byes', flags.byes),
  probesLeft: whole('probes', flags.probes),
  responderRestarts: whole('responder-restarts', flags['responder-restarts']),
  initiatorRestarts: whole('initiator-restarts', flags['initiator-restarts']),
  attacker: flags.attacker === 'yes',
  attackerStreams: whole('attacker-streams', flags['attacker-streams']),
  closes: flags.closes === 'yes',
  socketFailures: flags['socket-failures'] === 'yes',
};
const statesMax = whole('states', flags.states);

const figure = (value: number) => value.toLocaleString('en-US');
const say = (line: string) => process.stdout.write(`${line}\n`);

const { cpu, cores, node, loadBefore } = describeMachine();
say(`${cpu}, ${cores} cores, Node ${node}, load ${loadBefore.toFixed(2)}; one core is used`);
say(`bounds: ${describeBounds(bounds)}; at most ${figure(statesMax)} states`);

const startedAtMs = performance.now();
const cpuBefore = process.cpuUsage();
let searchedMs = 0;
let searchedCpuMs = 0;
const verdict = verdictOf(
  { bounds },
  {
    statesMax,
    onProgress: (expanded: number, { states, transitions, depth }: ExplorationCounts) => {
      const seconds = (performance.now() - startedAtMs) / 1000;
      process.stderr.write(
        `${figure(expanded)} of ${figure(states)} expanded, depth ${depth}, ${figure(Math.round(transitions / seconds))} transitions/s\n`,
      );
    },
    onSearched: () => {
      const { user, system } = process.cpuUsage(cpuBefore);
      searchedMs = performance.now() - startedAtMs;
      searchedCpuMs = (user + system) / 1000;
    },
  },
);
const { counts, exploration, violation, liveness } = verdict;
const seconds = searchedMs / 1000;
say(
  `distinct states      ${figure(counts.states)}, ${counts.complete ? 'all that the bounds allow' : 'NOT all that the bounds allow'}`,
);
say(
  `transitions          ${figure(counts.transitions)} that changed the state, ${figure(counts.stutters)} that did not`,
);
say(`depth                ${counts.depth}`);
say(`stopped by a bound   ${figure(counts.blocked)} STARTs found no session left`);
const perSecond = (count: number, ms: number) => figure(Math.round((1000 * count) / ms));
for (const [clock, ms] of [
  ['wall clock', searchedMs],
  ['CPU', searchedCpuMs],
] as const) {
  const steps = perSecond(counts.transitions + counts.stutters, ms);
  say(
    `search, ${clock.padEnd(13)}${(ms / 1000).toFixed(1)} s: ${perSecond(counts.transitions, ms)} transitions/s that changed the state, ` +
      `${steps} steps/s, ${perSecond(counts.states, ms)} states/s`,
  );
}
say(
  `memory               ${figure(Math.round(exploration.store.bytesMax / 2 ** 20))} MiB of tables, ` +
    `${figure(Math.round(process.resourceUsage().maxRSS / 1024))} MiB resident at most; ${exploration.model.layout.words} words a state`,
);
say('missed states        probability 0: states are compared whole, hashes only choose whom to compare');
if (liveness === undefined) say('L4, L2               not asked: not every state was expanded');
else {
  for (const [name, found] of [
    ['L4', liveness.l4],
    ['L2', liveness.l2],
  ] as const) {
    say(
      `${name}                   lost in ${figure(found.lost)} of ${figure(found.asked)} states, ${found.passes} passes`,
    );
  }
  say(`liveness             ${((performance.now() - startedAtMs) / 1000 - seconds).toFixed(1)} s`);
}
say(`violations           ${violation === undefined ? 'none' : violation.rule}`);
if (violation !== undefined) {
  say(`\n${sequenceDiagram(exploration, violation)}`);
  process.exitCode = 1;
}
