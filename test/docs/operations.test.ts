import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { DEFAULT_PORT } from '../../src/config/address.ts';
import { defaultAdmissionLimits } from '../../src/engine/admission.ts';
import { Counters, dropReasons, engineDropReasons, hintNames } from '../../src/engine/counters.ts';
import { SEND_QUEUE_DATAGRAMS_MAX } from '../../src/io/send-queue.ts';
import { relayLimits } from '../../src/io/udp-relay.ts';
import { logLevels } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { DROP_LINES_PER_SECOND, LINES_PER_SECOND } from '../../src/observe/output-log.ts';
import {
  CANDIDATES_PER_TUPLE_MAX,
  DRAIN_MS,
  READY_PER_SECOND_MAX,
  TOMBSTONES_MAX,
} from '../../src/protocol/constants.ts';
import { errorCodeHelp } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { figure, read, section, table } from './markdown.ts';

const text = read('docs/OPERATIONS.md');

async function metricNames(): Promise<string[]> {
  const metrics = new Metrics();
  metrics.attach({ role: 'responder', snapshot: () => new Counters().snapshot() });
  const types = (await metrics.text()).matchAll(/^# TYPE (\S+) /gm);
  return [...types].map(([, name = '']) => name).sort();
}

describe('OPERATIONS', () => {
  it('lists every metric', async () => {
    const rows = table(text, 'Metrics', 'metric', 'what it counts');
    expect(rows.map(([name]) => name).sort()).toEqual(await metricNames());
  });

  it('lists every kind of hint and every log level', () => {
    for (const name of hintNames) expect(section(text, 'Metrics')).toContain(`\`${name}\``);
    for (const level of logLevels) expect(section(text, 'Logs and events')).toContain(`\`${level}\``);
    expect(section(text, 'Logs and events')).toContain(`at most ${DROP_LINES_PER_SECOND} a second about drops`);
    expect(section(text, 'Logs and events')).toContain(`${LINES_PER_SECOND.toLocaleString('en-US')} others`);
  });

  it('lists every reason of the engine for dropping a datagram', () => {
    const rows = table(text, 'Why datagrams had no effect', 'reason', 'what came');
    expect(rows.map(([reason]) => reason)).toEqual([...engineDropReasons]);
  });

  it('lists every error code with what it means and what to try', () => {
    const rows = table(text, 'Error codes', 'code', 'means', 'what to try');
    const expected = Object.entries(errorCodeHelp).map(([name, { means, tryNext }]) => [
      name,
      means,
      tryNext || 'nothing',
    ]);
    expect(rows).toEqual(expected);
  });

  it('lists the exit codes', () => {
    const codes = table(text, 'Exit codes', 'code', 'means').map(([code = '']) => figure(code));
    expect(codes).toEqual(Object.values(ExitCode));
  });

  it('names ports and times as they are', () => {
    const [camera] = table(text, 'Ports', 'port', 'who');
    expect(camera?.[0]).toBe(`UDP ${DEFAULT_PORT}`);
    const restart = section(text, 'After a restart');
    const { default: calm, lan } = profiles;
    expect(restart).toContain(`after ${calm.watchdogMs / 1000} s (${lan.watchdogMs / 1000} s with profile \`lan\`)`);
    expect(restart).toContain(`after ${calm.deadMs / 1000} s (${lan.deadMs / 1000} s with \`lan\`)`);
    expect(section(text, 'A camera')).toContain(`kept ${DRAIN_MS / 1000} s`);
  });

  it('names limits as they are, and counters that exist', async () => {
    const rows = table(text, 'Limits', 'limit', 'value');
    const value = (limit: string) => rows.find(([name]) => name?.includes(limit))?.[1];
    const { prefixRate, pendingPerPrefixMax, pendingMax } = defaultAdmissionLimits;
    expect(value('limits.prefixRate')).toBe(`${prefixRate.perSecond} a second, ${prefixRate.burst} at once`);
    expect(value('limits.pendingPerPrefixMax')).toBe(String(pendingPerPrefixMax));
    expect(value('limits.pendingMax')).toBe(pendingMax.toLocaleString('en-US'));
    expect(value('candidates per tuple')).toBe(String(CANDIDATES_PER_TUPLE_MAX));
    expect(value('READY per session')).toBe(`${READY_PER_SECOND_MAX} a second`);
    expect(value('tombstones')).toBe(TOMBSTONES_MAX.toLocaleString('en-US'));
    expect(value('waiting datagrams of one socket')).toContain(String(SEND_QUEUE_DATAGRAMS_MAX));
    expect(value('viewers of a relay')).toBe(relayLimits.lanesMax.toLocaleString('en-US'));
    const { heldMax, heldBytesMax } = relayLimits;
    expect(value('on their way in a relay')).toBe(`${heldMax.toLocaleString('en-US')}, ${heldBytesMax / 2 ** 20} MiB`);
    const known: ReadonlySet<string> = new Set([...dropReasons, ...(await metricNames())]);
    const shown = rows.flatMap((cells) => (cells[3] ?? '').split(', ')).filter((name) => /^\w+$/.test(name));
    expect(shown.filter((name) => !known.has(name))).toEqual([]);
  });
});
