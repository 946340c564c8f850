import type { Peer } from '../engine/io-types.ts';

/** What stands for a character that a terminal or a log must not see. */
const REPLACEMENT = '\u{FFFD}';

/**
 * A foreign text as one harmless line: control characters, line separators, direction marks and halves of characters become
 * U+FFFD, so that a peer's words can neither forge a log line nor drive a terminal.
 *
 * @param charsMax longer texts are cut and end with `…`; default 200 UTF-16 units.
 */
export function plainText(text: string, charsMax = 200): string {
  const cut = text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
  return cut.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, REPLACEMENT);
}

/** `127.0.0.1:4444`, `[::1]:4444`: what a user may type back. */
export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The other end of a tuple as {@link addressText}. */
export function peerText(peer: Peer): string {
  return addressText(peer.address, peer.port);
}

/** A 64-bit id as 16 hex digits. */
export function idText(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}
