import { accepted, type Parsed, quoted, refused } from '../config/parsed.ts';
import {
  formatBytes,
  formatDuration,
  formatPercent,
  formatRate,
  parseDuration,
  parseFraction,
  parseRate,
  parseSize,
} from '../config/units.ts';
import { bursts, type LinkModel } from '../sim/link-model.ts';

/** Slowest bottleneck, in bits per second: below it a datagram would take seconds. */
const RATE_MIN_BITS = 1000;
/** Longest mean run of a burst, in datagrams. */
const RUN_MAX = 1_000_000;

/** How a link is written: each field's text as one part of a model. */
const fields = {
  loss: (text: string) => as(parseFraction(text), (loss) => ({ loss })),
  burst: (text: string) => parseBurst(text),
  delay: (text: string) => as(parseDuration(text), (oneWayMs) => ({ oneWayMs })),
  jitter: (text: string) => as(parseDuration(text), (jitterMs) => ({ jitterMs })),
  reorder: (text: string) => as(parseFraction(text), (reorder) => ({ reorder })),
  duplicate: (text: string) => as(parseFraction(text), (duplication) => ({ duplication })),
  corrupt: (text: string) => as(parseFraction(text), (corruption) => ({ corruption })),
  rate: (text: string) => parseBottleneck(text),
  queue: (text: string) => as(parseSize(text), (queueBytesMax) => ({ queueBytesMax })),
  mtu: (text: string) => as(parseSize(text), (datagramBytesMax) => ({ datagramBytesMax })),
} as const satisfies Readonly<Record<string, (text: string) => Parsed<LinkModel>>>;

/** A part of a link that has a name. */
export type LinkField = keyof typeof fields;

/** All of them, in the order in which they are shown. */
export const linkFields = Object.keys(fields) as readonly LinkField[];

/** One part of a link: `30%` as loss, `25ms` as delay, `5%/8` as burst, `2Mbit/s` as rate, `700B` as mtu. */
export function parseLinkField(field: LinkField, text: string): Parsed<LinkModel> {
  return fields[field](text);
}

/** A link as one text: `loss=30%,delay=25ms,burst=5%/8`. A field may stand once. */
export function parseLink(text: string): Parsed<LinkModel> {
  let model: LinkModel = {};
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(part) ?? [];
    const field = linkFields.find((known) => known === name);
    if (field === undefined)
      return refused(
        `${quoted(part)} is no part of a link`,
        `write loss=30%,delay=25ms (there is ${linkFields.join(', ')})`,
      );
    if (seen.has(field)) return refused(`${quoted(text)} has ${field} twice`, 'write it once');
    seen.add(field);
    const parsed = parseLinkField(field, value);
    if (!parsed.ok) return parsed;
    model = { ...model, ...parsed.value };
  }
  return accepted(model);
}

/** A link in words. */
export function linkText(model: LinkModel): string {
  const { loss, burst, oneWayMs, jitterMs, reorder, duplication, corruption } = model;
  const { bitsPerSecond, queueBytesMax, datagramBytesMax } = model;
  const parts = [
    loss && `${formatPercent(loss)} lost`,
    burst &&
      `${formatPercent(burst.enter / (burst.enter + burst.leave))} lost in runs of ${(1 / burst.leave).toFixed(0)}`,
    oneWayMs && `${formatDuration(oneWayMs)} late`,
    jitterMs && `up to ${formatDuration(jitterMs)} of jitter`,
    reorder && `${formatPercent(reorder)} out of order`,
    duplication && `${formatPercent(duplication)} twice`,
    corruption && `${formatPercent(corruption)} damaged`,
    bitsPerSecond && `${formatRate(bitsPerSecond)}`,
    bitsPerSecond && queueBytesMax && `${formatBytes(queueBytesMax)} of queue`,
    datagramBytesMax !== undefined && `nothing larger than ${formatBytes(datagramBytesMax)}`,
  ].filter((part) => typeof part === 'string');
  return parts.length === 0 ? 'as it is' : parts.join(', ');
}

function parseBurst(text: string): Parsed<LinkModel> {
  const [, share = '', digits = ''] = /^(.*)\/(\d{1,7})$/.exec(text) ?? [];
  const length = Number(digits);
  if (digits === '' || length < 1 || length > RUN_MAX) {
    return refused(
      `${quoted(text)} is no burst`,
      'write a share and a mean run, such as 5%/8: 5 % are lost, 8 in a row on average',
    );
  }
  return as(parseFraction(share), (fraction) => ({ burst: bursts(fraction, length) }));
}

function parseBottleneck(text: string): Parsed<LinkModel> {
  const parsed = parseRate(text);
  if (parsed.ok && parsed.value < RATE_MIN_BITS)
    return refused(`${quoted(text)} is too slow`, 'write at least 1kbit/s');
  return as(parsed, (bitsPerSecond) => ({ bitsPerSecond }));
}

function as<Value>(parsed: Parsed<Value>, part: (value: Value) => LinkModel): Parsed<LinkModel> {
  return parsed.ok ? accepted(part(parsed.value)) : parsed;
}
