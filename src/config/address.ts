import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { plainText } from '../observe/text.ts';
import { accepted, type Parsed, quoted, refused } from './parsed.ts';

/** The port when none is named. */
export const DEFAULT_PORT = 4444;
/** Longest stream name in bytes of UTF-8: what START carries. */
export const STREAM_NAME_BYTES_MAX = 64;

/** Where a viewer finds a stream. */
export interface TargetAddress {
  /** An IP address without brackets, or a name to look up. */
  readonly host: string;
  /** 1..65535. */
  readonly port: number;
  /** Absent when the text named none: the camera has just one, or a default. */
  readonly streamName?: string;
}

/** Where a socket is bound. */
export interface ListenAddress {
  /** An IP address without brackets, or a name to look up; `::` when the text named none. */
  readonly host: string;
  /** 0..65535; 0 lets the operating system choose. */
  readonly port: number;
  /** False for `:4444`, all interfaces of both families: on a machine without IPv6 `0.0.0.0` then does as well. */
  readonly named: boolean;
}

const TARGET_EXAMPLE = '127.0.0.1:4444/door, [::1]:4444 or camera.local';
const LISTEN_EXAMPLE = ':4444 (all interfaces), 127.0.0.1:4444 or [::1]:4444';

interface Authority {
  readonly host: string;
  /** Digits as given; absent when there was no colon. */
  readonly port?: string;
}

/** As `isIPv6` of Node, which takes 3 ms when a process first asks it, because its expression is long: a text with fewer than two colons is none. */
function isAddressIPv6(text: string): boolean {
  const colon = text.indexOf(':');
  return colon >= 0 && text.includes(':', colon + 1) && isIPv6(text);
}

/** Cuts `host[:port]`; a bare IPv6 address is all host, since its last group looks like a port. */
function splitAuthority(text: string, example: string): Parsed<Authority> {
  if (text.startsWith('[')) {
    const [, host = '', port] = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? [];
    if (!isIPv6(host)) return refused(`${quoted(text)} has no IPv6 address in its brackets`, `write ${example}`);
    return accepted(port === undefined ? { host } : { host, port });
  }
  const colon = text.lastIndexOf(':');
  if (colon < 0) return accepted({ host: text });
  const host = text.slice(0, colon);
  if (isAddressIPv6(text)) return accepted({ host: text });
  if (host.includes(':')) {
    return refused(`${quoted(text)} has too many colons`, 'put an IPv6 address in brackets: [::1]:4444');
  }
  return accepted({ host, port: text.slice(colon + 1) });
}

function parsePort(digits: string, least: number): Parsed<number> {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (port >= least && port <= 65_535) return accepted(port);
  return refused(`${quoted(digits)} is no port`, `write a number from ${least} to 65535, such as ${DEFAULT_PORT}`);
}

function hostProblem(host: string, example: string): (Parsed<never> & { readonly ok: false }) | undefined {
  if (isIPv4(host) || isAddressIPv6(host)) return undefined;
  const say = (problem: string) => ({ ok: false, problem, tryInstead: `write ${example}` }) as const;
  if (host === '') return say('the host is missing');
  // The system's resolver takes 127.1 and 1.2.3 for addresses that nobody reads that way.
  if (/^[\d.]+$/.test(host)) return say(`${quoted(host)} is no IPv4 address`);
  if (host.length > 253 || !/^[\p{L}\p{N}_](?:[\p{L}\p{N}_.-])*$/u.test(host)) {
    return say(`${quoted(host)} is no host name`);
  }
  return undefined;
}

/** A host alone, as the library's options take it: an IP address without brackets, or a name to look up. */
export function parseHost(host: string): Parsed<string> {
  return hostProblem(host, '127.0.0.1, ::1 or camera.local') ?? accepted(host);
}

/** Checks a stream's name: not empty, at most 64 bytes of UTF-8, no control characters. */
export function parseStreamName(name: string): Parsed<string> {
  // Most names: the expression for the others takes 0.3 ms when a process first asks it.
  if (/^[ -~]{1,64}$/.test(name)) return accepted(name);
  if (name === '') return refused('the stream name is empty', 'write a name, such as /door, or leave out the slash');
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > STREAM_NAME_BYTES_MAX) {
    return refused(`the stream name has ${bytes} bytes`, `write at most ${STREAM_NAME_BYTES_MAX} bytes of UTF-8`);
  }
  return /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)
    ? refused(`the stream name ${quoted(name)} has control characters`, 'write letters, digits and spaces')
    : accepted(name);
}

/**
 * `host[:port][/stream]`: `127.0.0.1`, `camera.local:5000/door`, `[::1]:4444/door`, `::1`. The port's default is 4444.
 * Everything after the first slash is the stream's name.
 */
export function parseTarget(text: string): Parsed<TargetAddress> {
  const scheme = text.includes('://') ? /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] : undefined;
  if (scheme !== undefined) {
    return refused(`${quoted(text)} begins with ${quoted(scheme)}`, `leave that out: ${TARGET_EXAMPLE}`);
  }
  const slash = text.indexOf('/');
  const authority = splitAuthority(slash < 0 ? text : text.slice(0, slash), TARGET_EXAMPLE);
  if (!authority.ok) return authority;
  const { host, port: digits } = authority.value;
  const wrong = hostProblem(host, TARGET_EXAMPLE);
  if (wrong !== undefined) return wrong;
  const port = digits === undefined ? accepted(DEFAULT_PORT) : parsePort(digits, 1);
  if (!port.ok) return port;
  if (slash < 0) return accepted({ host, port: port.value });
  const streamName = parseStreamName(text.slice(slash + 1));
  return streamName.ok ? accepted({ host, port: port.value, streamName: streamName.value }) : streamName;
}

/**
 * `--listen` and `--metrics`: `:4444` (all interfaces, IPv6 and IPv4), `0.0.0.0:4444`, `[::]:4444`, `127.0.0.1`,
 * `localhost:0`. Port 0 lets the operating system choose.
 *
 * @param defaultPort when the text names none; default 4444.
 */
export function parseListen(text: string, defaultPort = DEFAULT_PORT): Parsed<ListenAddress> {
  if (/^\d{1,5}$/.test(text)) return refused(`${quoted(text)} is only a number`, `write :${text} for a port`);
  const authority = splitAuthority(text, LISTEN_EXAMPLE);
  if (!authority.ok) return authority;
  const { host, port: digits } = authority.value;
  const named = host !== '' || digits === undefined;
  const wrong = named ? hostProblem(host, LISTEN_EXAMPLE) : undefined;
  if (wrong !== undefined) return wrong;
  const port = digits === undefined ? accepted(defaultPort) : parsePort(digits, 0);
  return port.ok ? accepted({ host: named ? host : '::', port: port.value, named }) : port;
}

/** The reverse of {@link parseTarget}: `127.0.0.1:4444/door`, `[::1]:4444`. */
export function formatTarget(target: TargetAddress): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const stream = target.streamName === undefined ? '' : `/${plainText(target.streamName)}`;
  return `${host}:${target.port}${stream}`;
}

// BlockList knows every spelling of an IPv6 address, IPv4 mapped into it included. IPv4 has one spelling only, and to ask takes a few us.
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const wildcard = new BlockList();
wildcard.addAddress('0.0.0.0', 'ipv4');
wildcard.addAddress('::', 'ipv6');

function withoutZone(host: string): string {
  const percent = host.indexOf('%');
  return percent < 0 ? host : host.slice(0, percent);
}

/**
 * Whether datagrams to this host cannot leave the machine: 127.0.0.0/8 (also mapped into IPv6), ::1 and the name
 * `localhost` (RFC 6761). Every other name counts as outside, whatever it resolves to.
 */
export function isLoopback(host: string): boolean {
  const address = withoutZone(host);
  if (isIPv4(address)) return address.startsWith('127.');
  return /^localhost\.?$/i.test(host) || (isAddressIPv6(address) && loopback.check(address, 'ipv6'));
}

/** Whether a socket bound to this host hears all interfaces: 0.0.0.0, :: and their spellings. */
export function isWildcard(host: string): boolean {
  const address = withoutZone(host);
  return address === '0.0.0.0' || (isAddressIPv6(address) && wildcard.check(address, 'ipv6'));
}
