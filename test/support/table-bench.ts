import { clearTrailer } from '../../src/codec/clear-trailer.ts';
import { Counters } from '../../src/engine/counters.ts';
import type { Peer, SessionHandle } from '../../src/engine/io-types.ts';
import { ConfirmProof } from '../../src/engine/media-gate.ts';
import { Random } from '../../src/engine/random.ts';
import type { ResponderHost } from '../../src/engine/responder-host.ts';
import { ResponderSession } from '../../src/engine/responder-session.ts';
import type { SessionTable } from '../../src/engine/session-table.ts';
import { sessionTableOf } from '../../src/engine/sleeping-sessions.ts';
import { tupleKeyOf } from '../../src/engine/tuple.ts';
import { PENDING_MS } from '../../src/protocol/constants.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { testStream } from './camera-application.ts';
import { frameOf, sessionFrame } from './frames.ts';
import { somePeer } from './responder-bench.ts';

/** What a {@link TableBench} hashes tuples with the key of. */
export const TABLE_RESET_KEY: Uint8Array = new Uint8Array(32);

/**
 * A table and sessions without an endpoint: handles, tags and tuples are the test's to choose, no limit refuses them, and nothing ends a
 * session because another one was confirmed. A session's StreamId is its handle.
 */
export class TableBench {
  readonly table: SessionTable;
  /** Sessions that went to sleep for the first time. */
  readonly slept: SessionHandle[] = [];
  readonly #stream = testStream();
  readonly #host: ResponderHost;
  #tag = 0n;
  nowMs = 0;

  /** @param awakePendingMax default: none, so that what is half-open sleeps as soon as the table is settled. */
  constructor(awakePendingMax = 0) {
    this.#host = {
      profile: profiles.default,
      random: new Random(new Prng(1)),
      counters: new Counters(),
      trace: false,
      handshakeTrailer: clearTrailer,
      resetKey: TABLE_RESET_KEY,
      repair: false,
      datagramBytesMax: 1200,
      mediaMemory: undefined,
      fast: undefined,
      emit: () => {},
      claimTag: (session) => {
        if (!this.table.claimTag(this.#tag, session)) throw new Error(`another session has the tag ${this.#tag}`);
        return this.#tag;
      },
      liveSecurity: () => undefined,
      isFree: () => true,
      moved: () => {},
      supersedeOlder: () => {},
      pendingMs: () => PENDING_MS,
      leftPending: () => {},
      leaveTombstone: () => {},
      joinFeed: (session, feed) => this.table.joinFeed(feed, session),
      leaveFeed: (session, feed) => this.table.leaveFeed(feed, session),
      forget: (session) => this.table.remove(session),
    };
    const slept = (session: ResponderSession): void => void this.slept.push(session.handle);
    this.table = sessionTableOf(this.#host, { secured: false, awakePendingMax, slept });
  }

  /** A session whose application has not answered. */
  asked(handle: SessionHandle, peer: Peer = somePeer): ResponderSession {
    const start = { handle, peer, tupleKey: tupleKeyOf(peer), streamId: BigInt(handle), attempt: 1, proven: false };
    const rest = { streamName: undefined, redeemed: undefined, security: undefined };
    const session = new ResponderSession(this.#host, { ...start, ...rest });
    session.begin(this.nowMs);
    this.table.add(session);
    return session;
  }

  /** A session that waits for its START_CONFIRM. @param tag default: its handle. */
  candidate(handle: SessionHandle, peer?: Peer, tag = BigInt(handle)): ResponderSession {
    const session = this.asked(handle, peer);
    this.#tag = tag;
    session.reserved(this.#stream.feed, undefined, this.nowMs);
    return session;
  }

  /** A session that was confirmed. */
  streaming(handle: SessionHandle, peer?: Peer): ResponderSession {
    const session = this.candidate(handle, peer);
    const datagram = sessionFrame('START_CONFIRM', session);
    const frame = frameOf(datagram);
    const proof = ConfirmProof.of(session, session);
    if (proof === undefined || frame.type !== FrameType.START_CONFIRM) throw new Error('not a START_CONFIRM');
    session.confirmed(proof, frame, datagram, this.nowMs);
    return session;
  }

  /** The session ends at once and is forgotten. */
  end(session: ResponderSession): void {
    session.endedBy('app.socketFailed', this.nowMs);
  }
}
