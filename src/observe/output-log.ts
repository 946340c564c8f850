import type { InitiatorOutput, ResponderOutput, TracedFrame } from '../engine/io-types.ts';
import { errorCodeName } from '../protocol/error-code.ts';
import { FrameType, frameTypeName } from '../protocol/frame.ts';
import { LineLimit } from './line-limit.ts';
import type { Log } from './log.ts';
import { idText, peerText, plainText } from './text.ts';

/** Lines about datagrams without effect, per second: strangers cause them. */
export const DROP_LINES_PER_SECOND = 10;
/** All other lines, per second: a flood of well-formed frames must not fill a disk either. */
export const LINES_PER_SECOND = 1000;

/** A log line before it is written. */
export interface OutputLine {
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  readonly message: string;
}

/** The code that a frame carries; of all its TLVs the only one that is both harmless and worth a line. */
function frameCode(frame: TracedFrame): { readonly code?: string } {
  return frame.type === FrameType.ERROR || frame.type === FrameType.BYE || frame.type === FrameType.RESET
    ? { code: errorCodeName(frame.errorCode) }
    : {};
}

/**
 * What to log of one output of an endpoint, `undefined` for outputs that are no news. Cookies, tokens and the SessionTag are
 * never in it: fields are picked one by one, a frame is never logged as a whole.
 */
export function outputLine(output: InitiatorOutput | ResponderOutput): OutputLine | undefined {
  switch (output.kind) {
    case 'traceFrame': {
      const { direction, frame, bytes, peer } = output;
      const type = frameTypeName(frame.type) ?? 'none';
      const attempt = frame.attempt === 0 ? {} : { attempt: frame.attempt };
      const fields = { direction, type, ...attempt, bytes, stream: idText(frame.streamId), peer: peerText(peer) };
      return { fields: { ...fields, ...frameCode(frame) }, message: `${direction} ${type}` };
    }
    case 'traceTransition': {
      const { role, session, streamId, peer, event, from, to } = output;
      const fields = { role, session, stream: idText(streamId), peer: peerText(peer), event, from, to };
      return { fields, message: `${from} -> ${to}` };
    }
    case 'traceDrop': {
      const { reason, peer, bytes } = output;
      return { fields: { reason, peer: peerText(peer), bytes }, message: 'datagram without effect' };
    }
    case 'streaming': {
      if ('session' in output) {
        const { session, peer, streamId } = output;
        return { fields: { session, stream: idText(streamId), peer: peerText(peer) }, message: 'streaming' };
      }
      const { elapsedMs, attempts, rttMs } = output;
      return { fields: { elapsedMs, attempts, ...(rttMs === undefined ? {} : { rttMs }) }, message: 'streaming' };
    }
    case 'moved': {
      const { session, streamId, before, peer } = output;
      const fields = { session, stream: idText(streamId), before: peerText(before), peer: peerText(peer) };
      return { fields, message: 'moved' };
    }
    case 'closed': {
      const { session, streamId, peer, code, reason, wasStreaming, attempts } = output;
      const fields = { session, stream: idText(streamId), peer: peerText(peer), code: errorCodeName(code) };
      const said = reason === undefined ? {} : { reason: plainText(reason) };
      return { fields: { ...fields, ...said, wasStreaming, attempts }, message: 'closed' };
    }
    case 'load':
      return output.under
        ? { fields: { under: true, cause: output.cause }, message: 'under load' }
        : { fields: { under: false }, message: 'no longer under load' };
    default:
      return undefined;
  }
}

/**
 * Turns an endpoint's outputs into debug lines, at a bounded rate (S16): at most {@link DROP_LINES_PER_SECOND} about drops and
 * {@link LINES_PER_SECOND} others in any second, then one line that says how many were left out.
 */
export class OutputLog {
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #drops = new LineLimit(DROP_LINES_PER_SECOND);
  readonly #others = new LineLimit(LINES_PER_SECOND);

  /** @param nowMs monotonic clock, ms. */
  constructor(log: Log, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** Logs one output; costs one comparison while the level is off. */
  add(output: InitiatorOutput | ResponderOutput): void {
    if (!this.#log.isLevelEnabled('debug')) return;
    const line = outputLine(output);
    if (line === undefined) return;
    const nowMs = this.#nowMs();
    this.#summarise(nowMs);
    const limit = output.kind === 'traceDrop' ? this.#drops : this.#others;
    if (limit.allow(nowMs)) this.#log.debug(line.fields, line.message);
  }

  /** Says what was left out since the last summary; call it once at the end. */
  flush(): void {
    if (this.#log.isLevelEnabled('debug')) this.#summarise(Number.POSITIVE_INFINITY);
  }

  #summarise(nowMs: number): void {
    const drops = this.#drops.takeLeftOut(nowMs);
    if (drops > 0) this.#log.debug({ leftOut: drops, of: 'drops' }, 'lines left out');
    const others = this.#others.takeLeftOut(nowMs);
    if (others > 0) this.#log.debug({ leftOut: others, of: 'others' }, 'lines left out');
  }
}
