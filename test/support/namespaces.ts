import { spawnSync } from 'node:child_process';
import type { Cleanup } from './command.ts';

/** Two network namespaces with a cable between them. */
export interface Cable {
  readonly camera: End;
  readonly viewer: End;
}

/** One of them. */
export interface End {
  /** Name of the namespace. */
  readonly namespace: string;
  readonly address: string;
}

const made = new Set<string>();
let cables = 0;
process.on('exit', () => {
  for (const name of made) spawnSync('ip', ['netns', 'del', name]);
});

/** Why there are no namespaces here; `undefined` when there are. */
export const namespacesMissing: string | undefined = findReason();

/** Lays a cable: 10.77.x.1 in the camera's namespace, 10.77.x.2 in the viewer's. Gone with the cleanup, and with the process. */
export function layCable(cleanup: Cleanup): Cable {
  const id = `${process.pid}-${++cables}`;
  const net = `10.77.${(process.pid + 37 * cables) % 250}`;
  const ends = [
    { namespace: `ff-cam-${id}`, address: `${net}.1` },
    { namespace: `ff-view-${id}`, address: `${net}.2` },
  ] as const;
  for (const { namespace } of ends) {
    ip('netns', 'add', namespace);
    made.add(namespace);
    cleanup.defer(() => {
      spawnSync('ip', ['netns', 'del', namespace]);
      made.delete(namespace);
    });
  }
  const [camera, viewer] = ends;
  ip(
    'link',
    'add',
    'eth0',
    'netns',
    camera.namespace,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    viewer.namespace,
  );
  for (const { namespace, address } of ends) {
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  }
  return { camera, viewer };
}

/**
 * Loses a part of all datagrams that come in at one end, by nftables.
 *
 * @param percent 1..100.
 * @returns why that cannot be done here; `undefined` when it was.
 */
export function loseIncoming({ namespace }: End, percent: number): string | undefined {
  const part = percent === 100 ? '' : `numgen random mod 100 < ${percent} `;
  const rules = [
    'add table ip loss',
    'add chain ip loss in { type filter hook input priority 0; }',
    `add rule ip loss in meta l4proto udp ${part}counter drop`,
  ].join('; ');
  const { status, stderr, error } = spawnSync('ip', ['netns', 'exec', namespace, 'nft', rules], { encoding: 'utf8' });
  return status === 0 ? undefined : `nft cannot drop datagrams: ${error?.message ?? stderr.trim()}`;
}

/** Datagrams that {@link loseIncoming} has lost at one end. */
export function lostIncoming({ namespace }: End): number {
  const { stdout } = spawnSync('ip', ['netns', 'exec', namespace, 'nft', 'list', 'table', 'ip', 'loss'], {
    encoding: 'utf8',
  });
  return Number(/counter packets (\d+)/.exec(stdout)?.[1] ?? 0);
}

/** Names of the namespaces that this process has made and that are still there. */
export function namespacesLeft(): readonly string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(`-${process.pid}-`));
}

function ip(...parts: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', parts, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${parts.join(' ')}: ${stderr.trim()}`);
}

function findReason(): string | undefined {
  const name = `ff-probe-${process.pid}`;
  const { status, stderr, error } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (error !== undefined) return 'the command "ip" is not installed';
  if (status !== 0) return `no network namespace can be made: ${stderr.trim()}`;
  const enter = spawnSync('ip', ['netns', 'exec', name, 'true'], { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', name]);
  return enter.status === 0 ? undefined : `no network namespace can be entered: ${enter.stderr.trim()}`;
}
