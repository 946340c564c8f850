import { fromHex, toHex } from './target.ts';

/** Datagrams to begin with. */
export interface FuzzCorpus {
  /** Of mode `none`. */
  readonly clear: readonly Uint8Array[];
  /** Of the other modes, sealed ones with their TLVs in the open. */
  readonly secured: readonly Uint8Array[];
  /** RTP and RTCP in the open. */
  readonly media: readonly Uint8Array[];
}

/** Names of the parts, which are names of files too. */
export const corpusParts = ['clear', 'secured', 'media'] as const;

/** A part as text: one datagram a line, in hex. */
export function corpusText(datagrams: readonly Uint8Array[]): string {
  return datagrams.map((datagram) => `${toHex(datagram)}\n`).join('');
}

/** The datagrams of such a text; empty lines and those that begin with # say nothing. @throws RangeError for what is no hex. */
export function parseCorpus(text: string): readonly Uint8Array[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(fromHex);
}
