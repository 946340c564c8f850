import { randomInt } from 'node:crypto';
import type { DropOptions, SecurityOptions } from '../config/settings.ts';
import type { ViewerListFile } from '../io/key-files.ts';
import { createLog, type Log } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import { type MetricsServer, startMetricsServer } from '../observe/metrics-server.ts';
import type { Profile, ProfileName } from '../protocol/profiles.ts';
import type { CommonOptions } from './options.ts';
import type { Output } from './output.ts';
import { type SecurityCommandOptions, securityOf } from './security-options.ts';

/** The options that camera and viewer share, as the library takes them. */
export interface EndpointOptions {
  readonly profile: ProfileName | Profile;
  readonly security?: SecurityOptions;
  readonly drop?: DropOptions;
  readonly repair: boolean;
}

/**
 * Translates a command's options. Without `--seed` another one is drawn, so that it can be told.
 *
 * @param viewers a camera's list, if it has one.
 * @throws ConfigError for keys that are missing or wrong.
 */
export function endpointOptions(
  options: CommonOptions & SecurityCommandOptions,
  viewers?: ViewerListFile,
): EndpointOptions {
  const { profile, drop, repair } = options;
  const security = securityOf(options, viewers);
  return {
    profile,
    repair,
    ...(security === undefined ? {} : { security }),
    ...(drop === undefined || drop === 0
      ? {}
      : { drop: { fraction: drop, seed: options.seed ?? randomInt(2 ** 32 - 1) } }),
  };
}

/** What a command observes: its log, and the metrics server when one was asked for. */
export interface Observation extends AsyncDisposable {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where metrics are served. */
  readonly metricsUrl: string | undefined;
}

/** Opens log and metrics of a command. Rejects when the metrics address cannot be bound. */
export async function observe(options: CommonOptions): Promise<Observation> {
  const metrics = new Metrics();
  let server: MetricsServer | undefined;
  if (options.metrics !== undefined) {
    const { host, port } = options.metrics;
    server = await startMetricsServer(metrics, { host, port });
  }
  return {
    log: createLog({ level: options.log }),
    metrics,
    metricsUrl: server?.url,
    async [Symbol.asyncDispose]() {
      await server?.close();
    },
  };
}

/** Says where metrics are, if anywhere. */
export function tellMetrics({ metricsUrl }: Observation, output: Output): void {
  if (metricsUrl === undefined) return;
  output.line(`metrics at ${metricsUrl}`);
  output.event({ event: 'metrics', url: metricsUrl });
}
