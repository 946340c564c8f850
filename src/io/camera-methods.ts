import type { MethodRequest, MethodResult, Methods } from '../config/methods.ts';
import type { MetricsSnapshot } from '../engine/counters.ts';
import { MethodStatus } from '../protocol/exchange-fault.ts';
import type { PublishedStream } from './published-stream.ts';

/** One viewer has a key frame made, or the newest group sent again, at most so often, in ms. */
const REFRESH_MS = 1000;

/** What a camera's own methods need of it. */
export interface CameraMethodsHost {
  readonly stream: PublishedStream;
  /** When the session began to stream. */
  readonly startedAtMs: number;
  nowMs(): number;
  metrics(): MetricsSnapshot;
  /** Sends the newest group again. */
  refresh(): void;
  /** Ends the session. */
  close(): void;
}

/** The methods that every camera has, for one session (docs/PROTOCOL.md, section 9.5). */
export function cameraMethods(host: CameraMethodsHost): Methods {
  let refreshedAtMs = Number.NEGATIVE_INFINITY;
  return {
    keyframe(): MethodResult {
      // What was asked for a moment ago is on its way.
      if (host.nowMs() - refreshedAtMs >= REFRESH_MS) {
        refreshedAtMs = host.nowMs();
        if (!host.stream.requestKeyframe()) host.refresh();
      }
      return { status: MethodStatus.DONE };
    },
    bitrate(request: MethodRequest): MethodResult {
      const text = request.text().trim();
      const bitsPerSecond = Number(text);
      if (!/^\d{1,12}$/.test(text) || bitsPerSecond === 0) return { status: MethodStatus.BAD_REQUEST };
      return { status: host.stream.setBitrate(bitsPerSecond) ? MethodStatus.DONE : MethodStatus.UNSUPPORTED };
    },
    stats(): MethodResult {
      const { name, viewers } = host.stream;
      const { counters, drops, hints } = host.metrics();
      const seen = Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0));
      const elapsedMs = Math.round(host.nowMs() - host.startedAtMs);
      return JSON.stringify({ stream: name, viewers, elapsedMs, counters, drops: seen, hints });
    },
    stop(request: MethodRequest): MethodResult {
      // The viewer hears the answer before BYE; if it does not, the session ends all the same.
      request.ended.then(() => host.close());
      return { status: MethodStatus.DONE };
    },
  };
}
