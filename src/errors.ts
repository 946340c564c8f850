import { formatDuration } from './config/units.ts';
import type { HintName } from './engine/counters.ts';
import { plainText } from './observe/text.ts';
import { ErrorCode, type ErrorCodeName, errorCodeHelp, errorCodeName } from './protocol/error-code.ts';
import { type ExchangeFaultName, exchangeFaultHelp, exchangeFaultName } from './protocol/exchange-fault.ts';

/** Why a handshake failed or a session ended, as a stable text: also a metric's label and a row in docs/PROTOCOL.md. */
export type FailureCode = ErrorCodeName | 'APPLICATION' | 'UNKNOWN';

/** What a handshake or a session came to; the engine's `closed` output has the figures. */
interface Ending {
  /** Number on the wire, see protocol/error-code.ts. */
  readonly code: number;
  /** The peer's own words, or the last local send error. */
  readonly reason?: string | undefined;
  /** `host:port` of the other end. */
  readonly peer: string;
  readonly cause?: unknown;
}

/** Figures of a failed handshake. */
export interface HandshakeEnding extends Ending {
  /** STARTs sent. */
  readonly attempts: number;
  /** From the call to the end, ms. */
  readonly elapsedMs: number;
}

/** Figures of a lost session. */
export interface SessionEnding extends Ending {
  /** From Streaming to the end, ms. */
  readonly durationMs: number;
}

/** What a local send error most likely means. */
const hintHelp: Readonly<Record<Exclude<HintName, 'other'>, string>> = {
  ECONNREFUSED: 'nothing listens there?',
  EPERM: 'a firewall on this machine?',
  ENETUNREACH: 'no route to that network?',
  EHOSTUNREACH: 'the host is down?',
  EMSGSIZE: 'a link that carries only small datagrams?',
  ENOBUFS: 'the network card cannot keep up?',
};

interface Explanation {
  readonly name: FailureCode;
  readonly means: string;
  readonly tryNext: string;
}

function explain(code: number): Explanation {
  const name = errorCodeName(code);
  if (name === 'APPLICATION') {
    return { name, means: "an application's own code", tryNext: 'ask who runs the other end what it means' };
  }
  if (name === 'UNKNOWN') {
    return { name, means: 'the other end gave a code that this version does not know', tryNext: 'update this end' };
  }
  return { name, ...errorCodeHelp[name] };
}

/** The number is told only where the name does not determine it. */
function codeText(name: FailureCode, code: number): string {
  return name === 'APPLICATION' || name === 'UNKNOWN' ? `${name} 0x${code.toString(16)}` : name;
}

function reasonText(reason: string | undefined): string | undefined {
  if (reason === undefined || reason === '') return undefined;
  if (reason === 'other') return 'last hint: the operating system refused a datagram';
  if (Object.hasOwn(hintHelp, reason)) return `last hint ${reason}: ${hintHelp[reason as keyof typeof hintHelp]}`;
  if (Object.hasOwn(errorCodeHelp, reason)) {
    return `last hint ${reason}: ${errorCodeHelp[reason as ErrorCodeName].means}`;
  }
  return `reason "${plainText(reason)}"`;
}

function sentence(what: string, notes: readonly (string | undefined)[], tryNext: string): string {
  const bracket = notes.filter((note) => note !== undefined).join(', ');
  return `${what} (${bracket})${tryNext === '' ? '' : `. Try: ${tryNext}`}`;
}

function handshakeSentence(ending: HandshakeEnding, { name, means, tryNext }: Explanation): string {
  const { peer, code, attempts } = ending;
  const elapsed = formatDuration(ending.elapsedMs);
  const what =
    code === ErrorCode.HANDSHAKE_TIMEOUT
      ? `no answer from ${peer} within ${elapsed}`
      : code === ErrorCode.CONFIRM_TIMEOUT
        ? `${peer} answered, but nothing came after the confirm within ${elapsed}`
        : `handshake with ${peer} failed after ${elapsed}: ${means}`;
  const tried = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return sentence(what, [codeText(name, code), tried, reasonText(ending.reason)], tryNext);
}

/**
 * No stream came to be. The message says what happened and what to try:
 * `no answer from 127.0.0.1:4444 within 15.0 s (HANDSHAKE_TIMEOUT, 70 attempts, last hint ECONNREFUSED: nothing listens
 * there?). Try: …`.
 */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  /** Stable; tell failures apart by it, never by the message. */
  readonly code: FailureCode;
  /** The code's number on the wire: tells an application's own codes apart. */
  readonly codeNumber: number;
  /** The peer's own words as they came, or the name of the last local send error. */
  readonly reason: string | undefined;
  /** STARTs sent. */
  readonly attempts: number;
  /** From the call to the end, ms. */
  readonly elapsedMs: number;
  /** `host:port` of the other end. */
  readonly peer: string;
  /** What to try next, for people; empty when there is nothing to do. */
  readonly tryNext: string;

  constructor(ending: HandshakeEnding) {
    const explanation = explain(ending.code);
    super(handshakeSentence(ending, explanation), ending.cause === undefined ? {} : { cause: ending.cause });
    this.code = explanation.name;
    this.codeNumber = ending.code;
    this.reason = ending.reason;
    this.attempts = ending.attempts;
    this.elapsedMs = ending.elapsedMs;
    this.peer = ending.peer;
    this.tryNext = explanation.tryNext;
  }
}

/** A session was lost after Streaming: `session with 127.0.0.1:4444 ended after 12.3 s: … (PEER_DEAD). Try: …`. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  /** Stable; tell failures apart by it, never by the message. */
  readonly code: FailureCode;
  /** The code's number on the wire: tells an application's own codes apart. */
  readonly codeNumber: number;
  /** The peer's own words as they came, or the name of the last local send error. */
  readonly reason: string | undefined;
  /** From Streaming to the end, ms. */
  readonly durationMs: number;
  /** `host:port` of the other end. */
  readonly peer: string;
  /** What to try next, for people; empty when there is nothing to do. */
  readonly tryNext: string;

  constructor(ending: SessionEnding) {
    const { name, means, tryNext } = explain(ending.code);
    const { code, reason, durationMs, peer, cause } = ending;
    const what = `session with ${peer} ended after ${formatDuration(durationMs)}: ${means}`;
    super(sentence(what, [codeText(name, code), reasonText(reason)], tryNext), cause === undefined ? {} : { cause });
    this.code = name;
    this.codeNumber = code;
    this.reason = reason;
    this.durationMs = durationMs;
    this.peer = peer;
    this.tryNext = tryNext;
  }
}

/** An exchange over a live session came to nothing: `asking for stats failed: the other end has no method of that name (NO_SUCH_METHOD). Try: …`. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  /** Stable; tell failures apart by it, never by the message. */
  readonly code: ExchangeFaultName;
  /** The code's number. */
  readonly codeNumber: number;
  /** What was asked for. */
  readonly method: string;
  /** What to try next, for people; empty when there is nothing to do. */
  readonly tryNext: string;

  constructor(fault: number, method: string) {
    const code = exchangeFaultName(fault);
    const { means, tryNext } = exchangeFaultHelp[code];
    super(sentence(`asking for ${plainText(method)} failed: ${means}`, [code], tryNext));
    this.code = code;
    this.codeNumber = fault;
    this.method = method;
    this.tryNext = tryNext;
  }
}

/** One wrong setting. */
export interface SettingProblem {
  /** Its name as the user gave it: `latencyMs`, `--listen`, `limits.prefixRate.burst`. */
  readonly setting: string;
  /** A clause that begins with what was given: `"5" has no unit`. */
  readonly problem: string;
  /** What to do, as an instruction: `write 5s`. */
  readonly tryInstead: string;
}

/** Settings that cannot be used. Lists all of them, one line each, so that nobody has to find them one by one. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** At least one, in the order in which they were found. */
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(({ setting, problem, tryInstead }) => `${setting}: ${problem}. Try: ${tryInstead}`);
    super(lines.join('\n'));
    this.problems = problems;
  }
}
