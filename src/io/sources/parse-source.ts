import { accepted, type Parsed, refused } from '../../config/parsed.ts';
import { parseSize } from '../../config/units.ts';
import type { MediaSource } from '../media-source.ts';
import { execSource } from './exec-source.ts';
import { h264File } from './h264-file.ts';
import { h264Stream } from './h264-stream.ts';
import { rtpSource } from './rtp-source.ts';
import { parseRtpUrl } from './rtp-url.ts';
import { SourceError } from './source-error.ts';
import { testSource } from './test-source.ts';

/** What the command line says beside the source itself. */
export interface ParseSourceOptions {
  /** Files begin again at their end. Default false. */
  readonly loop?: boolean;
  /** 0.01..1000; default: what the source says. */
  readonly framesPerSecond?: number;
}

const FORMS = "give clip.h264, - (stdin), rtp://:5004, test, test?fps=60&bytes=20kB or exec:'a command'";

/**
 * Makes a source of what stands on the command line: `clip.h264`, `-` for stdin, `rtp://:5004?pt=96`, `test`,
 * `test?fps=60&bytes=20kB&keyframes=30`, `exec:command`. Whether there is such a file or free port shows only when it is started.
 *
 * Throws {@link SourceError} for anything else.
 */
export function parseSource(text: string, options: ParseSourceOptions = {}): MediaSource {
  const { loop = false, framesPerSecond } = options;
  const rate = framesPerSecond === undefined ? {} : { framesPerSecond };
  if (text.trim() === '') throw new SourceError('a source is missing', FORMS);
  if (text === '-') return h264Stream(process.stdin, { ...rate, name: 'stdin' });
  if (text.startsWith('exec:')) return execSource(text.slice('exec:'.length), rate);
  if (text.startsWith('rtp:')) return parseRtp(text);
  if (text === 'test' || text.startsWith('test?')) return parseTest(text, rate);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    const instead = `exec:'ffmpeg -i ${text} -an -c:v copy -bsf:v h264_mp4toannexb -f h264 -'`;
    throw new SourceError(`${scheme}:// is no source that is known here`, `${FORMS}, for instance ${instead}`);
  }
  return h264File(text, { loop, ...rate });
}

function parseRtp(text: string): MediaSource {
  const address = parseRtpUrl(text);
  if (address === undefined) {
    throw new SourceError(
      `${text} is not an RTP address`,
      'give rtp://:5004, or rtp://ADDRESS:5004 with a numeric address of this machine',
    );
  }
  const { host, port, parameters } = address;
  checkNames(text, parameters, ['pt']);
  const payloadType = readNumber(text, parameters, 'pt', parseNumber);
  return rtpSource({ host, port, ...(payloadType === undefined ? {} : { payloadType }) });
}

function parseTest(text: string, rate: { readonly framesPerSecond?: number }): MediaSource {
  const parameters = new URLSearchParams(text.slice('test?'.length));
  checkNames(text, parameters, ['fps', 'bytes', 'keyframes']);
  const framesPerSecond = readNumber(text, parameters, 'fps', parseNumber);
  const bytesPerFrame = readNumber(text, parameters, 'bytes', parseSize);
  const keyframeInterval = readNumber(text, parameters, 'keyframes', parseNumber);
  return testSource({
    ...rate,
    ...(framesPerSecond === undefined ? {} : { framesPerSecond }),
    ...(bytesPerFrame === undefined ? {} : { bytesPerFrame }),
    ...(keyframeInterval === undefined ? {} : { keyframeInterval }),
  });
}

function checkNames(text: string, parameters: URLSearchParams, known: readonly string[]): void {
  for (const name of parameters.keys()) {
    if (known.includes(name)) continue;
    throw new SourceError(`${text} has a parameter "${name}", which is not known`, `there is: ${known.join(', ')}`);
  }
}

function readNumber(
  text: string,
  parameters: URLSearchParams,
  name: string,
  read: (value: string) => Parsed<number>,
): number | undefined {
  const value = parameters.get(name);
  if (value === null) return undefined;
  const parsed = read(value);
  if (parsed.ok) return parsed.value;
  throw new SourceError(`${text}: "${value}" is no value for ${name}`, `${parsed.tryInstead}; ${FORMS}`);
}

function parseNumber(value: string): Parsed<number> {
  return /^\d+(?:\.\d+)?$/.test(value.trim())
    ? accepted(Number(value))
    : refused(`"${value}" is no number`, 'give a number, such as 60 or 29.97');
}
