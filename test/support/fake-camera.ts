import { createSocket } from 'node:dgram';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { FrameFlag, FrameType } from '../../src/protocol/frame.ts';
import { frameOf, kindOf } from './frames.ts';
import { Witness } from './witness.ts';

/** A camera that never gets beyond `answers`: nothing at all, or START_ACK. */
export class FakeCamera {
  readonly received = new Witness<Uint8Array>();
  readonly #socket = createSocket('udp4');
  readonly #answers: 'nothing' | 'START_ACK';

  private constructor(answers: 'nothing' | 'START_ACK') {
    this.#answers = answers;
    this.#socket.on('message', (bytes, from) => this.#message(bytes, from));
  }

  static async open(answers: 'nothing' | 'START_ACK'): Promise<FakeCamera> {
    const camera = new FakeCamera(answers);
    await new Promise<void>((resolve) => {
      camera.#socket.bind(0, '127.0.0.1', resolve);
    });
    return camera;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  #message(bytes: Uint8Array, from: Peer): void {
    if (this.#answers === 'START_ACK' && kindOf(bytes) === 'START') {
      const { streamId, attempt } = frameOf(bytes);
      const ids = { flags: FrameFlag.ACK_REQUIRED, streamId, sessionTag: 77n, attempt };
      const ack = encodeFrame({ type: FrameType.START_ACK, ...ids, resetToken: new Uint8Array(16), ssrc: 1 });
      this.#socket.send(ack, from.port, from.address);
    }
    this.received.note(bytes);
  }
}
