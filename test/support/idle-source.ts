import type { MediaSource, SourceTarget } from '../../src/io/media-source.ts';
import { PAYLOAD_TYPE_GENERIC } from '../../src/media/rtp.ts';

/** A camera's source that has nothing to send until the test says so. */
export class IdleSource implements MediaSource {
  readonly runs = 'always';
  target: SourceTarget | undefined;

  start(target: SourceTarget): Promise<void> {
    this.target = target;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.target = undefined;
    return Promise.resolve();
  }

  describe(): { readonly format: 'generic'; readonly payloadType: number } {
    return { format: 'generic', payloadType: PAYLOAD_TYPE_GENERIC };
  }
}
