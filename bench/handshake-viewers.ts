import { handshakePrograms, type LoadOptions, runCLoad } from './c-load.ts';
import { Child } from './child.ts';
import { type Cores, onCore } from './pin.ts';
import type { SecuredViewersOptions } from './processes/secured-viewers.ts';
import type { SecuredLoad, SecuredReport } from './secured-viewers.ts';

/** How viewers shake hands. */
export const handshakeModes = ['none', 'psk'] as const;
/** One of {@link handshakeModes}. */
export type HandshakeMode = (typeof handshakeModes)[number];

/** The secret of mode `psk`, hexadecimal digits: any. */
export const pskHex = '5a'.repeat(32);

/** What they counted. */
export interface ViewersReport {
  readonly elapsedMs: number;
  readonly ready: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly totals: Readonly<Record<string, number>>;
}

/** Viewers that shake hands with a responder, as often as they are asked to. */
export interface HandshakeViewers extends AsyncDisposable {
  /** The responder in C, if there is one that they can talk to. */
  readonly responderProgram: string | undefined;
  /**
   * @param counting called when they begin to count, and when they have, with their process number.
   * @returns `undefined` when the signal came first.
   * @throws Error with what the responder does not do, when it does not do its work.
   */
  run(
    turn: LoadOptions,
    signal: AbortSignal,
    counting: (pid: number) => Promise<void>,
  ): Promise<ViewersReport | undefined>;
}

/** Makes viewers ready: in C in mode `none`, else as `initiate()` has them. @returns why that does not work here, if it does not. */
export function handshakeViewers(mode: HandshakeMode, cores: Cores | undefined): Promise<HandshakeViewers | string> {
  return mode === 'none' ? viewersInC(cores) : securedViewers(cores);
}

async function viewersInC(cores: Cores | undefined): Promise<HandshakeViewers | string> {
  const programs = await handshakePrograms();
  if (typeof programs === 'string') return programs;
  return {
    responderProgram: programs.responder,
    async run(turn, signal, counting) {
      try {
        const report = await runCLoad(programs.load, turn, cores?.load, signal, counting);
        const { elapsedMs, ready, failures, pings, repeated, retries } = report;
        const totals = { ...datagramTotals(report), PINGs: pings, 'sent again': repeated, RETRYs: retries };
        return { elapsedMs, ready, failures, totals };
      } catch (error) {
        if (signal.aborted) return undefined;
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => programs[Symbol.asyncDispose](),
  };
}

async function securedViewers(cores: Cores | undefined): Promise<HandshakeViewers> {
  const options: SecuredViewersOptions = { pskHex };
  const child = await Child.start<Record<string, never>, undefined>('secured-viewers', options, onCore(cores?.load));
  return {
    responderProgram: undefined,
    async run({ port, window, warmUpMs, runMs }, signal, counting) {
      const counted: Promise<void>[] = [];
      const load: SecuredLoad = { port, window, warmUpMs, runMs };
      const report = await child.run<undefined, SecuredReport>(load, () => counted.push(counting(child.pid)), signal);
      await Promise.all(counted);
      return report && { ...report, totals: datagramTotals(report) };
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function datagramTotals(report: Omit<SecuredReport, 'failures'>): Readonly<Record<string, number>> {
  return {
    'datagrams to it': report.datagramsSent,
    'their bytes': report.bytesSent,
    'datagrams from it': report.datagramsReceived,
    'bytes of those': report.bytesReceived,
  };
}
