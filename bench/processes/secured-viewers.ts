/** Viewers in mode `psk`, all in this process. */
import { runSecuredLoad, type SecuredLoad, type SecuredReport } from '../secured-viewers.ts';
import { serve } from './serve.ts';

/** What it is asked for. */
export interface SecuredViewersOptions {
  /** Hexadecimal digits. */
  readonly pskHex: string;
}

serve<SecuredViewersOptions, Record<string, never>, undefined, SecuredLoad, undefined, SecuredReport>(
  async ({ pskHex }) => ({
    ready: {},
    report: () => undefined,
    run: (load, tell) => runSecuredLoad(load, Buffer.from(pskHex, 'hex'), () => tell(undefined)),
  }),
);
