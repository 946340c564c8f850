import { buildSdp } from '../media/sdp.ts';
import { StreamFeed } from '../media/stream-feed.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { monotonicMs } from './clock.ts';
import type { MediaSource, SourceDescription, SourceTarget } from './media-source.ts';

/** What a viewer gets of a stream. */
export interface Reservation {
  readonly feed: StreamFeed;
  readonly sdp: string;
}

/** Why a stream cannot be had. */
export interface Unavailable {
  readonly code: number;
  readonly reason: string;
}

/**
 * A named stream of a camera: its source, and the feed that all its viewers share. A live source runs always; a file begins
 * with its first viewer, so that this one gets all of it, and stops with its last.
 */
export class PublishedStream {
  readonly name: string;
  readonly #source: MediaSource;
  readonly #onMedia: (feed: StreamFeed) => void;
  readonly #onFailure: (error: Error) => void;
  #feed: StreamFeed | undefined;
  /** The feed whose source has started. */
  #running: StreamFeed | undefined;
  /** The newest description that was written, and what it was made of. */
  #sdp: { readonly of: SourceDescription; readonly text: string } | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> = Promise.resolve();
  #viewers = 0;

  constructor(
    name: string,
    source: MediaSource,
    onMedia: (feed: StreamFeed) => void,
    onFailure: (error: Error) => void,
  ) {
    this.name = name;
    this.#source = source;
    this.#onMedia = onMedia;
    this.#onFailure = onFailure;
  }

  /** Viewers that have it reserved. */
  get viewers(): number {
    return this.#viewers;
  }

  /** Starts a live source, and looks whether any other could start. Rejects when it cannot. */
  async open(): Promise<void> {
    await this.#source.prepare?.();
    if (this.#source.runs === 'always') await this.#start();
  }

  /** Gives a viewer the stream: at once when it runs. Every success is followed by one {@link release}. */
  reserve(): Reservation | Unavailable | Promise<Reservation | Unavailable> {
    const feed = this.#feed;
    if (feed === undefined || feed !== this.#running || feed.ended) return this.#reserveStarted();
    this.#viewers++;
    return { feed, sdp: this.#describe() };
  }

  async #reserveStarted(): Promise<Reservation | Unavailable> {
    this.#viewers++;
    try {
      if (this.#feed?.ended === true && this.#source.runs === 'on-demand') await this.#stop();
      await this.#start();
    } catch (error) {
      this.#viewers--;
      this.#onFailure(error as Error);
      return { code: ErrorCode.RESOURCE, reason: 'the source does not start' };
    }
    const feed = this.#feed;
    if (feed === undefined || feed.ended) {
      this.#viewers--;
      return { code: ErrorCode.NO_SUCH_STREAM, reason: 'the stream has ended' };
    }
    return { feed, sdp: this.#describe() };
  }

  #describe(): string {
    const of = this.#source.describe();
    if (this.#sdp === undefined || !sameDescription(of, this.#sdp.of)) {
      this.#sdp = { of, text: buildSdp({ streamName: this.name, ...of }) };
    }
    return this.#sdp.text;
  }

  /** Asks the source for a key frame. @returns false when it cannot make one. */
  requestKeyframe(): boolean {
    return this.#source.requestKeyframe?.() === true;
  }

  /** Asks the source for another rate. @returns false when it has none to change. */
  setBitrate(bitsPerSecond: number): boolean {
    return this.#source.setBitrate?.(bitsPerSecond) === true;
  }

  /** A viewer has left. */
  release(): void {
    this.#viewers--;
    if (this.#viewers === 0 && this.#source.runs === 'on-demand') this.#stop().catch(this.#onFailure);
  }

  /** Ends the source. */
  async close(): Promise<void> {
    await this.#stop();
  }

  async #start(): Promise<void> {
    // The viewer before may just have left.
    await this.#stopping;
    if (this.#feed === undefined) this.#starting = this.#begin();
    await this.#starting;
  }

  async #begin(): Promise<void> {
    const { format, packets, payloadType } = this.#source.describe();
    const feed = new StreamFeed({ format: packets === true ? 'passthrough' : format, payloadType });
    this.#feed = feed;
    try {
      await this.#source.start(this.#target(feed));
      this.#running = feed;
    } catch (error) {
      this.#feed = undefined;
      throw error;
    }
  }

  #stop(): Promise<void> {
    if (this.#feed !== undefined) {
      this.#feed = undefined;
      this.#stopping = this.#source.stop();
    }
    return this.#stopping;
  }

  #target(feed: StreamFeed): SourceTarget {
    const end = (): void => {
      feed.end(monotonicMs());
      this.#onMedia(feed);
    };
    return {
      frame: (unit, frameIntervalMs) => {
        feed.push(unit, monotonicMs(), frameIntervalMs);
        this.#onMedia(feed);
      },
      end,
      fail: (error) => {
        this.#onFailure(error);
        end();
      },
    };
  }
}

function sameDescription(a: SourceDescription, b: SourceDescription): boolean {
  if (a.format !== b.format || a.payloadType !== b.payloadType || a.framerate !== b.framerate) return false;
  const [ofA, ofB] = [a.spropParameterSets ?? [], b.spropParameterSets ?? []];
  return ofA.length === ofB.length && ofA.every((set, index) => set === ofB[index]);
}
