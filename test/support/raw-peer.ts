import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { crc32 } from '../../src/codec/crc.ts';
import { decodeFrame } from '../../src/codec/decode.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { type Frame, type FrameTypeName, frameTypeName } from '../../src/protocol/frame.ts';
import { frameOf, type Ids, kindOf, sessionFrame, startBytes } from './frames.ts';
import { soon, Witness } from './witness.ts';

const ANSWER_MS = 2000;

/** Ids of fences, which no test uses for anything else. */
let nextFence = 0xfe0c_0000_0000_0000n;
let nextStreamId = 0x5eed_0000_0000_0001n;

/** A StreamId that no test has used yet. */
export function freshStreamId(): bigint {
  return nextStreamId++;
}

/** The same frame with other bytes, and the CRC that they need. */
export function resealed(frame: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const copy = frame.slice();
  change(copy);
  const bodyEnd = copy.length - 4;
  new DataView(copy.buffer).setUint32(bodyEnd, crc32(copy, bodyEnd));
  return copy;
}

/** A START of a version that nobody speaks: a camera answers it at once, whatever its state. */
export function otherVersionStart(streamId: bigint): Uint8Array {
  return resealed(startBytes(streamId), (bytes) => {
    bytes[1] = 2;
  });
}

/** A plain UDP socket that plays whatever a test needs: a stranger, a viewer, a forger. */
export class RawPeer {
  readonly received = new Witness<Uint8Array>();
  /** UDP payload in all, both ways. */
  bytesSent = 0;
  bytesReceived = 0;
  readonly #socket: Socket;
  readonly #to: Peer;
  #answersPings = false;

  private constructor(socket: Socket, to: Peer) {
    this.#socket = socket;
    this.#to = to;
    socket.on('message', (bytes) => {
      this.bytesReceived += bytes.length;
      if (this.#answersPings) this.#pong(bytes);
      this.received.note(bytes);
    });
  }

  static async open(to: Peer): Promise<RawPeer> {
    const socket = createSocket(isIPv6(to.address) ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, isIPv6(to.address) ? '::1' : '127.0.0.1', resolve);
    });
    return new RawPeer(socket, to);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Resolves when the operating system has it. */
  send(bytes: Uint8Array): Promise<void> {
    return this.sendTo(bytes, this.#to.port);
  }

  /** As {@link send}, to another port of the same host. */
  sendTo(bytes: Uint8Array, port: number): Promise<void> {
    this.bytesSent += bytes.length;
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, port, this.#to.address, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The first frame of this type that came, or comes, after the first `from` datagrams. */
  async answer(type: FrameTypeName, from = 0): Promise<Frame> {
    const bytes = await this.received.when((each) => kindOf(each) === type, ANSWER_MS, type, from);
    return frameOf(bytes);
  }

  /**
   * Sends these, and then what a camera always answers at once. A camera handles datagrams in order, so what has not been
   * answered by then never is by itself: silence is proven without waiting for it.
   *
   * @returns the control frames and RTCP that came, without the fence's answer.
   */
  async answersTo(...datagrams: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const from = this.received.seen.length;
    for (const datagram of datagrams) await this.send(datagram);
    const fence = nextFence++;
    await this.send(otherVersionStart(fence));
    const isFence = (bytes: Uint8Array): boolean => {
      const decoded = decodeFrame(bytes);
      return decoded.ok && decoded.frame.streamId === fence;
    };
    await this.received.when(isFence, ANSWER_MS, 'the answer to a START of version 2', from);
    return this.received.seen.slice(from).filter((bytes) => !isFence(bytes) && kindOf(bytes) !== 'RTP');
  }

  /** Opens a candidate: what START_ACK says. */
  async candidate(
    streamId = freshStreamId(),
  ): Promise<Ids & { readonly ssrc: number; readonly resetToken: Uint8Array }> {
    const from = this.received.seen.length;
    await this.send(startBytes(streamId));
    const ack = await this.answer('START_ACK', from);
    if (!('ssrc' in ack) || ack.streamId !== streamId) throw new Error('START_ACK of another candidate');
    const { sessionTag, ssrc } = ack;
    return { streamId, sessionTag, ssrc, resetToken: ack.resetToken.slice() };
  }

  /** Opens and confirms a session, and answers its PINGs from now on. */
  async streaming(
    streamId = freshStreamId(),
  ): Promise<Ids & { readonly ssrc: number; readonly resetToken: Uint8Array }> {
    this.#answersPings = true;
    const ids = await this.candidate(streamId);
    const from = this.received.seen.length;
    await this.send(sessionFrame('START_CONFIRM', ids));
    await this.answer('READY', from);
    return ids;
  }

  /** The next RTP datagram of this SSRC. */
  async nextMedia(ssrc: number): Promise<Uint8Array> {
    const ofSession = (bytes: Uint8Array): boolean =>
      kindOf(bytes) === 'RTP' &&
      bytes.length >= 12 &&
      new DataView(bytes.buffer, bytes.byteOffset).getUint32(8) === ssrc;
    return this.received.when(ofSession, ANSWER_MS, `media of SSRC ${ssrc}`, this.received.seen.length);
  }

  async close(): Promise<void> {
    await soon(new Promise<void>((resolve) => this.#socket.close(resolve)), 1000, 'closing a raw socket');
  }

  #pong(bytes: Uint8Array): void {
    const decoded = decodeFrame(bytes);
    if (!decoded.ok || frameTypeName(decoded.frame.type) !== 'PING' || !('nonce' in decoded.frame)) return;
    const { streamId, sessionTag, nonce } = decoded.frame;
    const pong = sessionFrame('PONG', { streamId, sessionTag });
    const answer = resealed(pong, (copy) => new DataView(copy.buffer).setBigUint64(copy.length - 12, nonce));
    this.send(answer).catch(() => {});
  }
}
