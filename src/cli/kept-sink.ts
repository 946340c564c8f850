import type { MediaSink, SinkReport } from '../io/media-sink.ts';
import type { ReceivedFrame } from '../media/access-unit.ts';

/** A sink that outlives sessions, so that a viewer that reconnects goes on in the same file. */
export class KeptSink implements MediaSink {
  readonly wants: 'frames' | 'datagrams';
  readonly #sink: MediaSink;
  readonly #target: string;
  #handed = 0;
  #bytes = 0;
  onFailure?: (error: Error) => void;

  /** @param target for people: where it goes. */
  constructor(sink: MediaSink, target: string) {
    this.#sink = sink;
    this.#target = target;
    this.wants = sink.wants;
    sink.onFailure = (error) => this.onFailure?.(error);
  }

  describe(sdp: string): void {
    this.#sink.describe(sdp);
  }

  frame(frame: ReceivedFrame): void {
    this.#sink.frame(frame);
    this.#count(frame.payload);
  }

  datagram(bytes: Uint8Array): void {
    this.#sink.datagram(bytes);
    this.#count(bytes);
  }

  /** A session has ended; the sink stays open for the next. Reports what this one handed to it. */
  async close(): Promise<SinkReport> {
    const report = { target: this.#target, written: this.#handed, bytes: this.#bytes, dropped: 0 };
    this.#handed = 0;
    this.#bytes = 0;
    return report;
  }

  /** No session will follow. */
  finish(): Promise<SinkReport> {
    return this.#sink.close();
  }

  #count(bytes: Uint8Array): void {
    this.#handed++;
    this.#bytes += bytes.length;
  }
}
