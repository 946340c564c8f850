import type { InitiatorOutput } from '../engine/io-types.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import { CONTROL_FIRST_BYTE } from '../protocol/constants.ts';
import { ErrorCode, errorCodeName } from '../protocol/error-code.ts';
import { FrameType } from '../protocol/frame.ts';
import {
  type HandshakeOutcome,
  type HandshakeResult,
  type HandshakeScenario,
  type RunInspector,
  type RunObserver,
  VIOLATIONS_MAX,
} from './handshake-result.ts';
import { directions } from './link-model.ts';
import type { Viewer } from './viewer.ts';
import { cameraPeer, World } from './world.ts';
import type { WorldEvent } from './world-event.ts';

const NEVER = Number.POSITIVE_INFINITY;
/** Long enough over a perfect link for a session with its token, and again for its end. */
const FIRST_SESSION_MS = 1;

/** One handshake in a world of its own, until it succeeded, failed, or its deadline has passed. */
export class HandshakeRun {
  readonly #seed: number;
  readonly #scenario: HandshakeScenario;
  readonly #inspector: RunInspector;
  readonly #observe: RunObserver | undefined;
  readonly #toCamera = { datagrams: 0, bytes: 0 };
  readonly #toViewer = { datagrams: 0, bytes: 0 };
  /** When the handshake that counts began, in the world's ms; NEVER before. */
  #beganMs = NEVER;
  #timeToStreamMs = NEVER;
  #timeToStreamingMs = NEVER;
  #timeToFirstFrameMs = NEVER;
  #confirmed = false;
  #mediaBeforeConfirm = false;
  #closedCode: number | undefined;

  constructor(seed: number, scenario: HandshakeScenario, inspector: RunInspector, observe?: RunObserver) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#inspector = inspector;
    this.#observe = observe;
  }

  /** @param feed what the camera has. @param sdp its description. */
  finish(feed: StreamFeed, sdp: string): HandshakeResult {
    const { link, profile, fast = false } = this.#scenario;
    const world = new World({
      seed: this.#seed,
      link,
      profile,
      keepOutputs: false,
      camera: { fast },
      application: (self, output) => {
        if (output.kind !== 'reserve') return;
        const { session } = output;
        self.clock.at(self.clock.nowMs, () => self.toCamera({ kind: 'reserved', session, feed, sdp }));
      },
      observe: (event, self) => this.#see(event, self),
    });
    const viewer = fast ? this.#returning(world) : world.addViewer();
    this.#beganMs = world.clock.nowMs;
    world.toViewer(viewer, { kind: 'start' });
    while (!this.#over && world.clock.runNext(this.#beganMs + profile.handshakeMs));
    return {
      seed: this.#seed,
      outcome: this.#outcome,
      timeToStreamMs: this.#timeToStreamMs,
      timeToStreamingMs: this.#timeToStreamingMs,
      timeToFirstFrameMs: this.#timeToFirstFrameMs,
      attempts: viewer.endpoint.attempts,
      datagramsToCamera: this.#toCamera.datagrams,
      bytesToCamera: this.#toCamera.bytes,
      datagramsToViewer: this.#toViewer.datagrams,
      bytesToViewer: this.#toViewer.bytes,
      mediaBeforeConfirm: this.#mediaBeforeConfirm,
      violations: this.#inspector.finish(world).slice(0, VIOLATIONS_MAX),
    };
  }

  /** A viewer that had a session, which is over, and has its token. */
  #returning(world: World): Viewer {
    const { link } = this.#scenario;
    const viewer = world.addViewer({ fast: true }, {});
    world.toViewer(viewer, { kind: 'start' });
    world.run(FIRST_SESSION_MS);
    world.toViewer(viewer, { kind: 'close', code: ErrorCode.NO_ERROR });
    world.run(FIRST_SESSION_MS);
    world.restart(viewer.number);
    const { toCamera, toViewer } = directions(link);
    viewer.toCamera.model = toCamera;
    viewer.toViewer.model = toViewer;
    return viewer;
  }

  get #succeeded(): boolean {
    return (this.#scenario.untilFirstFrame ? this.#timeToFirstFrameMs : this.#timeToStreamMs) !== NEVER;
  }

  get #over(): boolean {
    return this.#succeeded || this.#closedCode !== undefined;
  }

  get #outcome(): HandshakeOutcome {
    if (this.#succeeded) return 'ok';
    if (this.#closedCode !== undefined) return errorCodeName(this.#closedCode);
    return this.#timeToStreamMs === NEVER ? 'noMedia' : 'noFrame';
  }

  #see(event: WorldEvent, world: World): void {
    this.#inspector.see(event, world);
    if (this.#beganMs === NEVER) return;
    const atMs = event.atMs - this.#beganMs;
    this.#observe?.({ ...event, atMs }, world);
    switch (event.kind) {
      case 'sent': {
        if (event.plane === 'media' && !this.#confirmed && this.#scenario.fast !== true)
          this.#mediaBeforeConfirm = true;
        if (this.#timeToStreamMs !== NEVER) return;
        const count = event.from === cameraPeer ? this.#toViewer : this.#toCamera;
        count.datagrams++;
        count.bytes += event.bytes.length;
        return;
      }
      case 'arrived':
        if (event.host !== 'camera' || this.#confirmed) return;
        this.#confirmed = event.bytes[0] === CONTROL_FIRST_BYTE && event.bytes[2] === FrameType.START_CONFIRM;
        return;
      case 'told':
        if (event.host !== 'camera') this.#told(event.output, atMs);
        return;
      default:
    }
  }

  #told(output: InitiatorOutput, atMs: number): void {
    switch (output.kind) {
      case 'firstMedia':
        this.#timeToStreamMs = Math.min(this.#timeToStreamMs, atMs);
        return;
      case 'streaming':
        this.#timeToStreamingMs = Math.min(this.#timeToStreamingMs, atMs);
        return;
      case 'firstFrame':
        if (this.#scenario.untilFirstFrame) this.#timeToFirstFrameMs = Math.min(this.#timeToFirstFrameMs, atMs);
        return;
      case 'closed':
        this.#closedCode ??= output.code;
        return;
      default:
    }
  }
}
