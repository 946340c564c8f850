import type { InitiatorOutput, Peer, ResponderOutput, TracedFrame } from '../engine/io-types.ts';
import { errorCodeName } from '../protocol/error-code.ts';
import { FrameType, frameTypeName } from '../protocol/frame.ts';
import { plainText } from './text.ts';

/** What to show, and how much of it. */
export interface TimelineOptions {
  /** Whose outputs they are: the viewer's or the camera's. */
  readonly role: 'initiator' | 'responder';
  /** What is 0.0 ms; default: the first output. Monotonic ms. */
  readonly startMs?: number;
  /** Only outputs about this other end; default: all. */
  readonly peer?: Peer;
  /** Rows of frames at most, 1 or more; default 40. Rows that tell how far it came always have room. */
  readonly rowsMax?: number;
}

/** An output and when it came, monotonic ms. */
export interface TimedOutput {
  readonly atMs: number;
  readonly output: InitiatorOutput | ResponderOutput;
}

interface Row {
  readonly atMs: number;
  readonly where: string;
  readonly what: string;
  /** Attempt of the first and of the last frame of the row; 0 for frames without. */
  readonly attempt: number;
  lastAttempt: number;
  readonly detail: string;
  lastAtMs: number;
  /** Further frames of the same kind right after it. */
  again: number;
  readonly sent: boolean;
}

const TO_CAMERA = 'viewer → camera';
const TO_VIEWER = 'camera → viewer';

/**
 * The story of a handshake for people, one row a line:
 *
 *        0.0 ms  viewer → camera  START            attempt 1..3   256 B  2 resends until 12.6 ms
 *
 * Frames of one kind in a row are one row, media is its first datagram, and datagrams without effect are one line at the end, so
 * that the length is bounded whatever the network does.
 */
export class Timeline {
  readonly #options: TimelineOptions;
  readonly #rowsMax: number;
  readonly #rows: Row[] = [];
  readonly #told = new Set<string>();
  readonly #drops = new Map<string, number>();
  #startMs: number | undefined;
  #frameRows = 0;
  #leftOut = 0;
  #lastFrame: Row | undefined;

  constructor(options: TimelineOptions) {
    this.#options = options;
    this.#rowsMax = options.rowsMax ?? 40;
    this.#startMs = options.startMs;
  }

  /** Takes one output; times never go back. Outputs that are no part of the story are ignored. */
  add(atMs: number, output: InitiatorOutput | ResponderOutput): void {
    if (!this.#isMine(output)) return;
    this.#startMs ??= atMs;
    switch (output.kind) {
      case 'traceFrame':
        return this.#frame(atMs, output.direction === 'sent', output.frame, output.bytes);
      case 'traceDrop':
        // A frame without a row in the state's table is a row of this timeline already.
        if (output.reason === 'noRow') return;
        this.#drops.set(output.reason, (this.#drops.get(output.reason) ?? 0) + 1);
        return;
      case 'media':
        return this.#once(atMs, TO_VIEWER, 'first media datagram', `${output.bytes.length} B`);
      case 'firstMedia':
        return this.#once(
          atMs,
          TO_VIEWER,
          'first media datagram',
          `time to stream ${tenths(output.timeToStreamMs)} ms`,
        );
      case 'firstFrame': {
        const detail = `time to first frame ${tenths(output.timeToFirstFrameMs)} ms`;
        return this.#once(atMs, this.#self(), 'first whole frame', detail);
      }
      case 'streaming':
        return this.#once(atMs, this.#self(), 'Streaming', '');
      case 'closed': {
        const reason = output.reason === undefined ? '' : ` "${plainText(output.reason, 80)}"`;
        return this.#once(atMs, this.#self(), 'Closed', `${errorCodeName(output.code)}${reason}`);
      }
      default:
        return;
    }
  }

  /** The lines so far, without newlines. */
  lines(): string[] {
    const lines = this.#rows.map((row) => this.#line(row));
    if (this.#leftOut > 0) lines.push(`${' '.repeat(12)}… and ${count(this.#leftOut, 'more frame')}`);
    const drops = [...this.#drops].map(([reason, times]) => `${reason} ${times}`);
    if (drops.length > 0) lines.push(`${' '.repeat(12)}datagrams without effect: ${drops.join(', ')}`);
    return lines;
  }

  #isMine(output: InitiatorOutput | ResponderOutput): boolean {
    const { peer: wanted } = this.#options;
    if (wanted === undefined) return true;
    const peer = 'peer' in output ? output.peer : 'to' in output ? output.to : undefined;
    return peer === undefined || (peer.address === wanted.address && peer.port === wanted.port);
  }

  #self(): string {
    return this.#options.role === 'initiator' ? 'viewer' : 'camera';
  }

  #frame(atMs: number, sent: boolean, frame: TracedFrame, bytes: number): void {
    const what = frameTypeName(frame.type) ?? 'unknown';
    const where = sent === (this.#options.role === 'initiator') ? TO_CAMERA : TO_VIEWER;
    const last = this.#lastFrame;
    if (last?.what === what && last.where === where) {
      last.again++;
      last.lastAtMs = atMs;
      last.lastAttempt = frame.attempt;
      return;
    }
    if (this.#frameRows >= this.#rowsMax) {
      this.#leftOut++;
      return;
    }
    this.#frameRows++;
    const code = frame.type === FrameType.ERROR || frame.type === FrameType.BYE ? errorCodeName(frame.errorCode) : '';
    const { attempt } = frame;
    const detail = `${`${bytes} B`.padStart(7)}  ${code}`;
    this.#lastFrame = { atMs, where, what, attempt, lastAttempt: attempt, detail, lastAtMs: atMs, again: 0, sent };
    this.#rows.push(this.#lastFrame);
  }

  #once(atMs: number, where: string, what: string, detail: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    // A row between two of the same kind parts them: the order of events is what a timeline is for.
    this.#lastFrame = undefined;
    this.#rows.push({ atMs, where, what, attempt: 0, lastAttempt: 0, detail, lastAtMs: atMs, again: 0, sent: false });
  }

  #line(row: Row): string {
    const { atMs, where, what, attempt, lastAttempt, detail, lastAtMs, again, sent } = row;
    const at = (ms: number) => tenths(ms - (this.#startMs ?? ms));
    const attempts = attempt === lastAttempt ? `${attempt}` : `${attempt}..${lastAttempt}`;
    const tried = attempt === 0 ? '' : `attempt ${attempts}`;
    const repeated = again === 0 ? '' : `  ${count(again, sent ? 'resend' : 'further copy')} until ${at(lastAtMs)} ms`;
    const middle = what.length > 16 ? `${what}  ` : `${what.padEnd(16)} ${tried.padEnd(13)}`;
    return `${at(atMs).padStart(8)} ms  ${where.padEnd(15)}  ${middle} ${detail.trimEnd()}${repeated}`.trimEnd();
  }
}

/** The whole timeline of outputs that are at hand. */
export function timelineLines(outputs: Iterable<TimedOutput>, options: TimelineOptions): string[] {
  const timeline = new Timeline(options);
  for (const { atMs, output } of outputs) timeline.add(atMs, output);
  return timeline.lines();
}

function tenths(ms: number): string {
  return ms.toFixed(1);
}

function count(number: number, noun: string): string {
  if (number === 1) return `1 ${noun}`;
  return `${number} ${noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;
}
