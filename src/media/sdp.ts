import type { MediaFormat } from './access-unit.ts';
import { RTP_CLOCK_HZ } from './rtp.ts';

/** Largest session description, in bytes of UTF-8: what READY carries (docs/PROTOCOL.md, section 2). */
export const SDP_BYTES_MAX = 700;

const ENCODING_H264 = 'H264';
const ENCODING_GENERIC = 'x-firstframe-generic';
const STREAM_NAME_BYTES_MAX = 64;
const PARAMETER_SETS_MAX = 8;

/** What a session description tells about a stream. */
export interface StreamDescription {
  readonly format: MediaFormat;
  /** 0..127. */
  readonly payloadType: number;
  /** Ticks of the RTP timestamp per second. */
  readonly clockHz: number;
  /** As sent, without control characters; absent when there is none. */
  readonly streamName?: string;
  /** SPS and PPS without start codes, in order (RFC 6184, 8.1); empty when they come in the stream only. */
  readonly spropParameterSets: readonly Uint8Array[];
  /** profile_idc, constraints and level_idc, six hex digits (RFC 6184, 8.1). */
  readonly profileLevelId?: string;
  /** 0, 1 or 2; 0 when absent (RFC 6184, 8.1). */
  readonly packetizationMode: number;
  /** Frames per second. */
  readonly framerate?: number;
  /** Of the m= line, 0..65535. */
  readonly port: number;
}

/** What {@link buildSdp} needs. */
export interface SdpInput {
  /** Cut to 64 bytes; control characters become spaces. */
  readonly streamName: string;
  readonly format: MediaFormat;
  /** 0..127. */
  readonly payloadType: number;
  /** SPS and PPS without start codes; left out when the description would be too long with them. */
  readonly spropParameterSets?: readonly Uint8Array[];
  /** Six hex digits; default: bytes 1 to 3 of the first SPS among the parameter sets. */
  readonly profileLevelId?: string;
  /** Frames per second. */
  readonly framerate?: number;
  /** IP address of the c= line, default 0.0.0.0. */
  readonly address?: string;
  /** Port of the m= line, default 9 ("discard": the session knows the port). */
  readonly port?: number;
}

/**
 * Describes a stream (RFC 8866; for H.264 with the parameters of RFC 6184, 8.1), in at most 700 bytes of UTF-8. Pass-through has no
 * rtpmap: what its packets are is known only to who sends them.
 */
export function buildSdp(input: SdpInput): string {
  const whole = write(input, input.spropParameterSets ?? []);
  return whole.length <= SDP_BYTES_MAX && utf8Bytes(whole) <= SDP_BYTES_MAX ? whole : write(input, []);
}

function write(input: SdpInput, parameterSets: readonly Uint8Array[]): string {
  const { format, payloadType, framerate } = input;
  const address = /^[0-9A-Za-z.:-]{1,45}$/.test(input.address ?? '') ? (input.address ?? '') : '0.0.0.0';
  const network = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
  const media = format === 'generic' ? 'application' : 'video';
  const lines = [
    'v=0',
    `o=- 0 0 ${network}`,
    `s=${cutName(input.streamName) || '-'}`,
    `c=${network}`,
    't=0 0',
    `m=${media} ${input.port ?? 9} RTP/AVP ${payloadType}`,
  ];
  if (format === 'h264') {
    lines.push(`a=rtpmap:${payloadType} ${ENCODING_H264}/${RTP_CLOCK_HZ}`);
    lines.push(`a=fmtp:${payloadType} ${h264Parameters(input, parameterSets)}`);
  } else if (format === 'generic') {
    lines.push(`a=rtpmap:${payloadType} ${ENCODING_GENERIC}/${RTP_CLOCK_HZ}`);
  }
  if (framerate !== undefined && framerate > 0 && framerate <= 1000) {
    lines.push(`a=framerate:${String(Math.round(framerate * 1000) / 1000)}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

function h264Parameters(input: SdpInput, parameterSets: readonly Uint8Array[]): string {
  const parameters = ['packetization-mode=1'];
  const sps = (input.spropParameterSets ?? []).find((unit) => ((unit[0] ?? 0) & 0x1f) === 7 && unit.length >= 4);
  const level = input.profileLevelId ?? (sps === undefined ? undefined : hex(sps.subarray(1, 4)));
  if (level !== undefined && /^[0-9A-Fa-f]{6}$/.test(level)) parameters.push(`profile-level-id=${level}`);
  if (parameterSets.length > 0) parameters.push(`sprop-parameter-sets=${parameterSets.map(toBase64).join(',')}`);
  return parameters.join(';');
}

/**
 * Reads the first media section of a session description. Tolerant of unknown lines, order and line ends; bounded; never throws.
 *
 * @returns `undefined` for text over 700 bytes, without a usable m= line, or with a number out of range. A format that is neither H.264 nor
 *   generic is `passthrough`, with clock 90,000 when no rtpmap tells it.
 */
export function parseSdp(text: string): StreamDescription | undefined {
  if (text.length > SDP_BYTES_MAX || utf8Bytes(text) > SDP_BYTES_MAX) return undefined;
  const lines = text.split(/\r\n|\n|\r/);
  const mediaIndex = lines.findIndex((line) => line.startsWith('m='));
  const media = /^m=\w+ (\d{1,5})(?:\/\d+)? RTP\/\w+ (\d{1,3})(?: |$)/.exec(lines[mediaIndex] ?? '');
  const port = Number(media?.[1] ?? Number.NaN);
  const payloadType = Number(media?.[2] ?? Number.NaN);
  if (!(port <= 65_535 && payloadType <= 127)) return undefined;
  const following = lines.slice(mediaIndex + 1);
  const nextMedia = following.findIndex((line) => line.startsWith('m='));
  const section = nextMedia < 0 ? following : following.slice(0, nextMedia);
  const attribute = (prefix: string): string | undefined =>
    section.find((line) => line.startsWith(prefix))?.slice(prefix.length);

  const mapping = /^([\w.-]{1,40})\/(\d{1,7})(?:\/|$)/.exec(attribute(`a=rtpmap:${payloadType} `)?.trim() ?? '');
  const encoding = mapping?.[1]?.toUpperCase();
  const clockHz = Number(mapping?.[2] ?? RTP_CLOCK_HZ);
  if (clockHz === 0) return undefined;
  const parameters = readParameters(attribute(`a=fmtp:${payloadType} `) ?? '');
  const mode = Number(parameters.get('packetization-mode') ?? '0');
  const level = parameters.get('profile-level-id');
  const rate = Number(/^\d{1,4}(?:\.\d{1,6})?$/.exec(attribute('a=framerate:')?.trim() ?? '')?.[0] ?? 0);
  const name = lines.find((line) => line.startsWith('s='))?.slice(2);
  return {
    format:
      encoding === ENCODING_H264 ? 'h264' : encoding === ENCODING_GENERIC.toUpperCase() ? 'generic' : 'passthrough',
    payloadType,
    clockHz,
    port,
    packetizationMode: mode === 1 || mode === 2 ? mode : 0,
    spropParameterSets: readParameterSets(parameters.get('sprop-parameter-sets') ?? ''),
    ...(level !== undefined && /^[0-9A-Fa-f]{6}$/.test(level) ? { profileLevelId: level.toLowerCase() } : {}),
    ...(rate > 0 && rate <= 1000 ? { framerate: rate } : {}),
    ...(name !== undefined && cutName(name) !== '' && name !== '-' ? { streamName: cutName(name) } : {}),
  };
}

function readParameters(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  return parameters;
}

/** All sets or none: one that cannot be read makes the others useless. */
function readParameterSets(text: string): readonly Uint8Array[] {
  if (text === '') return [];
  const sets = text.split(',').map(fromBase64);
  const whole = sets.filter((set) => set !== undefined && set.length > 0) as Uint8Array[];
  return whole.length === sets.length && sets.length <= PARAMETER_SETS_MAX ? whole : [];
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (trimmed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(trimmed)) return undefined;
  return Uint8Array.from(atob(trimmed), (character) => character.charCodeAt(0));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** One line of at most 64 bytes: a line break in a name must not become a line of the description. */
function cutName(name: string): string {
  let cut = '';
  let bytes = 0;
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    const kept = code < 0x20 || code === 0x7f ? ' ' : character;
    bytes += utf8Bytes(kept);
    if (bytes > STREAM_NAME_BYTES_MAX) break;
    cut += kept;
  }
  return cut.trim();
}
