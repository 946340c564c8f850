import type { ReceivedStream } from '../../io/received-stream.ts';
import type { Responder } from '../../io/respond.ts';
import { systemTiming, type Timing } from '../../io/sources/timing.ts';
import type { ViewerSession } from '../../io/viewer.ts';
import { Tally } from '../core/tally.ts';
import {
  type Refusal,
  type Transport,
  type TransportCounter,
  type TransportEvents,
  transportCounters,
} from '../core/transport.ts';

/**
 * How RRCC goes over a firstframe session: one Envelope in one NOTIFY of this method. A session is then a `Transport` that is not
 * `reliable` and takes messages of this size; RRCC's own retransmission does the rest.
 */
export const RRCC_SESSION_METHOD = 'rrcc';

/** Largest Envelope in a NOTIFY, in bytes. */
export const RRCC_SESSION_BYTES_MAX = 1000;

/** Messages that are kept until somebody listens; what comes then is lost. */
const EARLY_MAX = 16;

/** One side of a session, as far as NOTIFY goes. */
export interface SessionPort {
  notify(method: string, body: Uint8Array): void;
  /** Tells of every NOTIFY of the session, and of its end. @returns ends it. */
  listen(notified: (method: string, body: Uint8Array) => void, ended: () => void): () => void;
}

/**
 * RRCC's connection over a session. To close it leaves the session alone.
 *
 * @param timing default real timers.
 */
export function sessionTransport(port: SessionPort, timing: Timing = systemTiming): Transport {
  return new SessionTransport(port, timing);
}

/** RRCC's connection over the session with a camera. */
export function cameraTransport(stream: ReceivedStream): Transport {
  return sessionTransport({
    notify: (method, body) => stream.notify(method, body),
    listen(notified, ended) {
      const hear = ({ method, body }: { readonly method: string; readonly body: Uint8Array }): void =>
        notified(method, body);
      stream.on('notified', hear);
      void stream.ended.then(ended);
      return () => stream.off('notified', hear);
    },
  });
}

/** RRCC's connection over the session with a viewer, which the event `streaming` told. */
export function viewerTransport(camera: Responder, viewer: ViewerSession): Transport {
  return sessionTransport({
    notify: (method, body) => viewer.notify(method, body),
    listen(notified, ended) {
      const hear = (told: { readonly session: number; readonly method: string; readonly body: Uint8Array }): void => {
        if (told.session === viewer.session) notified(told.method, told.body);
      };
      const over = ({ session }: { readonly session: number }): void => {
        if (session === viewer.session) ended();
      };
      camera.on('notified', hear).on('left', over).on('closed', over);
      return () => camera.off('notified', hear).off('left', over).off('closed', over);
    },
  });
}

class SessionTransport implements Transport {
  readonly reliable = false;
  readonly messageBytesMax = RRCC_SESSION_BYTES_MAX;
  readonly #port: SessionPort;
  readonly #timing: Timing;
  readonly #counters = new Tally(transportCounters);
  readonly #unlisten: () => void;
  #events: TransportEvents | undefined;
  #early: Uint8Array[] = [];
  #open = true;
  #paused = false;

  constructor(port: SessionPort, timing: Timing) {
    this.#port = port;
    this.#timing = timing;
    this.#unlisten = port.listen(
      (method, body) => this.#receive(method, body),
      () => this.#over('ended'),
    );
  }

  get counters(): Readonly<Record<TransportCounter, number>> {
    return this.#counters.snapshot();
  }

  open(events: TransportEvents): void {
    this.#events = events;
    for (const bytes of this.#early.splice(0)) this.#receive(RRCC_SESSION_METHOD, bytes);
  }

  send(message: Uint8Array): Refusal | undefined {
    const refusal = this.#refusalOf(message);
    this.#counters.add(refusal ?? 'sent');
    if (refusal === undefined) this.#port.notify(RRCC_SESSION_METHOD, message.slice());
    return refusal;
  }

  /** What comes meanwhile is lost. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  close(): void {
    this.#over('local');
  }

  destroy(): void {
    this.close();
  }

  #receive(method: string, body: Uint8Array): void {
    if (method !== RRCC_SESSION_METHOD || !this.#open || this.#paused) return;
    if (body.length === 0 || body.length > RRCC_SESSION_BYTES_MAX) return this.#counters.add('malformed');
    if (this.#events === undefined) {
      if (this.#early.length < EARLY_MAX) this.#early.push(body);
      return;
    }
    this.#counters.add('received');
    this.#events.message(body);
  }

  #over(cause: 'local' | 'ended'): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unlisten();
    this.#timing.after(0, () => this.#events?.closed({ cause, truncated: false }));
  }

  #refusalOf(message: Uint8Array): Refusal | undefined {
    if (!this.#open) return 'closed';
    if (message.length === 0) return 'empty';
    return message.length > this.messageBytesMax ? 'tooLarge' : undefined;
  }
}
