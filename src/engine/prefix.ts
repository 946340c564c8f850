/**
 * What limits are counted by: an IPv4 address (4 bytes, also when it came mapped into IPv6) or an IPv6 /64 (8 bytes).
 * Addresses are texts as the operating system prints them; a zone id is ignored. A text that is no address is an empty
 * prefix, so that all such share one limit.
 */
export function addressPrefix(address: string): Uint8Array {
  const text = stripZone(address);
  const dotted = text.lastIndexOf(':') < 0 ? text : text.slice(text.lastIndexOf(':') + 1);
  if (dotted.includes('.')) return text === dotted || isMapped(text) ? ipv4(dotted) : ipv6Prefix(text);
  return ipv6Prefix(text);
}

function stripZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}

function isMapped(text: string): boolean {
  return text.toLowerCase().startsWith('::ffff:');
}

function ipv4(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  const parts = text.split('.', 5);
  if (parts.length !== 4) return new Uint8Array(0);
  for (let i = 0; i < 4; i++) bytes[i] = Number(parts[i]);
  return bytes;
}

function ipv6Prefix(text: string): Uint8Array {
  const gap = text.indexOf('::');
  const head = groups(gap < 0 ? text : text.slice(0, gap));
  const tail = gap < 0 ? [] : groups(text.slice(gap + 2));
  if (head.length + tail.length > 8 || (gap < 0 && head.length !== 8)) return new Uint8Array(0);
  const prefix = new Uint8Array(8);
  for (let i = 0; i < 4; i++) {
    const fromTail = i - (8 - tail.length);
    const group = i < head.length ? (head[i] ?? 0) : fromTail >= 0 ? (tail[fromTail] ?? 0) : 0;
    prefix[2 * i] = group >>> 8;
    prefix[2 * i + 1] = group;
  }
  return prefix;
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':', 9).map((group) => Number.parseInt(group, 16) & 0xffff);
}
