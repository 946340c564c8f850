const NONE = new Uint8Array(0);
const DOT = 0x2e;
const DIGIT_0 = 0x30;

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

/** Digit by digit: a pattern, a list of parts and a conversion cost ten times as much, and strangers come here. */
function ipv4(text: string): Uint8Array {
  const prefix = new Uint8Array(4);
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - DIGIT_0;
    if (digit >= 0 && digit <= 9) {
      value = 10 * value + digit;
      if (++digits > 3 || value > 255) return NONE;
    } else {
      if (digit !== DOT - DIGIT_0 || digits === 0) return NONE;
      // Of a fifth part and more nothing is kept; the end refuses them.
      prefix[part++] = value;
      digits = 0;
      value = 0;
    }
  }
  if (part !== 3 || digits === 0) return NONE;
  prefix[3] = value;
  return prefix;
}

function ipv6Prefix(text: string): Uint8Array {
  // A dotted end stands for the last two groups, of which a /64 has none.
  const halves = text
    .replace(/:\d{1,3}(?:\.\d{1,3}){3}$/, ':0:0')
    .split('::', 3)
    .map(groups);
  const [head = [], tail = []] = halves;
  const gap = halves.length === 2;
  const count = head.length + tail.length;
  if (halves.length > 2 || (gap ? count > 7 : count !== 8)) return NONE;
  const all = [...head, ...new Array<number>(8 - count).fill(0), ...tail];
  if (all.some((group) => Number.isNaN(group))) return NONE;
  const prefix = new Uint8Array(8);
  for (let i = 0; i < 4; i++) {
    prefix[2 * i] = (all[i] ?? 0) >>> 8;
    prefix[2 * i + 1] = all[i] ?? 0;
  }
  return prefix;
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':', 9).map((group) => (/^[0-9a-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN));
}
