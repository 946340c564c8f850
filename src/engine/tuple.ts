import type { Peer } from './io-types.ts';

/** A tuple's key on one socket: the remote end. */
export function tupleKeyOf({ address, port }: Peer): string {
  return `${address} ${port}`;
}

/** Whether both are the same remote end. */
export function samePeer(a: Peer, b: Peer): boolean {
  return a === b || (a.port === b.port && a.address === b.address);
}
