const NONE = new Uint8Array(0);
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const LETTER_A = 0x61;
const COLON = 0x3a;

/** Of an IPv6 address, and what they are while it is read. */
const GROUPS = 8;
const groups = new Uint16Array(GROUPS);

/**
 * What limits are counted by: an IPv4 address (4 bytes, also when it came mapped into IPv6) or an IPv6 /64 (8 bytes).
 * Addresses are texts as the operating system prints them; a zone id is ignored. A text that is no address is an empty
 * prefix, so that all such share one limit.
 */
export function addressPrefix(address: string): Uint8Array {
  const text = stripZone(address);
  const dotted = text.slice(text.lastIndexOf(':') + 1);
  if (dotted.includes('.')) return text === dotted || isMapped(text) ? ipv4Bytes(dotted) : ipv6Prefix(text);
  return ipv6Prefix(text);
}

function stripZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}

function isMapped(text: string): boolean {
  return text.toLowerCase().startsWith('::ffff:');
}

/**
 * The 4 bytes of an IPv4 address; none of a text that is no address. Digit by digit: a pattern, a list of parts and a conversion
 * cost ten times as much, and strangers come here.
 */
export function ipv4Bytes(text: string): Uint8Array {
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

/** Digit by digit as well: lists and texts of groups take 1.3 KB, a third of what refusing a stranger may. */
function ipv6Prefix(text: string): Uint8Array {
  // A dotted end stands for the last two groups, of which a /64 has none.
  const dotted = text.includes('.') && /:\d{1,3}(?:\.\d{1,3}){3}$/.test(text);
  const end = dotted ? text.lastIndexOf(':') + 1 : text.length;
  let count = dotted ? 2 : 0;
  let seen = 0;
  let gap = -1;
  for (let at = 0; at < end; ) {
    if (text.startsWith('::', at)) {
      if (gap >= 0) return NONE;
      gap = seen;
      at += 2;
      if (at === end) break;
    } else if (at > 0) {
      if (text.charCodeAt(at++) !== COLON) return NONE;
      if (dotted && at === end) break;
    }
    const from = at;
    let value = 0;
    for (let digit = hexDigit(text, at); digit >= 0; digit = hexDigit(text, ++at)) value = (value << 4) | digit;
    if (at === from || at > from + 4) return NONE;
    // Of a ninth group and more nothing is kept; their count refuses them.
    groups[seen++] = value;
    count++;
  }
  if (gap < 0 ? count !== GROUPS : count >= GROUPS) return NONE;
  const prefix = new Uint8Array(8);
  for (let i = 0; i < 4; i++) {
    // Groups behind the gap are the last of the eight.
    const place = i < gap ? i : i - (GROUPS - count);
    const group = place < i && place < gap ? 0 : (groups[place] ?? 0);
    prefix[2 * i] = group >>> 8;
    prefix[2 * i + 1] = group;
  }
  return prefix;
}

/** @returns less than 0 for what is none. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < DIGIT_0 + 10) return code - DIGIT_0;
  const letter = (code | 0x20) - LETTER_A;
  return letter >= 0 && letter < 6 ? 10 + letter : -1;
}
