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

/** A {@link Cable} with a third namespace in its middle, which forwards. */
export interface RoutedCable extends Cable {
  readonly router: End;
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
  const { id, net } = nextCable();
  const camera = { namespace: `ff-cam-${id}`, address: `10.77.${net}.1` };
  const viewer = { namespace: `ff-view-${id}`, address: `10.77.${net}.2` };
  addNamespaces(cleanup, [camera, viewer]);
  connect({ end: camera, device: 'eth0' }, { end: viewer, device: 'eth0' });
  return { camera, viewer };
}

/**
 * Lays two cables with a router between them: the camera is at 10.77.x.1, the router beside it at 10.77.x.2; the viewer is at
 * 10.78.x.2, with the router at 10.78.x.1 as its way to everywhere.
 */
export function layRoutedCable(cleanup: Cleanup): RoutedCable {
  const { id, net } = nextCable();
  const camera = { namespace: `ff-cam-${id}`, address: `10.77.${net}.1` };
  const router = { namespace: `ff-nat-${id}`, address: `10.77.${net}.2` };
  const inner = { namespace: router.namespace, address: `10.78.${net}.1` };
  const viewer = { namespace: `ff-view-${id}`, address: `10.78.${net}.2` };
  addNamespaces(cleanup, [camera, router, viewer]);
  connect({ end: camera, device: 'eth0' }, { end: router, device: 'eth0' });
  connect({ end: inner, device: 'eth1' }, { end: viewer, device: 'eth0' });
  ip('-n', viewer.namespace, 'route', 'add', 'default', 'via', inner.address);
  ip('netns', 'exec', router.namespace, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  return { camera, router, viewer };
}

/** Names of the namespaces that this process has made and that are still there. */
export function namespacesLeft(): readonly string[] {
  if (namespacesMissing !== undefined) return [];
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(`-${process.pid}-`));
}

function nextCable(): { readonly id: string; readonly net: number } {
  const id = `${process.pid}-${++cables}`;
  return { id, net: (process.pid + 37 * cables) % 250 };
}

function addNamespaces(cleanup: Cleanup, ends: readonly End[]): void {
  for (const { namespace } of ends) {
    ip('netns', 'add', namespace);
    made.add(namespace);
    cleanup.defer(() => {
      spawnSync('ip', ['netns', 'del', namespace]);
      made.delete(namespace);
    });
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
}

interface Plug {
  readonly end: End;
  readonly device: string;
}

function connect(one: Plug, other: Plug): void {
  const peer = ['peer', 'name', other.device, 'netns', other.end.namespace];
  ip('link', 'add', one.device, 'netns', one.end.namespace, 'type', 'veth', ...peer);
  for (const { end, device } of [one, other]) {
    ip('-n', end.namespace, 'addr', 'add', `${end.address}/24`, 'dev', device);
    ip('-n', end.namespace, 'link', 'set', device, 'up');
  }
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
