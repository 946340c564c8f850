import { isIP } from 'node:net';

/** A UDP address as the command line writes it. */
export interface RtpAddress {
  /** Numeric; 127.0.0.1 when none was given. */
  readonly host: string;
  /** 1..65535. */
  readonly port: number;
  /** What follows the question mark. */
  readonly parameters: URLSearchParams;
}

/**
 * Reads `rtp://:5004`, `rtp://127.0.0.1:5004` or `rtp://[::1]:5004`, with `?name=value` behind it or not. `localhost` is 127.0.0.1.
 *
 * @returns `undefined` for anything else, names of hosts included.
 */
export function parseRtpUrl(text: string): RtpAddress | undefined {
  const match = /^rtp:\/\/(?:\[([^\]]*)\]|([^:/?[\]]*)):(\d{1,5})\/?(?:\?(.*))?$/.exec(text);
  if (match === null) return undefined;
  const [, version6, other = '', digits, query = ''] = match;
  const host = version6 ?? (other === '' || other === 'localhost' ? '127.0.0.1' : other);
  const port = Number(digits);
  const known = version6 === undefined ? isIP(host) === 4 : isIP(host) === 6;
  if (!known || port < 1 || port > 65_535) return undefined;
  return { host, port, parameters: new URLSearchParams(query) };
}
