import { decodeFrame } from '../../src/codec/decode.ts';
import { kindOf } from './frames.ts';

/** A datagram between one viewer and the camera, at a place where both directions pass. */
export interface Passed {
  readonly direction: 'toCamera' | 'toViewer';
  readonly bytes: Uint8Array;
}

/** What the order of one viewer's datagrams shows. */
export interface HandshakeOrder {
  /** Kinds as they came first: START, START_ACK, START_CONFIRM, then RTP or READY. */
  readonly firsts: readonly string[];
  /** RTP that came before a START_CONFIRM with the StreamId and the SessionTag of a START_ACK; must be 0 (S1). */
  readonly mediaBeforeConfirm: number;
  /** RTP in all. */
  readonly media: number;
}

/**
 * Follows one tuple's datagrams in order. A START_CONFIRM counts only if both its ids are those of a START_ACK that went the
 * other way before.
 */
export function handshakeOrder(datagrams: Iterable<Passed>): HandshakeOrder {
  const started = new Set<bigint>();
  const acknowledged = new Map<bigint, bigint>();
  const firsts: string[] = [];
  let confirmed = false;
  let media = 0;
  let mediaBeforeConfirm = 0;
  const first = (kind: string): void => {
    if (!firsts.includes(kind)) firsts.push(kind);
  };
  for (const { direction, bytes } of datagrams) {
    const kind = kindOf(bytes);
    if (kind === 'RTP' && direction === 'toViewer') {
      media++;
      if (!confirmed) mediaBeforeConfirm++;
      first('RTP');
      continue;
    }
    const decoded = kind === 'RTP' || kind === 'RTCP' ? undefined : decodeFrame(bytes);
    if (decoded?.ok !== true) continue;
    const { streamId, sessionTag } = decoded.frame;
    if (kind === 'START' && direction === 'toCamera') {
      started.add(streamId);
      first('START');
    } else if (kind === 'START_ACK' && direction === 'toViewer' && started.has(streamId)) {
      acknowledged.set(streamId, sessionTag);
      first('START_ACK');
    } else if (kind === 'START_CONFIRM' && direction === 'toCamera' && acknowledged.get(streamId) === sessionTag) {
      confirmed = true;
      first('START_CONFIRM');
    }
  }
  return { firsts, mediaBeforeConfirm, media };
}
