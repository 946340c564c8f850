import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/constants.ts';
import { type Frame, FrameFlag, FrameType } from '../../src/protocol/frame.ts';

const STREAM_ID = 0x1122_3344_5566_7788n;
/** What the hand-made camera gives out, and nobody else may ever see. */
export const secrets = {
  sessionTag: 0x99aa_bbcc_ddee_ff00n,
  resetToken: new Uint8Array(16).fill(0xa5),
  cookie: new Uint8Array(20).fill(0xc7),
} as const;

/** What a hand-made camera answers. */
export interface HandMadeCameraOptions {
  /** To a START without a cookie: RETRY with one. Default false. */
  readonly retry?: boolean;
  /** To the START_CONFIRM. Default false: the viewer never learns that it arrived. */
  readonly ready?: boolean;
  /** To BYE. Default false. */
  readonly byeAck?: boolean;
}

/** An end that does what a real one would not, on a port of 127.0.0.1 of the system's choice. */
export class HandMadePeer implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #received: Frame[] = [];
  readonly #listeners = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** A camera that answers each START. */
  static camera(options: HandMadeCameraOptions = {}): Promise<HandMadePeer> {
    return HandMadePeer.#open((peer, frame, from) => {
      const { type, streamId, attempt } = frame;
      const ids = { flags: 0, streamId, sessionTag: secrets.sessionTag, attempt: 0 };
      if (type === FrameType.START && options.retry === true && frame.cookie === undefined) {
        const { cookie } = secrets;
        peer.#send({ ...ids, type: FrameType.RETRY, sessionTag: 0n, attempt, cookie }, from.port);
      } else if (type === FrameType.START) {
        const given = { resetToken: secrets.resetToken, ssrc: 1 };
        const flags = FrameFlag.ACK_REQUIRED;
        peer.#send({ ...ids, type: FrameType.START_ACK, flags, attempt, ...given }, from.port);
      } else if (type === FrameType.START_CONFIRM && options.ready === true) {
        peer.#send({ ...ids, type: FrameType.READY }, from.port);
      } else if (type === FrameType.BYE && options.byeAck === true) {
        peer.#send({ ...ids, type: FrameType.BYE_ACK }, from.port);
      }
    });
  }

  /** Somebody who hears everything and says nothing. */
  static silent(): Promise<HandMadePeer> {
    return HandMadePeer.#open(() => {});
  }

  /** A viewer that sends one START to a camera and never confirms. Resolves when the START_ACK has come. */
  static async halfOpenViewer(cameraPort: number): Promise<HandMadePeer> {
    const peer = await HandMadePeer.#open(() => {});
    const ids = { flags: FrameFlag.ACK_REQUIRED, streamId: STREAM_ID, sessionTag: 0n, attempt: 1 };
    peer.#send({ ...ids, type: FrameType.START, versions: [PROTOCOL_VERSION] }, cameraPort);
    await peer.frame(FrameType.START_ACK);
    return peer;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Types of all frames that came, in order. */
  get types(): readonly number[] {
    return this.#received.map(({ type }) => type);
  }

  /** Waits for a frame of that type. */
  frame(type: number, ms = 8000): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.#received.find((frame) => frame.type === type);
        if (found === undefined) return;
        clearTimeout(deadline);
        this.#listeners.delete(look);
        resolve(found);
      };
      const deadline = setTimeout(() => {
        this.#listeners.delete(look);
        reject(new Error(`no frame of type ${type} within ${ms} ms, only ${this.types.join(', ')}`));
      }, ms);
      this.#listeners.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  static #open(answer: (peer: HandMadePeer, frame: Frame, from: RemoteInfo) => void): Promise<HandMadePeer> {
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      const peer = new HandMadePeer(socket);
      socket.once('error', reject);
      socket.on('message', (bytes, from) => {
        const decoded = decodeFrame(bytes);
        if (!decoded.ok) return;
        peer.#received.push(decoded.frame);
        answer(peer, decoded.frame, from);
        for (const listener of peer.#listeners) listener();
      });
      socket.bind(0, '127.0.0.1', () => resolve(peer));
    });
  }

  #send(frame: Frame, port: number): void {
    this.#socket.send(encodeFrame(frame), port, '127.0.0.1');
  }
}
