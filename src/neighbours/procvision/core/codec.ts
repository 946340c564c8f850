/** Largest frame by default, in bytes: what the documents recommend. */
export const BODY_BYTES_MAX = 2 * 1_048_576;

/** An object of JSON. */
export type JsonObject = { readonly [key: string]: unknown };

/** Why a body is refused. A closed set: each is a counter. */
export const bodyFaults = ['badUtf8', 'badJson', 'notAnObject'] as const;

/** See {@link bodyFaults}. */
export type BodyFault = (typeof bodyFaults)[number];

/** For messages. */
export const bodyFaultTexts: Readonly<Record<BodyFault, string>> = {
  badUtf8: 'a frame that is not UTF-8',
  badJson: 'a frame that is not JSON',
  notAnObject: 'a frame that is no JSON object',
};

/** A body that was read. */
export type DecodedBody =
  | {
      readonly ok: true;
      readonly body: JsonObject;
      /** It had `NaN`, `Infinity` or `-Infinity` where a value stands, read as null: what it says must not be used as a result. */
      readonly notJson: boolean;
    }
  | { readonly ok: false; readonly fault: BodyFault };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * A body as bytes: JSON without blanks, keys in their order.
 *
 * Throws RangeError, with the path, for a number that JSON does not have: `JSON.stringify` would silently write null for it.
 */
export function encodeBody(body: JsonObject): Uint8Array {
  const bad = notANumber(body, '');
  if (bad !== undefined) throw new RangeError(`${bad} is not a number that JSON can carry`);
  return encoder.encode(JSON.stringify(body));
}

/** Bytes as a body. */
export function decodeBody(bytes: Uint8Array): DecodedBody {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { ok: false, fault: 'badUtf8' };
  }
  let notJson = false;
  let value = parse(text);
  if (value === undefined) {
    value = parse(withoutNaN(text));
    notJson = true;
  }
  if (value === undefined) return { ok: false, fault: 'badJson' };
  return isObject(value) ? { ok: true, body: value, notJson } : { ok: false, fault: 'notAnObject' };
}

/** Whether a value of JSON is an object, and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value; `undefined`, which no text stands for, when it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const words = ['NaN', '-Infinity', 'Infinity'] as const;

/** Strings are skipped whole, so that a text that says NaN stays one. One pass: the text is whatever a peer has sent. */
function withoutNaN(text: string): string {
  const parts: string[] = [];
  let from = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') inString = !inString;
    else if (inString && char === '\\') at++;
    if (inString || (char !== 'N' && char !== 'I' && char !== '-')) continue;
    const word = words.find((one) => text.startsWith(one, at));
    if (word === undefined) continue;
    parts.push(text.slice(from, at), 'null');
    from = at + word.length;
    at = from - 1;
  }
  return parts.join('') + text.slice(from);
}

/** Deepest value that is looked into: as deep as any result is, and no recursion without bound. */
const DEPTH_MAX = 64;

/** The path of the first number that is not finite, or of what is nested too deeply to tell. */
function notANumber(value: unknown, path: string, depth = 0): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > DEPTH_MAX) return path;
  for (const [key, inner] of Object.entries(value)) {
    const bad = notANumber(inner, path === '' ? key : `${path}.${key}`, depth + 1);
    if (bad !== undefined) return bad;
  }
  return undefined;
}
