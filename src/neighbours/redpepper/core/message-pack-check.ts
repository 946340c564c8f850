/** Deepest nesting of arrays and maps, the outermost included. */
export const NESTING_MAX = 64;

/** Why bytes are not one acceptable MessagePack value. A closed set: each is a counter. */
export const packFaults = ['truncated', 'trailing', 'reserved', 'tooDeep', 'badText', 'badKey', 'repeatedKey'] as const;

/** See {@link packFaults}. */
export type PackFault = (typeof packFaults)[number];

/** An array or map that is being read. */
interface Open {
  /** Values, and for a map keys, that are still to come. */
  left: number;
  /** Keys seen so far; `undefined` for an array. */
  readonly keys: Set<string> | undefined;
}

/** What stands before a value: whether it is text, bytes or ext, or how many values belong to it. */
interface Head {
  readonly kind: 'plain' | 'text' | 'array' | 'map';
  /** With the length field. */
  readonly headBytes: number;
  /** Bytes of the content, or number of elements. */
  readonly length: number;
}

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Looks a value over before it is decoded: that it is complete and ends with the bytes, that texts are UTF-8, that keys are texts and
 * no map has one twice, and that it is not nested too deep. Nothing is reserved for what a length announces. The library that decodes
 * it afterwards checks none of the last four.
 *
 * @returns what is wrong first.
 */
export function checkPack(bytes: Uint8Array): PackFault | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const open: Open[] = [];
  let at = 0;
  do {
    const head = readHead(view, at);
    if (typeof head === 'string') return head;
    const top = open.at(-1);
    const isKey = top?.keys !== undefined && top.left % 2 === 0;
    if (isKey && head.kind !== 'text') return 'badKey';
    const from = at + head.headBytes;
    const nested = head.kind === 'array' || head.kind === 'map';
    // Each element takes at least one byte.
    if (head.length > bytes.length - from) return 'truncated';
    at = nested ? from : from + head.length;
    if (head.kind === 'text') {
      const read = readText(bytes.subarray(from, at));
      if (read === undefined) return 'badText';
      if (isKey && top.keys.has(read)) return 'repeatedKey';
      if (isKey) top.keys.add(read);
    }
    if (top !== undefined) top.left--;
    if (nested) {
      if (open.length >= NESTING_MAX) return 'tooDeep';
      const isMap = head.kind === 'map';
      open.push({ left: isMap ? 2 * head.length : head.length, keys: isMap ? new Set() : undefined });
    }
    while (open.at(-1)?.left === 0) open.pop();
  } while (open.length > 0);
  return at < bytes.length ? 'trailing' : undefined;
}

function readText(bytes: Uint8Array): string | undefined {
  try {
    return text.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Content bytes of 0xca..0xd3: float 32 and 64, uint 8..64, int 8..64. */
const numberBytes = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const;
/** Width of the length field of 0xd9..0xdf, and what it counts. */
const longHeads = [
  ['text', 1],
  ['text', 2],
  ['text', 4],
  ['array', 2],
  ['array', 4],
  ['map', 2],
  ['map', 4],
] as const;

function readHead(view: DataView, at: number): Head | PackFault {
  if (at >= view.byteLength) return 'truncated';
  const first = view.getUint8(at);
  if (first < 0x80 || first >= 0xe0) return { kind: 'plain', headBytes: 1, length: 0 };
  if (first < 0x90) return { kind: 'map', headBytes: 1, length: first & 0x0f };
  if (first < 0xa0) return { kind: 'array', headBytes: 1, length: first & 0x0f };
  if (first < 0xc0) return { kind: 'text', headBytes: 1, length: first & 0x1f };
  if (first === 0xc1) return 'reserved';
  if (first < 0xc4) return { kind: 'plain', headBytes: 1, length: 0 };
  if (first < 0xc7) return longHead(view, at, 'plain', 2 ** (first - 0xc4), 0);
  // Ext: its type is one byte more.
  if (first < 0xca) return longHead(view, at, 'plain', 2 ** (first - 0xc7), 1);
  if (first < 0xd4) return { kind: 'plain', headBytes: 1, length: numberBytes[first - 0xca] ?? 0 };
  if (first < 0xd9) return { kind: 'plain', headBytes: 2, length: 2 ** (first - 0xd4) };
  const [kind, width] = longHeads[first - 0xd9] ?? ['plain', 1];
  return longHead(view, at, kind, width, 0);
}

function longHead(view: DataView, at: number, kind: Head['kind'], width: number, more: number): Head | PackFault {
  if (view.byteLength - at - 1 < width) return 'truncated';
  const length = width === 1 ? view.getUint8(at + 1) : width === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1);
  return { kind, headBytes: 1 + width + more, length };
}
