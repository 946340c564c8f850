import type { MediaSink } from '../media-sink.ts';
import { parseRtpUrl } from '../sources/rtp-url.ts';
import { annexbFile, annexbStream } from './annexb-sink.ts';
import { execSink } from './exec-sink.ts';
import { nullSink } from './null-sink.ts';
import { rtpSink } from './rtp-sink.ts';
import { SinkError } from './sink-error.ts';
import { testSink } from './test-sink.ts';

/** What the command line says beside the sink itself. */
export interface ParseSinkOptions {
  /** Where an RTP sink writes its session description. Default firstframe.sdp. */
  readonly sdpPath?: string;
}

const FORMS = "give null, file.h264, - (stdout), rtp://127.0.0.1:5006, test or exec:'ffplay -'";

/**
 * Makes a sink of what stands on the command line: `null`, `file.h264`, `-` for stdout, `rtp://127.0.0.1:5006`, `exec:ffplay -`,
 * `test`. Files are made and commands run at once.
 *
 * Throws {@link SinkError} for anything else, and when the sink cannot be opened.
 */
export function parseSink(text: string, options: ParseSinkOptions = {}): MediaSink {
  if (text.trim() === '') throw new SinkError('an output is missing', FORMS);
  if (text === 'null') return nullSink();
  if (text === 'test') return testSink();
  if (text === '-') return stdoutSink();
  if (text.startsWith('exec:')) return execSink(text.slice('exec:'.length));
  if (text.startsWith('rtp:')) return parseRtp(text, options.sdpPath ?? 'firstframe.sdp');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    const instead = `exec:'ffmpeg -f h264 -i - -c copy ... ${text}'`;
    throw new SinkError(`${scheme}:// is no output that is known here`, `${FORMS}, for instance ${instead}`);
  }
  const container = /\.(?:mp4|m4v|mov|mkv|webm|avi|flv|ts)$/i.exec(text)?.[0];
  if (container !== undefined) {
    // Without times of presentation in the stream, only these take B pictures uncoded.
    const copy = /^\.m(?:p4|4v|ov)$/i.test(container) ? '-c copy ' : '';
    const instead = `exec:'ffmpeg -f h264 -i - ${copy}${text}'`;
    throw new SinkError(`a raw H.264 stream is no ${container} file`, `name it .h264, or make one with ${instead}`);
  }
  return annexbFile(text);
}

function stdoutSink(): MediaSink {
  if (process.stdout.isTTY) {
    throw new SinkError('stdout is a terminal, which cannot show video', 'pipe it into a player: ... | ffplay -');
  }
  return annexbStream(process.stdout, 'stdout');
}

function parseRtp(text: string, sdpPath: string): MediaSink {
  const address = parseRtpUrl(text);
  if (address === undefined || [...address.parameters].length > 0) {
    throw new SinkError(`${text} is not an RTP address`, 'give rtp://ADDRESS:PORT with a numeric address');
  }
  return rtpSink({ host: address.host, port: address.port, sdpPath });
}
