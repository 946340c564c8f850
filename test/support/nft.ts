import { spawnSync } from 'node:child_process';
import type { End } from './namespaces.ts';

/**
 * First byte of the UDP payload, in nft's terms: behind the 8 bytes of the UDP header. 0x0c is a control frame, 128..191 is RTP or
 * RTCP.
 */
export const FIRST_BYTE = '@th,64,8';

/** One step of nftables on UDP datagrams at one end. */
export interface Rule {
  /** `input` comes in here, `output` leaves here. */
  readonly hook: 'input' | 'output';
  /** Which of them: nft's own words; default all UDP. */
  readonly match?: string;
  /** What happens to them, after they were counted. */
  readonly act?: string;
  /** What {@link countedBy} calls their number. */
  readonly counter: string;
}

/**
 * Installs rules at one end, in that order, above those that are there. A rule sees what the ones before it let through.
 *
 * @returns why that cannot be done here; `undefined` when it was.
 */
export function install(end: End, rules: readonly Rule[]): string | undefined {
  const lines = ['add table ip faults'];
  for (const hook of ['input', 'output'] as const) {
    lines.push(`add chain ip faults ${hook} { type filter hook ${hook} priority 0; }`);
  }
  for (const { hook, match = '', act = '', counter } of rules) {
    lines.push(`add counter ip faults ${counter}`);
    lines.push(`add rule ip faults ${hook} meta l4proto udp ${match} counter name ${counter} ${act}`);
  }
  return nft(end, lines);
}

/** Takes all rules of {@link install} away again. */
export function heal(end: End): string | undefined {
  return nft(end, ['delete table ip faults']);
}

/** Datagrams that the rules with this counter have matched. */
export function countedBy(end: End, counter: string): number {
  return count(end, counter, /packets (\d+)/);
}

/** Bytes of the datagrams that {@link countedBy} counts, headers of IP and UDP included. */
export function bytesCountedBy(end: End, counter: string): number {
  return count(end, counter, /bytes (\d+)/);
}

function count(end: End, counter: string, what: RegExp): number {
  const { stdout } = run(end, 'nft', ['list', 'counter', 'ip', 'faults', counter]);
  const [, counted] = what.exec(stdout) ?? [];
  if (counted === undefined) throw new Error(`nft has no counter ${counter} in ${end.namespace}`);
  return Number(counted);
}

/** Begins to count the media that leaves here, for {@link mediaByPort}; why it cannot, if it cannot. */
export function watchMedia(end: End): string | undefined {
  return nft(end, [
    'add table ip watch',
    'add set ip watch media { type inet_service; size 1024; flags dynamic; counter; }',
    'add chain ip watch output { type filter hook output priority 1; }',
    `add rule ip watch output meta l4proto udp ${FIRST_BYTE} 128-191 update @media { udp dport counter }`,
  ]);
}

/** How many media datagrams left this end so far, by the port that they went to. */
export function mediaByPort(end: End): ReadonlyMap<number, number> {
  const { stdout } = run(end, 'nft', ['list', 'set', 'ip', 'watch', 'media']);
  return new Map(
    [...stdout.matchAll(/(\d+) counter packets (\d+)/g)].map(([, port, packets]) => [Number(port), Number(packets)]),
  );
}

/** Matches this fraction of datagrams, drawn anew for each. */
export function fraction(percent: number): string {
  return `numgen random mod 100 < ${percent}`;
}

/** Gives nft these lines as one transaction; why it could not, if it could not. */
export function nft(end: End, lines: readonly string[]): string | undefined {
  const { status, stderr, error } = run(end, 'nft', [lines.join('; ')]);
  return status === 0 ? undefined : `nft cannot do that here: ${error?.message ?? stderr.trim()}`;
}

/** Forgets all connections that this end tracks: what a NAT does that restarts, or that runs out of room. */
export function flushConnections(end: End): string | undefined {
  const { status, stderr, error } = run(end, 'conntrack', ['-F']);
  return status === 0 ? undefined : `conntrack cannot flush here: ${error?.message ?? stderr.trim()}`;
}

function run({ namespace }: End, program: string, parts: readonly string[]) {
  return spawnSync('ip', ['netns', 'exec', namespace, program, ...parts], { encoding: 'utf8' });
}
