import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatDuration, formatPercent, parseDuration, parseFraction } from '../src/config/units.ts';
import { distributionFigures } from '../src/report/distribution-figures.ts';
import { heatTable } from '../src/report/heat-table.ts';
import { Distribution } from '../src/sim/distribution.ts';
import { type MeasuredPeer, measurePeer, type PeerCell, TO_MEDIA } from './compare/cell.ts';
import type { ComparePeer } from './compare/peer.ts';
import { comparePeers, ours } from './compare/peers.ts';
import { headingLine, type PeerRow, rowLine, rowTable } from './compare/table.ts';
import { TunLink } from './compare/tun-link.ts';
import { listed, oneOf, option, optional, perSecond, type ValuesOf, whole } from './options.ts';
import { type BenchContext, type BenchOutcome, benchPlan } from './plan.ts';
import type { Measure } from './result.ts';
import { valueText } from './result-text.ts';

/** Rows and columns at most. */
const GRID_MAX = 20;

/** What is not repeated and did not come so long after its round trip will not, ms. */
const LOST_MS = 2000;

const names = comparePeers.map(({ name }) => name);

const options = {
  peers: optional('list', `who, all unless given: ${names.join(', ')}`, listed(oneOf(names), names.length)),
  losses: option('list', 'lost each way', listed(parseFraction, GRID_MAX), '0%,5%,10%,20%,30%'),
  rtts: option('list', 'round trips', listed(parseDuration, GRID_MAX), '50ms'),
  viewers: option('number', 'of each peer on each link', whole(1, 100_000), '200'),
  rate: option('rate', 'viewers that begin in a second, whatever becomes of those before', perSecond, '40/s'),
  longest: option(
    'time',
    'a peer that takes fewer in a second gets so many that they begin within',
    parseDuration,
    '20s',
  ),
  timeout: option('time', 'a viewer without media after it failed', parseDuration, '30s'),
  warmUp: option('number', 'viewers before those that count, without loss and delay', whole(0, 10_000), '30'),
  keyframeDatagrams: option('number', 'the camera’s key frame, times 1,200 bytes', whole(1, 1000), '20'),
};

type Context = BenchContext<ValuesOf<typeof options>>;

/** A peer that can run here. */
interface ReadyPeer {
  readonly peer: ComparePeer;
  readonly credentials: Readonly<Record<string, string>>;
}

/** All peers over one link. */
interface MeasuredLink {
  readonly loss: number;
  readonly rttMs: number;
  readonly name: string;
  readonly measured: readonly MeasuredPeer[];
}

/** `firstframe bench compare`. */
export const compare = benchPlan({
  name: 'compare',
  summary: 'Time to first media beside TCP, TLS and what else a user could pick, over one link.',
  description:
    'Two network namespaces on this machine, and between them a link that loses and delays packets by seed, the same for TCP and UDP. At one end the camera ' +
    'of a peer, at the other its viewers, all in one process that runs already: starting programs is in nobody’s time. Both go before what else runs on this machine (nice −10). Viewers begin at times drawn beforehand and ' +
    'are timed from there until 1,200 bytes of media are in the application’s hands. Every viewer is a stranger: no resumed session, no remembered path. ' +
    'Needs Linux, root, gcc and /dev/net/tun.',
  options,
  takesLink: false,
  judges: ({ parameters }) => String(parameters['peer']).startsWith(ours.name),
  async run(context: Context): Promise<BenchOutcome> {
    const folder = await mkdtemp(join(tmpdir(), 'firstframe-compare-'));
    try {
      return await compareIn(folder, context);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

async function compareIn(folder: string, context: Context): Promise<BenchOutcome> {
  const opened = await TunLink.open(folder);
  if (!opened.ok) return nothing(opened.reason);
  await using link = opened.link;
  const { ready, skipped } = await prepareAll(context, folder);
  const links = await measureAll(context, { ready, skipped }, link);
  return {
    cells: links.flatMap(({ measured }) => measured.map(({ cell }) => cell)),
    references: referencesOf(links),
    limitsRaised: {},
    skipped,
    figures: figuresOf(links, ready),
  };
}

function nothing(reason: string): BenchOutcome {
  return { cells: [], references: {}, limitsRaised: {}, skipped: [`everything: ${reason}`], figures: [] };
}

async function prepareAll({ options: { peers = names }, say }: Context, folder: string) {
  const ready: ReadyPeer[] = [];
  const skipped: string[] = [];
  for (const peer of comparePeers.filter(({ name }) => peers.includes(name))) {
    const prepared = await peer.prepare(folder);
    if (prepared.ok) {
      ready.push({ peer, credentials: prepared.credentials });
      say(`  ${peer.name.padEnd(18)}${peer.title}: ${peer.counts}`);
    } else {
      const reason = `${peer.name}, ${peer.title}: ${prepared.reason}`;
      skipped.push(reason);
      say(`  left out: ${reason}`);
    }
  }
  const control = await readFile('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8');
  say(`  TCP of this system has congestion control ${control.trim()}`);
  return { ready, skipped };
}

async function measureAll(
  context: Context,
  { ready, skipped }: { readonly ready: readonly ReadyPeer[]; readonly skipped: string[] },
  link: TunLink,
): Promise<MeasuredLink[]> {
  const { losses, rtts } = context.options;
  const links: MeasuredLink[] = [];
  for (const rttMs of rtts) {
    for (const loss of losses) {
      const name = `${formatPercent(loss)} lost each way, RTT ${formatDuration(rttMs)}`;
      const measured: MeasuredPeer[] = [];
      links.push({ loss, rttMs, name, measured });
      context.say(`\n${name}\n${headingLine()}`);
      for (const each of ready) {
        if (context.signal.aborted) return links;
        const cell = cellOf(context, each, loss, rttMs, name);
        const { viewers } = cell.load;
        let done = 0;
        const onSample = (): void => context.progress(`${each.peer.name} viewers`, ++done, viewers);
        const result = await measurePeer(cell, link, { signal: context.signal, onSample }).catch((error: unknown) => {
          skipped.push(`${cell.name}: ${error instanceof Error ? error.message : String(error)}`);
        });
        if (result === undefined || result.cell.attempts === 0) continue;
        measured.push(result);
        context.say(rowLine(rowOf(result, measured)));
      }
    }
  }
  return links;
}

function cellOf(
  { options: given, seed }: Context,
  { peer, credentials }: ReadyPeer,
  loss: number,
  rttMs: number,
  linkName: string,
): PeerCell {
  const { rate, viewers, longest, timeout: timeoutMs, warmUp, keyframeDatagrams } = given;
  const waitedMs = peer.unrepeated === true ? Math.min(timeoutMs, rttMs + LOST_MS) : timeoutMs;
  const perSecond = Math.min(rate, peer.perSecondMax ?? rate);
  const fewer = perSecond < rate ? Math.max(1, Math.floor((perSecond * longest) / 1000)) : viewers;
  return {
    name: `${linkName}: ${peer.name}`,
    parameters: { peer: peer.name, title: peer.title, loss, rttMs, rate: perSecond, keyframeDatagrams },
    shape: { loss, oneWayMs: rttMs / 2, seed },
    load: { viewers: Math.min(viewers, fewer), perSecond, timeoutMs: waitedMs, seed },
    warmUp: Math.min(warmUp, fewer),
    reference: referenceName(peer.name === ours.name ? 'echo' : ours.name, linkName),
    ...{ peer, credentials, keyframeDatagrams },
  };
}

function referenceName(peer: string, linkName: string): string {
  return `${peer}, ${linkName}`;
}

/** The echo and ours on each link. */
function referencesOf(links: readonly MeasuredLink[]): Readonly<Record<string, Measure>> {
  const references: Record<string, Measure> = {};
  for (const { name, measured } of links) {
    for (const peer of ['echo', ours.name]) {
      const found = timesOf(peer, measured);
      if (found !== undefined) references[referenceName(peer, name)] = found;
    }
  }
  return references;
}

function timesOf(name: string, measured: readonly MeasuredPeer[]): Measure | undefined {
  return measured.find(({ peer }) => peer.name === name)?.cell.measures[TO_MEDIA];
}

function rowOf({ peer, cell }: MeasuredPeer, measured: readonly MeasuredPeer[]): PeerRow {
  return { peer: peer.name, cell, ours: timesOf(ours.name, measured) };
}

function figuresOf(links: readonly MeasuredLink[], ready: readonly ReadyPeer[]): readonly string[] {
  const heat = (quantile: 'p50' | 'p99', title: string): string =>
    heatTable({
      title,
      subtitle: `${quantile} in ms, by link.`,
      rowLabel: 'peer',
      columnLabel: 'link',
      rows: ready.map(({ peer }) => peer.name),
      columns: links.map(({ loss, rttMs }) => `${formatPercent(loss)}, ${formatDuration(rttMs)}`),
      cells: ready.map(({ peer }) =>
        links.map(({ measured }) => {
          const value = timesOf(peer.name, measured)?.[quantile];
          return value === undefined ? undefined : { value, text: valueText(value) };
        }),
      ),
      log: true,
    });
  return [
    heat('p50', 'Half of the viewers see media within'),
    heat('p99', '99 of 100 see media within'),
    ...links.flatMap((link) => linkFigures(link)),
  ];
}

function linkFigures({ name, measured }: MeasuredLink): readonly string[] {
  if (measured.length === 0) return [];
  const drawn = measured.map(({ peer, timesMs }) => ({
    name: peer.name,
    of: new Distribution(Float64Array.from(timesMs)),
  }));
  const runs = Math.max(...measured.map(({ timesMs }) => timesMs.length));
  const longestMs = Math.max(1, ...drawn.map(({ of }) => of.max).filter(Number.isFinite));
  return [
    rowTable(
      name,
      measured.map((each) => rowOf(each, measured)),
    ),
    ...distributionFigures(drawn, { whatOf: 'viewers', runs, longestMs, suffix: `: ${name}` }),
  ];
}
