import type { ResponderContext } from '../../machines/responder.ts';
import type { ResponderEvent } from '../../machines/types.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { Peer, ResponderInput, ResponderOutput } from '../../src/engine/io-types.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { READY_PER_SECOND_MAX } from '../../src/protocol/constants.ts';
import { errorCodeName } from '../../src/protocol/error-code.ts';
import { type Frame, FrameType, type FrameTypeName, frameTypeName } from '../../src/protocol/frame.ts';
import type { Profile } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { testStream } from './camera-application.ts';
import { frameOf, kindOf, sessionFrame, startBytes } from './frames.ts';
import type { Happening, Rig } from './model-walk.ts';

const viewer: Peer = { address: '192.0.2.1', port: 5000 };
const STREAM_ID = 1n;
const NEWER_STREAM_ID = 2n;
const OTHER_TOKEN = new Uint8Array(16).fill(0xbb);
const NEVER_SENT_NONCE = 99n;
/** No wait of a rig is longer than this many deadlines. */
const WAITS_MAX = 400;

type Happenings = readonly Happening<ResponderEvent>[];

/** One session of a camera's endpoint, with a viewer and an application played by hand. */
export class ResponderRig implements Rig<ResponderEvent> {
  readonly #endpoint: ResponderEndpoint;
  readonly #stream = testStream();
  readonly #ids = { flags: 0, streamId: STREAM_ID, sessionTag: 1n };
  #newer: { readonly streamId: bigint; readonly sessionTag: bigint } | undefined;
  #state = 'Idle';
  #nowMs = 0;
  #attempt = 1;
  #pingNonce: bigint | undefined;
  #resetToken: Uint8Array = new Uint8Array(16);

  constructor(profile: Profile) {
    this.#endpoint = new ResponderEndpoint({ profile, entropy: new Prng(4), trace: true });
  }

  get state(): string {
    return this.#state;
  }

  effectsOf(outputs: readonly string[], context: ResponderContext): readonly string[] {
    const effects: Readonly<Record<string, string>> = {
      askReservation: 'reserve',
      sendStartAck: `START_ACK ${this.#attempt}`,
      sendError: `ERROR ${errorCodeName(context.code)}`,
      sendReady: 'READY',
      sendMedia: 'RTP',
      sendPing: 'PING',
      sendPong: 'PONG',
      sendBye: 'BYE',
      sendByeAck: 'BYE_ACK',
      reportStreaming: 'streaming',
      reportPeerBye: `peerBye ${errorCodeName(context.code)}`,
      release: `closed ${errorCodeName(context.code)}`,
    };
    return outputs.flatMap((output) => effects[output] ?? []);
  }

  produce(event: ResponderEvent): Happenings | undefined {
    switch (event.type) {
      case 'admission.admitted':
        return this.#receive(event, startBytes(STREAM_ID, this.#attempt));
      case 'frame.START':
        return this.#receive(event, startBytes(STREAM_ID, ++this.#attempt));
      case 'app.reserved':
        return this.#step(event, { kind: 'reserved', session: 1, feed: this.#stream.feed });
      case 'app.refused':
        return this.#step(event, { kind: 'refused', session: 1, code: event.code });
      case 'app.close':
        return this.#step(event, { kind: 'close', session: 1, code: event.code });
      case 'app.socketFailed':
        return this.#step(event, { kind: 'socketFailed' });
      case 'app.superseded':
        return this.#supersede(event);
      case 'app.mediaDue':
        return this.#pushFrame(event);
      case 'frame.START_CONFIRM':
        return this.#confirm(event);
      default: {
        if (event.type.startsWith('timer.')) return this.#waitFor(event);
        return this.#receive(event, encodeFrame(this.#frameFor(event)));
      }
    }
  }

  #frameFor(event: ResponderEvent): Frame {
    const header = { ...this.#ids, attempt: 0 };
    switch (event.type) {
      case 'frame.PONG': {
        const nonce = (event.nonceKnown ? this.#pingNonce : undefined) ?? NEVER_SENT_NONCE;
        return { ...header, type: FrameType.PONG, nonce, datagramBytesMax: 1200 };
      }
      case 'frame.BYE':
        return { ...header, type: FrameType.BYE, errorCode: event.code };
      case 'frame.RESET': {
        const resetToken = event.tokenValid ? this.#resetToken : OTHER_TOKEN;
        return { ...header, type: FrameType.RESET, resetToken, errorCode: 9 };
      }
      case 'frame.exchange':
        return frameOf(sessionFrame('NOTIFY', header));
      default:
        return frameOf(sessionFrame(event.type.slice('frame.'.length) as FrameTypeName, header));
    }
  }

  /** READY is only refused after its 50 of a second. */
  #confirm(event: ResponderEvent & { readonly type: 'frame.START_CONFIRM' }): Happenings {
    const bytes = sessionFrame('START_CONFIRM', this.#ids);
    const before = this.#state === 'Streaming' && !event.readyAllowed ? READY_PER_SECOND_MAX : 0;
    const allowed: ResponderEvent = { type: 'frame.START_CONFIRM', admitted: true, readyAllowed: true };
    const happened: Happening<ResponderEvent>[] = [];
    if (before > 0) {
      // From the next second on, so that none was counted before.
      happened.push(...this.#waitUntil(this.#nowMs + 1000));
      for (let count = 0; count < before; count++) happened.push(...this.#receive(allowed, bytes));
    }
    return [...happened, ...this.#receive(event, bytes)];
  }

  /** The same viewer starts anew and confirms; only what this rig's session does because of it is told. */
  #supersede(event: ResponderEvent): Happenings {
    const quiet = (input: ResponderInput): void => void this.#step(undefined, input);
    quiet({ kind: 'datagram', bytes: startBytes(NEWER_STREAM_ID), from: viewer });
    quiet({ kind: 'reserved', session: 2, feed: this.#stream.feed });
    if (this.#newer === undefined) throw new Error('no START_ACK for the newer session');
    return this.#receive(event, sessionFrame('START_CONFIRM', this.#newer));
  }

  /** Media does not go through the machine: that it left, or did not, is all there is to see. */
  #pushFrame(event: ResponderEvent): Happenings {
    const { feed } = this.#stream;
    const timestamp = this.#stream.frames++;
    feed.push({ units: [new Uint8Array(100)], timestamp, keyframe: true }, this.#nowMs, 0);
    const outputs = this.#endpoint.step({ kind: 'media', feed }, this.#nowMs);
    return [{ event, state: this.#state, effects: outputs.flatMap(({ kind }) => (kind === 'media' ? ['RTP'] : [])) }];
  }

  /** Until the timer fires; PINGs keep the session alive meanwhile, unless it is to die. */
  #waitFor(event: ResponderEvent): Happenings | undefined {
    const happened: Happening<ResponderEvent>[] = [];
    for (let waits = 0; waits < WAITS_MAX; waits++) {
      const dueMs = this.#endpoint.deadlineMs();
      if (dueMs === Number.POSITIVE_INFINITY) return undefined;
      if (event.type === 'timer.consent') {
        happened.push(...this.#receive({ type: 'frame.PING' }, sessionFrame('PING', this.#ids)));
      }
      happened.push(...this.#timeout(dueMs, event));
      if (happened.at(-1)?.event === event) return happened;
    }
    return undefined;
  }

  #waitUntil(untilMs: number): Happenings {
    const happened: Happening<ResponderEvent>[] = [];
    for (let dueMs = this.#endpoint.deadlineMs(); dueMs <= untilMs; dueMs = this.#endpoint.deadlineMs()) {
      happened.push(...this.#receive({ type: 'frame.PING' }, sessionFrame('PING', this.#ids)));
      const nonceKnown = { type: 'frame.PONG', nonceKnown: true } as const;
      happened.push(...this.#receive(nonceKnown, encodeFrame(this.#frameFor(nonceKnown))));
      happened.push(...this.#timeout(dueMs));
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return happened;
  }

  #timeout(dueMs: number, timer?: ResponderEvent): Happenings {
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    return this.#step(undefined, { kind: 'timeout' }, timer);
  }

  #receive(event: ResponderEvent, bytes: Uint8Array): Happenings {
    return this.#step(event, { kind: 'datagram', bytes, from: viewer });
  }

  /**
   * @param event what the input is in the machine's words; `undefined` for the timers that are due.
   * @param timer the timer that is waited for.
   */
  #step(event: ResponderEvent | undefined, input: ResponderInput, timer?: ResponderEvent): Happenings {
    const happened: Happening<ResponderEvent>[] = [];
    let effects: string[] = [];
    for (const output of this.#endpoint.step(input, this.#nowMs)) {
      if (output.kind !== 'traceTransition') effects.push(...this.#effect(output));
      else if (output.session === 1) {
        this.#state = output.to;
        const due = { type: output.event, nothingSent: false } as ResponderEvent;
        happened.push({
          event: event ?? (timer?.type === output.event ? timer : due),
          state: this.#state,
          effects,
        });
        effects = [];
      }
    }
    if (event !== undefined && happened.length === 0) happened.push({ event, state: this.#state, effects });
    return happened;
  }

  #effect(output: ResponderOutput): string[] {
    switch (output.kind) {
      case 'media':
        if (this.#state !== 'Streaming') throw new Error(`${kindOf(output.bytes)} leaves in ${this.#state}`);
        return [];
      case 'traceFrame':
        return output.direction === 'sent' && !('handshake' in output.frame) ? this.#sent(output.frame) : [];
      case 'reserve':
      case 'streaming':
        return output.session === 1 ? [output.kind] : [];
      case 'peerBye':
      case 'closed':
        return output.session === 1 ? [`${output.kind} ${errorCodeName(output.code)}`] : [];
      default:
        return [];
    }
  }

  /** RESET is the endpoint's own answer to ids that no session has. */
  #sent(frame: Frame): string[] {
    if (frame.type === FrameType.RESET) return [];
    if (frame.streamId !== STREAM_ID) {
      if (frame.type === FrameType.START_ACK) this.#newer = frame;
      return [];
    }
    switch (frame.type) {
      case FrameType.START_ACK:
        this.#ids.sessionTag = frame.sessionTag;
        this.#resetToken = frame.resetToken.slice();
        return [`START_ACK ${frame.attempt}`];
      case FrameType.ERROR:
        return [`ERROR ${errorCodeName(frame.errorCode)}`];
      case FrameType.PING:
        this.#pingNonce = frame.nonce;
        return ['PING'];
      default:
        return [frameTypeName(frame.type) ?? 'unknown'];
    }
  }
}
