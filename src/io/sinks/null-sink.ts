import type { ReceivedFrame } from '../../media/access-unit.ts';
import type { MediaSink, SinkReport } from '../media-sink.ts';

/** Counts frames and forgets them. */
export function nullSink(): MediaSink {
  return new NullSink();
}

class NullSink implements MediaSink {
  readonly wants = 'frames';
  onFailure?: (error: Error) => void;
  #written = 0;
  #bytes = 0;

  describe(): void {}

  frame(frame: ReceivedFrame): void {
    this.#written++;
    this.#bytes += frame.payload.length;
  }

  datagram(): void {}

  async close(): Promise<SinkReport> {
    return { target: 'null', written: this.#written, bytes: this.#bytes, dropped: 0 };
  }
}
