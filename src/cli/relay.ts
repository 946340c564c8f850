import { randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { Command, Option } from 'commander';
import { type ListenAddress, parseTarget, type TargetAddress } from '../config/address.ts';
import { refused } from '../config/parsed.ts';
import { resolveSecurity, type SecurityMode } from '../config/security.ts';
import { formatDuration, formatPercent } from '../config/units.ts';
import type { Peer } from '../engine/io-types.ts';
import { ConfigError } from '../errors.ts';
import { monotonicMs } from '../io/clock.ts';
import { type RelayCounters, type RelayStats, UdpRelay } from '../io/udp-relay.ts';
import { addressText, peerText } from '../observe/text.ts';
import { interruptible } from './interrupt.ts';
import { type LinkOptions, linksOf, withLinkOptions } from './link-options.ts';
import { linkText } from './link-text.ts';
import { jsonOption, listenAddress, reader, securityOption, seedNumber } from './options.ts';
import { commandOutput, type Output } from './output.ts';
import { clock } from './text.ts';

interface RelayOptions extends LinkOptions {
  readonly listen: ListenAddress;
  readonly to: TargetAddress;
  readonly seed?: number;
  readonly security?: SecurityMode;
  readonly json?: boolean;
}

/** Where a relay passes datagrams on to: no stream, which only its ends know of. */
const relayTarget = reader((text) => {
  const parsed = parseTarget(text);
  if (!parsed.ok || parsed.value.streamName === undefined) return parsed;
  return refused(`"${text}" names a stream`, `leave out /${parsed.value.streamName}: the viewer names it`);
});

/** `firstframe relay`. */
export function relayCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('relay')
    .description('Stands between any two UDP programs and makes the way worse, the same way for the same seed.')
    .addOption(
      new Option('-l, --listen <address>', 'where the viewers send to')
        .argParser(listenAddress)
        .default(listenAddress('127.0.0.1:5555'), '127.0.0.1:5555'),
    )
    .addOption(
      new Option('-t, --to <address>', 'where the camera is, such as 127.0.0.1:4444')
        .argParser(relayTarget)
        .makeOptionMandatory(),
    );
  return withLinkOptions(command)
    .option('--seed <number>', 'which datagrams it hits (default: another each time)', seedNumber)
    .addOption(securityOption())
    .addOption(jsonOption())
    .action(async (options: RelayOptions) => {
      const output = commandOutput({ json: options.json === true, stdoutTaken: false });
      using interrupt = interruptible(() => output.line('closing'));
      await relay(options, output, interrupt.signal);
      finish(interrupt.exitCode);
    });
}

async function relay(options: RelayOptions, output: Output, signal: AbortSignal): Promise<void> {
  const { listen, to, security, seed = randomInt(2 ** 32 - 1) } = options;
  const mode = resolveSecurity({ mode: security, addresses: [listen.host, to.host] });
  if (!mode.ok) throw new ConfigError([{ setting: '--security', ...mode }]);
  const camera = await addressOf(to);
  const { toCamera, toViewer } = linksOf(options);
  await using relay = await UdpRelay.open({ listen: await addressOf(listen), camera, seed, toCamera, toViewer });
  const { address, port } = relay.local;
  output.line(`passing on ${addressText(address, port)} to ${peerText(camera)} (--seed ${seed})`);
  output.line(`  up    ${linkText(toCamera)}`);
  output.line(`  down  ${linkText(toViewer)}`);
  output.event({ event: 'listening', address, port, to: peerText(camera), seed, toCamera, toViewer });
  const startedAtMs = monotonicMs();
  let before = relay.stats;
  const ticker = setInterval(() => {
    const { stats } = relay;
    if (stats.lanes > 0) {
      output.status(`${clock(monotonicMs() - startedAtMs)}  ${statusText(before, stats)}`);
      output.event({ event: 'status', ...stats });
    }
    before = stats;
  }, 1000);
  const stop = (): void => void relay.close();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const failure = await relay.closed;
  signal.removeEventListener('abort', stop);
  clearInterval(ticker);
  summary(relay.stats, output);
  if (failure !== undefined) throw failure;
}

async function addressOf({ host, port }: { readonly host: string; readonly port: number }): Promise<Peer> {
  const { address } = await lookup(host);
  return { address, port };
}

const lostOf = ({ lost }: RelayCounters): number => Object.values(lost).reduce((sum, count) => sum + count, 0);

function statusText(before: RelayStats, now: RelayStats): string {
  const way = (name: string, then: RelayCounters, since: RelayCounters): string => {
    const came = since.carried - then.carried;
    const lost = lostOf(since) - lostOf(then);
    return `${name} ${came} datagrams/s${came === 0 ? '' : `, ${formatPercent(Math.min(1, lost / came))} lost`}`;
  };
  return [
    now.lanes === 1 ? '1 viewer' : `${now.lanes} viewers`,
    way('up', before.toCamera, now.toCamera),
    way('down', before.toViewer, now.toViewer),
    `${now.held} on their way`,
  ].join('  ');
}

function summary(stats: RelayStats, output: Output): void {
  for (const [name, counters] of [
    ['up', stats.toCamera],
    ['down', stats.toViewer],
  ] as const) {
    const { carried, left, duplicated, corrupted, reordered, lost } = counters;
    const reasons = Object.entries(lost).map(([reason, count]) => `${reason} ${count}`);
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    output.line(
      `  ${name.padEnd(5)} ${carried} came, ${left} left, ${lostOf(counters)} lost${why}, ${duplicated} twice, ${corrupted} damaged, ${reordered} out of order`,
    );
  }
  const { count, p50Ms, p99Ms, maxMs } = stats.lateness;
  const more = [p50Ms, p99Ms, maxMs].map(formatDuration);
  if (count > 0)
    output.line(`  of ${count} that were held, later than meant: p50 ${more[0]}, p99 ${more[1]}, max ${more[2]}`);
  output.event({ event: 'ended', ...stats });
}
