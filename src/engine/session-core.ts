import {
  type InitiatorState,
  type ResponderState,
  repeatMs,
  type TimerName,
  timerNames,
} from '../../machines/index.ts';
import { encodeOnce, encodeParts } from '../codec/encode.ts';
import { BYE_REPEAT_MS, CLOSE_MS, DRAIN_MS } from '../protocol/constants.ts';
import { type Frame, type FrameBody, FrameType } from '../protocol/frame.ts';
import { Deadlines } from './deadlines.ts';
import type { ExchangeHost } from './exchange-host.ts';
import { type ExchangeFrame, Exchanges, failAsk } from './exchanges.ts';
import type { ControlSend, ExchangeInput, ExchangeOutput, Peer, SessionHandle, TraceOutput } from './io-types.ts';
import { Nonces } from './nonces.ts';
import { RttEstimate } from './rtt.ts';
import { drop, type SessionHost, sendControl } from './session-host.ts';

type SessionState = InitiatorState | ResponderState;
type CoreOutput = ControlSend | TraceOutput | ExchangeOutput;

/** What both roles do alike: ids, timers, PING and PONG, BYE and BYE_ACK. */
export class SessionCore {
  readonly peer: Peer;
  readonly handle: SessionHandle;
  readonly deadlines = new Deadlines(timerNames);
  readonly rtt = new RttEstimate();
  /** Time of the input that is being handled. */
  nowMs: number;
  streamId: bigint;
  sessionTag = 0n;
  /** Words for the BYE that this end sends, or those of the BYE that came. */
  byeReason: string | undefined;
  readonly #host: SessionHost<CoreOutput>;
  readonly #nonces = new Nonces();
  #bye: Uint8Array | undefined;
  #peerNonce = 0n;
  #answeredPingAtMs = 0;
  #largestReceivedBytes = 0;
  /** Most sessions never have any. */
  #exchanges: Exchanges | undefined;
  #frame: Frame | undefined;
  #frameBytes = 0;

  constructor(host: SessionHost<CoreOutput>, peer: Peer, handle: SessionHandle, streamId: bigint, nowMs: number) {
    this.#host = host;
    this.peer = peer;
    this.handle = handle;
    this.streamId = streamId;
    this.nowMs = nowMs;
  }

  arm(name: TimerName, afterMs: number): void {
    this.deadlines.arm(name, this.nowMs + afterMs);
  }

  /** When the first of its timers expires, those of its exchanges among them. */
  deadlineMs(): number {
    const earliestMs = this.deadlines.earliestMs();
    return this.#exchanges === undefined ? earliestMs : Math.min(earliestMs, this.#exchanges.deadlineMs());
  }

  /** What is due in exchanges; call after the machine's own timers. */
  timeoutExchanges(): void {
    this.#exchanges?.timeout();
  }

  /**
   * What the application wants of exchanges.
   *
   * @param streaming without it there is none.
   * @throws RangeError for what no frame can carry.
   */
  takeExchange(input: ExchangeInput, streaming: boolean): void {
    if (streaming) return this.#exchangeTable.take(input);
    if (input.kind === 'ask' || input.kind === 'continue') failAsk(this.#exchangeHost, input.call);
  }

  /** The frame that the next event is about. */
  noteFrame(frame: Frame, bytes: number): void {
    this.#frame = frame;
    this.#frameBytes = bytes;
  }

  /** When the PING was sent that the last PONG with a known nonce answered. */
  get answeredPingAtMs(): number {
    return this.#answeredPingAtMs;
  }

  /** A valid datagram of this session came: the next PONG tells the largest. */
  noteReceived(bytes: number): void {
    if (bytes > this.#largestReceivedBytes) this.#largestReceivedBytes = bytes;
  }

  /** The one slot for an answer: a later PING overwrites it. */
  notePing(nonce: bigint): void {
    this.#peerNonce = nonce;
  }

  /** Whether a PONG answers one of the last eight PINGs; remembers which, for an RTT sample. */
  notePong(nonce: bigint): boolean {
    const sentAtMs = this.#nonces.sentAtMs(nonce);
    if (sentAtMs !== undefined) this.#answeredPingAtMs = sentAtMs;
    return sentAtMs !== undefined;
  }

  /** A frame with this session's ids, to be kept and repeated. */
  encode(body: FrameBody, attempt = 0): Uint8Array {
    return encodeParts({ flags: 0, streamId: this.streamId, sessionTag: this.sessionTag, attempt }, body);
  }

  /** A frame with this session's ids, to be sent once. */
  encodeOnce(body: FrameBody): Uint8Array {
    return encodeOnce({ flags: 0, streamId: this.streamId, sessionTag: this.sessionTag, attempt: 0 }, body);
  }

  send(bytes: Uint8Array, replaces?: SessionHandle): void {
    sendControl(this.#host, this.peer, bytes, replaces);
  }

  /** @returns the nonce of the PING that was sent. */
  sendPing(): bigint {
    const nonce = this.#host.random.id();
    this.#nonces.add(nonce, this.nowMs);
    this.send(this.encodeOnce({ type: FrameType.PING, nonce }));
    return nonce;
  }

  /** Tells of a transition when tracing is on. */
  traceTransition(role: 'initiator' | 'responder', event: string, from: SessionState, to: SessionState): void {
    if (!this.#host.trace) return;
    const { handle: session, streamId, peer } = this;
    this.#host.emit({ kind: 'traceTransition', role, session, streamId, peer, event, from, to });
  }

  /**
   * Performs the outputs that mean the same in both machines.
   *
   * @returns false for an output that is not one of them.
   */
  perform(output: string, context: { readonly code: number; readonly byes: number }): boolean {
    switch (output) {
      case 'sendPong':
        this.send(
          this.encodeOnce({
            type: FrameType.PONG,
            nonce: this.#peerNonce,
            datagramBytesMax: this.#largestReceivedBytes,
          }),
          this.handle,
        );
        this.#largestReceivedBytes = 0;
        return true;
      case 'sendBye':
        this.#bye ??= this.encode({
          type: FrameType.BYE,
          errorCode: context.code,
          ...(this.byeReason === undefined ? {} : { reason: this.byeReason }),
        });
        this.send(this.#bye);
        return true;
      case 'sendByeAck':
        this.send(this.encodeOnce({ type: FrameType.BYE_ACK }));
        return true;
      case 'deliverExchange':
        this.#deliverExchange();
        return true;
      case 'stopMedia':
      case 'release':
        // The role has its own part in these.
        this.#exchanges?.end();
        this.#exchanges = undefined;
        return false;
      case 'sampleRtt':
        this.rtt.sample(this.nowMs - this.#answeredPingAtMs);
        return true;
      case 'armClosing':
        this.deadlines.disarmAll();
        this.arm('deadline', CLOSE_MS);
        this.#armClose(context.byes);
        return true;
      case 'armClose':
        this.#armClose(context.byes);
        return true;
      case 'armDrain':
        this.deadlines.disarmAll();
        this.arm('drain', DRAIN_MS);
        return true;
      default:
        return false;
    }
  }

  #deliverExchange(): void {
    const reason = this.#exchangeTable.frame(this.#frame as ExchangeFrame);
    if (reason !== undefined) drop(this.#host, reason, this.peer, this.#frameBytes);
  }

  get #exchangeTable(): Exchanges {
    this.#exchanges ??= new Exchanges(this.#exchangeHost, () => this.#host.random.id());
    return this.#exchanges;
  }

  get #exchangeHost(): ExchangeHost {
    const host = this.#host;
    const now = (): number => this.nowMs;
    return {
      session: this.handle,
      profile: host.profile,
      get nowMs() {
        return now();
      },
      unit: () => host.random.unit(),
      count: (name) => host.counters.add(name),
      emit: (output) => host.emit(output),
      send: (body) => this.send(this.encodeOnce(body)),
    };
  }

  /** Each wait for BYE_ACK is twice the one before. */
  #armClose(byes: number): void {
    this.arm('close', repeatMs(BYE_REPEAT_MS, this.rtt.ms) * 2 ** (byes - 1));
  }
}
