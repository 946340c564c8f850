/** Versions of Node that set SO_REUSEPORT on a datagram socket: 22.12 and later 22s, 23.1 and later (dgram, `reusePort`). */
export function nodeHasReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 22 && minor >= 12) || (major === 23 && minor >= 1) || major > 23;
}

/** Why the system cannot spread datagrams over the workers' sockets; `undefined` when it can. */
export function whyNoReusePort(
  version = process.versions.node,
  platform: string = process.platform,
): string | undefined {
  // Elsewhere libuv refuses it when the socket is bound, or the system gives all datagrams to one socket.
  if (platform !== 'linux') return `${platform} does not spread datagrams over sockets`;
  if (!nodeHasReusePort(version)) return `Node ${version} has no reusePort (22.12, 23.1 and later have)`;
  return undefined;
}
