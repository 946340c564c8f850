import type { InitiatorContext } from '../../machines/initiator.ts';
import type { InitiatorEvent, InitiatorState } from '../../machines/types.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorInput, InitiatorOutput, Peer } from '../../src/engine/io-types.ts';
import { errorCodeName, isTransient } from '../../src/protocol/error-code.ts';
import { type Frame, FrameFlag, FrameType, type FrameTypeName, frameTypeName } from '../../src/protocol/frame.ts';
import type { Profile } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { frameOf, rtpBytes, sessionFrame } from './frames.ts';
import type { Happening, Rig } from './model-walk.ts';

const camera: Peer = { address: '192.0.2.9', port: 4444 };
const SSRC = 7;
const TOKEN = new Uint8Array(16).fill(0xaa);
const OTHER_TOKEN = new Uint8Array(16).fill(0xbb);
const NEVER_SENT_NONCE = 99n;
/** No wait of a rig is longer than this many deadlines. */
const WAITS_MAX = 400;

type Happenings = readonly Happening<InitiatorEvent>[];

/** A viewer's endpoint, with a camera played by hand. */
export class InitiatorRig implements Rig<InitiatorEvent> {
  readonly #endpoint: InitiatorEndpoint;
  #nowMs = 0;
  #attempt = 1;
  #pingNonce: bigint | undefined;
  #unsendable = 0;
  #sequence = 1;
  #otherTag = 1000n;

  constructor(profile: Profile, fast: boolean) {
    this.#endpoint = new InitiatorEndpoint({ profile, entropy: new Prng(3), peer: camera, fast, trace: true });
  }

  get state(): InitiatorState {
    return this.#endpoint.state;
  }

  effectsOf(outputs: readonly string[], context: InitiatorContext): readonly string[] {
    const frames: Readonly<Record<string, string>> = {
      sendStart: `START ${context.attempt}`,
      sendStartConfirm: 'START_CONFIRM',
      sendPing: 'PING',
      sendPong: 'PONG',
      sendPathResponse: 'PATH_RESPONSE',
      sendBye: 'BYE',
      sendByeAck: 'BYE_ACK',
      reportStreaming: 'streaming',
      reportPeerBye: `peerBye ${errorCodeName(context.code)}`,
      release: `closed ${errorCodeName(context.code)}`,
    };
    return outputs.flatMap((output) => frames[output] ?? []);
  }

  produce(event: InitiatorEvent): Happenings | undefined {
    switch (event.type) {
      case 'app.start':
        return this.#step(event, { kind: 'start' });
      case 'app.close':
        return this.#step(event, { kind: 'close', code: event.code });
      case 'app.socketFailed':
        return this.#step(event, { kind: 'socketFailed' });
      case 'frame.media':
        return this.#receive(event, rtpBytes(SSRC, this.#sequence++));
      case 'frame.PONG':
        return this.#pong(event);
      case 'timer.deadline':
        return this.#waitFor(event, event.nothingSent);
      default: {
        if (event.type.startsWith('timer.')) return this.#waitFor(event, false);
        const frame = this.#frameFor(event);
        return frame === undefined ? undefined : this.#receive(event, encodeFrame(frame));
      }
    }
  }

  /** Ids as the camera knows them; before there are any, those of some other session. */
  get #ids(): { readonly flags: number; readonly streamId: bigint; readonly sessionTag: bigint } {
    return { flags: 0, streamId: this.#endpoint.streamId || 1n, sessionTag: this.#endpoint.sessionTag || 1n };
  }

  #frameFor(event: InitiatorEvent): Frame | undefined {
    const header = { ...this.#ids, attempt: 0 };
    switch (event.type) {
      case 'frame.START_ACK': {
        if (event.sameTag && this.#endpoint.sessionTag === 0n) return undefined;
        const sessionTag = event.sameTag ? header.sessionTag : this.#otherTag++;
        const flags = event.fastGranted ? FrameFlag.FAST : FrameFlag.ACK_REQUIRED;
        const given = { resetToken: TOKEN, ssrc: SSRC };
        return { ...header, type: FrameType.START_ACK, flags, sessionTag, attempt: 1, ...given };
      }
      case 'frame.RETRY': {
        const attempt = event.fresh ? this.#attempt : this.#attempt + 1;
        return { ...header, type: FrameType.RETRY, sessionTag: 0n, attempt, cookie: new Uint8Array(20).fill(attempt) };
      }
      case 'frame.ERROR':
        return this.#error(event);
      case 'frame.BYE':
        return { ...header, type: FrameType.BYE, errorCode: event.code };
      case 'frame.RESET': {
        const resetToken = event.tokenValid ? TOKEN : OTHER_TOKEN;
        return { ...header, type: FrameType.RESET, resetToken, errorCode: 9 };
      }
      case 'frame.exchange':
        return frameOf(sessionFrame('NOTIFY', header));
      default: {
        const name = event.type.slice('frame.'.length) as FrameTypeName;
        return frameOf(sessionFrame(name, header));
      }
    }
  }

  /** An ERROR to a START has no tag: whether it is ours can only be asked once there is one. */
  #error(event: InitiatorEvent & { readonly type: 'frame.ERROR' }): Frame | undefined {
    const { code: errorCode, sameTag, worthWaiting } = event;
    const toStart = this.#endpoint.sessionTag === 0n;
    if (toStart && sameTag) return undefined;
    const sessionTag = toStart ? 0n : sameTag ? this.#endpoint.sessionTag : this.#otherTag++;
    const header = { ...this.#ids, sessionTag, attempt: toStart ? 1 : 0 };
    const retryAfterMs = worthWaiting ? 1 : 600_000;
    return { ...header, type: FrameType.ERROR, errorCode, ...(isTransient(errorCode) ? { retryAfterMs } : {}) };
  }

  /** A nonce can only be known once there was a PING, which the watchdog sends. */
  #pong(event: InitiatorEvent & { readonly type: 'frame.PONG' }): Happenings | undefined {
    const asked =
      event.nonceKnown && this.#pingNonce === undefined ? this.#waitFor({ type: 'timer.watchdog' }, false) : [];
    const nonce = event.nonceKnown ? this.#pingNonce : NEVER_SENT_NONCE;
    if (asked === undefined || nonce === undefined) return undefined;
    const pong = { ...this.#ids, type: FrameType.PONG, attempt: 0, nonce, datagramBytesMax: 72 } as const;
    return [...asked, ...this.#receive(event, encodeFrame(pong))];
  }

  #waitFor(event: InitiatorEvent, nothingSent: boolean): Happenings | undefined {
    const happened: Happening<InitiatorEvent>[] = [];
    for (let waits = 0; waits < WAITS_MAX; waits++) {
      if (nothingSent) this.#refuseStarts();
      const dueMs = this.#endpoint.deadlineMs();
      if (dueMs === Number.POSITIVE_INFINITY) return undefined;
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      happened.push(...this.#step(undefined, { kind: 'timeout' }, event));
      if (happened.at(-1)?.event === event) return happened;
    }
    return undefined;
  }

  /** The operating system refuses every START so far. */
  #refuseStarts(): void {
    for (; this.#unsendable < this.#endpoint.attempts; this.#unsendable++) {
      this.#endpoint.step({ kind: 'sendFailed', to: camera, hint: 'EPERM', bytes: 256 }, this.#nowMs);
    }
  }

  #receive(event: InitiatorEvent, bytes: Uint8Array): Happenings {
    return this.#step(event, { kind: 'datagram', bytes, from: camera });
  }

  /**
   * @param event what the input is in the machine's words; `undefined` for the timers that are due.
   * @param timer the timer that is waited for.
   */
  #step(event: InitiatorEvent | undefined, input: InitiatorInput, timer?: InitiatorEvent): Happenings {
    const happened: Happening<InitiatorEvent>[] = [];
    let effects: string[] = [];
    for (const output of this.#endpoint.step(input, this.#nowMs)) {
      if (output.kind !== 'traceTransition') effects.push(...this.#effect(output));
      else {
        const due = { type: output.event, nothingSent: false } as InitiatorEvent;
        const taken = event ?? (timer?.type === output.event ? timer : due);
        happened.push({ event: taken, state: output.to, effects });
        effects = [];
      }
    }
    // Without a row, or media in Streaming, which does not go through the machine.
    if (event !== undefined && happened.length === 0) happened.push({ event, state: this.state, effects });
    return happened;
  }

  #effect(output: InitiatorOutput): string[] {
    switch (output.kind) {
      case 'traceFrame': {
        const { frame, direction } = output;
        if (direction === 'received') return [];
        if (frame.type === FrameType.PING) this.#pingNonce = frame.nonce;
        if (frame.type !== FrameType.START) return [frameTypeName(frame.type) ?? 'unknown'];
        this.#attempt = frame.attempt;
        return [`START ${frame.attempt}`];
      }
      case 'streaming':
        return ['streaming'];
      case 'peerBye':
      case 'closed':
        return [`${output.kind} ${errorCodeName(output.code)}`];
      default:
        return [];
    }
  }
}
