import { decodeFrame } from '../../codec/decode.ts';
import { decodeSecured } from '../../codec/decode-secured.ts';
import { type AdmissionLimits, defaultAdmissionLimits } from '../../engine/admission.ts';
import type { Peer, ResponderOutput } from '../../engine/io-types.ts';
import { ResponderEndpoint, type ResponderEndpointOptions } from '../../engine/responder-endpoint.ts';
import { StreamFeed } from '../../media/stream-feed.ts';
import { makeTestFrame } from '../../media/test-frames.ts';
import { CONTROL_FIRST_BYTE, TOMBSTONES_MAX } from '../../protocol/constants.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { FrameType } from '../../protocol/frame.ts';
import { profiles } from '../../protocol/profiles.ts';
import { Prng } from '../prng.ts';
import { type EndpointStep, fuzzPeers, passTime, type Subject } from './subject.ts';
import { FuzzFailure } from './target.ts';

/** Nothing of a session is left so long after the last datagram, in ms: deadline, consent, BYE and drain are over. */
const ALL_OVER_MS = 60_000;

/** After so long every bucket has a token again, in ms. */
const TOKEN_MS = 50;
/** Control frames that one datagram of a confirmed session may lead to: READY or PONG, and parts of exchanges. */
const ANSWERS_MAX = 8;

/** Cameras as they are by default; with caps that a few strangers reach; under load from the second stranger on; that ask half of all for a cookie. */
const kinds: readonly Partial<AdmissionLimits>[] = [
  {},
  { pendingMax: 6, pendingPerPrefixMax: 3, pendingPerPrefixSoft: 2, prefixRate: { perSecond: 20, burst: 20 } },
  { load: { pending: 1, startsPerSecond: 5, lateMs: 50 } },
  { retryFraction: 0.5 },
];

/** What must not be answered (S12). */
const answers: ReadonlySet<number> = new Set([
  FrameType.ERROR,
  FrameType.RETRY,
  FrameType.READY,
  FrameType.PONG,
  FrameType.BYE_ACK,
  FrameType.RESET,
]);

/** What passed between the camera and one address. */
interface Account {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  confirmed: boolean;
}

/**
 * A camera that strangers can reach. Checked after each datagram: S1 no media before the confirm, S2 never more to an unconfirmed
 * address than came from it, S5 caps, S12 no answer to an answer and at most one to anything else; at the end that nothing is left.
 */
export class CameraSubject implements Subject {
  readonly endpoint: ResponderEndpoint;
  /** Told everything that it sends. */
  readonly sent: (bytes: Uint8Array, to: Peer) => void;
  readonly #limits: AdmissionLimits;
  readonly #secured: boolean;
  readonly #feed = new StreamFeed({ format: 'generic' });
  readonly #accounts = new Map<string, Account>();
  #nowMs = 0;
  #last: EndpointStep | undefined;
  #lastRefused = false;

  constructor(
    options: Pick<ResponderEndpointOptions, 'security' | 'protectMedia'>,
    seed: number,
    sent: (bytes: Uint8Array, to: Peer) => void,
  ) {
    const prng = new Prng(seed);
    const limits = kinds[seed & 3] ?? {};
    this.#limits = { ...defaultAdmissionLimits, ...limits };
    this.#secured = options.security !== undefined;
    this.sent = sent;
    this.endpoint = new ResponderEndpoint({
      profile: profiles.default,
      entropy: prng,
      limits,
      ...options,
      trace: false,
    });
    const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes: 2000, keyframe: true });
    this.#feed.push({ units: [frame], timestamp: 0, keyframe: true }, 0, 40);
  }

  pass({ afterMs, application }: EndpointStep): void {
    const untilMs = this.#nowMs + afterMs;
    passTime(this.endpoint, this.#nowMs, untilMs, (outputs) => this.#perform(outputs, application));
    this.#nowMs = untilMs;
  }

  take(step: EndpointStep): void {
    const from = fuzzPeers[step.from % fuzzPeers.length] ?? { address: '10.1.0.0', port: 1 };
    const account = this.#accountOf(from);
    account.received++;
    account.receivedBytes += step.bytes.length;
    const outputs = this.endpoint.step({ kind: 'datagram', bytes: step.bytes, from }, this.#nowMs);
    this.#last = step;
    this.#lastRefused = outputs.length === 0;
    this.#judge(outputs, step.bytes, from);
    this.#perform(outputs, step.application);
    this.#checkCaps();
  }

  finish(): void {
    passTime(this.endpoint, this.#nowMs, this.#nowMs + ALL_OVER_MS, (outputs) => this.#perform(outputs, 0));
    const { pendingCount, sessionCount } = this.endpoint;
    if (pendingCount + sessionCount > 0) {
      throw new FuzzFailure(
        `${ALL_OVER_MS} ms later ${sessionCount} sessions are left, ${pendingCount} of them half-open`,
      );
    }
  }

  again(): (() => void) | undefined {
    const last = this.#last;
    if (last === undefined || !this.#lastRefused) return undefined;
    const from = fuzzPeers[last.from % fuzzPeers.length] ?? { address: '10.1.0.0', port: 1 };
    const input = { kind: 'datagram', bytes: last.bytes, from } as const;
    // So slowly that its prefix has a token each time: else the bucket would refuse what is to be measured.
    return () => {
      this.#nowMs += TOKEN_MS;
      this.endpoint.step(input, this.#nowMs);
    };
  }

  #judge(outputs: readonly ResponderOutput[], bytes: Uint8Array, from: Peer): void {
    // Whoever confirmed gets READY, PINGs and what exchanges have to say.
    const known = this.#accountOf(from).confirmed || outputs.some(({ kind }) => kind === 'streaming');
    let control = 0;
    let strange = 0;
    for (const { bytes: answer, to } of outputs.filter((output) => output.kind === 'send')) {
      // Asked on the session's own account, of both its paths; that the new one has paid for it shows in its account.
      if (this.#secured && answer[2] === FrameType.PATH_CHALLENGE) continue;
      control++;
      const other = to.address !== from.address || to.port !== from.port;
      // A session is answered at its own tuple, wherever its sealed frames come from.
      if (this.#accountOf(to).confirmed || (known && !other)) continue;
      strange++;
      if (other) throw new FuzzFailure(`S2: an answer went to ${to.address}, which did not ask`);
      if (answer.length > bytes.length) {
        throw new FuzzFailure(`S2: ${bytes.length} bytes were answered by ${answer.length}`);
      }
    }
    if (control > ANSWERS_MAX || strange > 1) throw new FuzzFailure(`S12: one datagram was answered by ${control}`);
    if (strange > 0 && this.#isAnswer(bytes)) throw new FuzzFailure('S12: an answer was answered');
  }

  #isAnswer(bytes: Uint8Array): boolean {
    if (bytes[0] !== CONTROL_FIRST_BYTE || !answers.has(bytes[2] ?? 0)) return false;
    return this.#secured ? decodeSecured(bytes, () => true).ok : decodeFrame(bytes).ok;
  }

  #perform(outputs: readonly ResponderOutput[], application: number): void {
    for (const output of outputs) {
      if (output.kind === 'send' || output.kind === 'media') this.#account(output.to, output.bytes, output.kind);
      else if (output.kind === 'streaming' || output.kind === 'moved') this.#accountOf(output.peer).confirmed = true;
      else if (output.kind === 'reserve') this.#decide(output.session, application);
    }
  }

  #account(to: Peer, bytes: Uint8Array, kind: 'send' | 'media'): void {
    const account = this.#accountOf(to);
    account.sent++;
    account.sentBytes += bytes.length;
    if (!account.confirmed) {
      if (kind === 'media') throw new FuzzFailure(`S1: media went to ${to.address}, which did not confirm`);
      if (account.sent > account.received || account.sentBytes > account.receivedBytes) {
        throw new FuzzFailure(
          `S2: ${account.sentBytes} bytes went to ${to.address}, ${account.receivedBytes} came from it`,
        );
      }
    }
    this.sent(bytes, to);
  }

  #decide(session: number, application: number): void {
    const decisions = [
      { kind: 'reserved', session, feed: this.#feed, sdp: 'v=0\r\n' },
      { kind: 'refused', session, code: ErrorCode.POLICY, reason: 'not now' },
      { kind: 'refused', session, code: ErrorCode.BUSY },
    ] as const;
    const decision = decisions[application];
    if (decision !== undefined) this.#perform(this.endpoint.step(decision, this.#nowMs), application);
  }

  #checkCaps(): void {
    const { pendingCount, tombstoneCount } = this.endpoint;
    if (pendingCount > this.#limits.pendingMax) throw new FuzzFailure(`S5: ${pendingCount} sessions are half-open`);
    if (tombstoneCount > TOMBSTONES_MAX) throw new FuzzFailure(`S5: ${tombstoneCount} tombstones`);
  }

  #accountOf({ address, port }: Peer): Account {
    const key = `${address} ${port}`;
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    const account = { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, confirmed: false };
    this.#accounts.set(key, account);
    return account;
  }
}
