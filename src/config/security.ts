import { isLoopback, isWildcard } from './address.ts';
import { accepted, type Parsed, quoted, refused } from './parsed.ts';

/** Modes of docs/PROTOCOL.md, section 7, weakest first. Only `none` is in this version. */
export const securityModes = ['none', 'psk', 'keys'] as const;

/** How a session is protected: one of {@link securityModes}. */
export type SecurityMode = (typeof securityModes)[number];

/** What {@link resolveSecurity} judges. */
export interface SecurityRequest {
  /** As asked for; absent when nothing was said. */
  readonly mode?: string | undefined;
  /** Hosts that a socket is bound to or sends to, without brackets or ports. */
  readonly addresses: readonly string[];
}

function isMode(mode: string): mode is SecurityMode {
  return securityModes.some((known) => known === mode);
}

/**
 * The mode to use, or why there is none.
 *
 * Outside loopback `none` must be asked for by name, from the first version on: whoever gets used to being unprotected by
 * default would not notice it later. A socket bound to all interfaces is outside loopback.
 */
export function resolveSecurity(request: SecurityRequest): Parsed<SecurityMode> {
  const { mode, addresses } = request;
  if (mode === undefined) {
    const outside = addresses.find((address) => !isLoopback(address));
    if (outside === undefined) return accepted('none');
    const where = isWildcard(outside) ? `${quoted(outside)} is every interface of` : `${quoted(outside)} is outside`;
    return refused(
      `no security mode was named, and ${where} this machine, where anybody on the path can read and forge media`,
      `say --security none (library: security: { mode: 'none' }) if that is acceptable on this network, or use 127.0.0.1`,
    );
  }
  if (!isMode(mode)) {
    return refused(`${quoted(mode)} is no security mode`, `write one of ${securityModes.join(', ')}`);
  }
  if (mode === 'none') return accepted(mode);
  return refused(
    `"${mode}" is not available in this version, which can only do "none"`,
    'say --security none on a network that you trust, or run both ends inside a VPN',
  );
}
