import type { LinkInput, LinkNumber, LinkOutput } from '../../core/stepped-core.ts';
import type { Session } from './session.ts';
import { ByeReason } from './session-host.ts';
import type { SessionInput, SessionOutput } from './session-io.ts';

/** What is about one session, on either end. */
export type OneSessionInput = SessionInput | Exclude<LinkInput, { kind: 'connected' | 'timeout' }>;

/** Where a core's outputs go. */
export interface SessionOutputs {
  push(output: SessionOutput | LinkOutput): void;
}

/** Gives a session what is about it. */
export function giveSession(session: Session, input: OneSessionInput, nowMs: number, outputs: SessionOutputs): void {
  switch (input.kind) {
    case 'message':
      return session.message(input.bytes, nowMs);
    case 'malformed':
      return session.malformed(input.fault, nowMs);
    case 'refused':
      // Nothing is sent twice, so that who does not take it in is no peer any more.
      return session.close(ByeReason.unread, nowMs);
    case 'ended':
      outputs.push({ kind: 'disconnect', link: input.link });
      return session.disconnected(nowMs);
    case 'disconnected':
      return session.disconnected(nowMs);
    case 'cancel':
      return session.cancel(input.id, nowMs);
    case 'finished':
      return session.finished(input.id, input.success, input.data, nowMs);
    case 'request':
      if (session.request(input.id, input.bytes, input.limitMs, nowMs)) return;
      return refuse(input.link, input.id, session.state === 'Open' ? 'full' : 'disconnected', outputs);
  }
}

/** Nobody is there who could take it: a request fails, the rest is of no interest. */
export function giveNobody(input: OneSessionInput, outputs: SessionOutputs): void {
  if (input.kind === 'request') refuse(input.link, input.id, 'disconnected', outputs);
}

function refuse(link: LinkNumber, id: string, outcome: 'full' | 'disconnected', outputs: SessionOutputs): void {
  outputs.push({ kind: 'settled', link, id, settlement: { outcome } });
}
