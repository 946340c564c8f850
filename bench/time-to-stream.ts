import { parseTarget } from '../src/config/address.ts';
import { accepted, type Parsed } from '../src/config/parsed.ts';
import { securityModes } from '../src/config/security.ts';
import { formatPercent, parseFraction } from '../src/config/units.ts';
import { type CPair, cPairNames, measureCPair } from './c-pair.ts';
import { type CellLink, measureCell } from './handshake-cell.ts';
import { cellFigures } from './handshake-figures.ts';
import type { Arrival } from './handshake-load.ts';
import { handshakeOptions, raisedLimitsText } from './handshake-options.ts';
import { oneOf, optional, type ValuesOf, whole } from './options.ts';
import { type BenchContext, type BenchLink, benchPlan } from './plan.ts';

/** Handshakes in C: enough for a median and a 99th percentile. */
const C_HANDSHAKES_MAX = 1000;

const options = {
  ...handshakeOptions,
  concurrency: optional('number', 'so many viewers at a time, instead of a rate', whole(1, 10_000)),
  drop: optional('percent', 'viewers lose this part of their own datagrams each way, without a relay', parseFraction),
  host: optional('target', 'a camera that is there already, such as camera.local:4444/door', parseHostTarget),
  security: optional('mode', 'with --host outside loopback: none', oneOf(securityModes)),
};

type Context = BenchContext<ValuesOf<typeof options>>;

/** `firstframe bench time-to-stream`. */
export const timeToStream = benchPlan({
  name: 'time-to-stream',
  summary: 'From the intended beginning of each viewer to its first media, and to its first frame.',
  description:
    'Viewers in this process, a camera in another one, and between them nothing, --drop, or the relay in a third one when a link is described. ' +
    'Viewers begin at times drawn beforehand (an open loop), and are timed from there: one that had to wait for the machine counts as late. ' +
    'In the same run, over the same link: a plain echo; and on loopback a handshake in C, where there is gcc.',
  options,
  takesLink: true,
  conflict(_, given) {
    const both = (one: string, other: string): string | undefined =>
      given(one) && given(other) ? `--${one} and --${other} do not go together` : undefined;
    return both('rate', 'concurrency') ?? both('drop', 'host') ?? both('arrivals', 'concurrency');
  },
  async run(context: Context) {
    const { viewers, warmUp, keyframeDatagrams, profile, stream, host, rate } = context.options;
    const arrival = arrivalOf(context);
    const link = linkOf(context);
    const inC = host === undefined && link.kind === 'none' ? await pairInC(context) : undefined;
    const name = `${cellText(link, context.link)}, ${arrivalText(arrival)}`;
    const measured = await measureCell(
      {
        name,
        parameters: { link: cellText(link, context.link), arrival: arrivalText(arrival), keyframeDatagrams, profile },
        ...{ link, viewers, warmUp, arrival, profile, keyframeDatagrams, stream },
        host: host === undefined ? undefined : { target: host, security: context.options.security },
        seed: context.seed,
        references: inC !== undefined && inC.skipped.length === 0 ? cPairNames : undefined,
      },
      { signal: context.signal, onProgress: (done) => context.progress('viewers', done, viewers) },
    );
    return {
      cells: measured.samples.length === 0 ? [] : [measured.cell],
      references: inC?.references ?? {},
      limitsRaised: host === undefined ? raisedLimitsText(viewers, rate) : {},
      skipped: inC?.skipped ?? [],
      figures: cellFigures(measured),
    };
  },
});

/** As many handshakes in C, as far apart on average. */
function pairInC({ options: { viewers, concurrency, rate, keyframeDatagrams }, signal }: Context): Promise<CPair> {
  const gapMs = concurrency === undefined ? 1000 / rate : 0;
  return measureCPair(Math.min(viewers, C_HANDSHAKES_MAX), gapMs, keyframeDatagrams, signal);
}

function parseHostTarget(text: string): Parsed<string> {
  const parsed = parseTarget(text);
  return parsed.ok ? accepted(text) : parsed;
}

function arrivalOf({ options: { concurrency, arrivals, rate } }: Context): Arrival {
  if (concurrency !== undefined) return { loop: 'closed', concurrency };
  return { loop: 'open', kind: arrivals, perSecond: rate };
}

function arrivalText(arrival: Arrival): string {
  return arrival.loop === 'closed' ? `${arrival.concurrency} at a time` : `${arrival.perSecond}/s ${arrival.kind}`;
}

function linkOf({ options: { drop }, link: { toCamera, toViewer } }: Context): CellLink {
  if (drop !== undefined) return { kind: 'drop', fraction: drop };
  const described = Object.keys(toCamera).length + Object.keys(toViewer).length > 0;
  return described ? { kind: 'relay', toCamera, toViewer } : { kind: 'none' };
}

function cellText(link: CellLink, asked: BenchLink): string {
  if (link.kind === 'none') return 'no relay';
  return link.kind === 'drop' ? `${formatPercent(link.fraction)} dropped each way` : asked.text;
}
