import { bursts, type LinkModel } from './link-model.ts';

/** Both directions of a link by name. */
export interface LinkPreset {
  readonly toCamera: LinkModel;
  readonly toViewer: LinkModel;
}

/** A preset's name. */
export type PresetName = 'lan' | 'wifi' | 'lossy-wifi' | 'lte' | 'satellite' | 'congested';

const both = (model: LinkModel): LinkPreset => ({ toCamera: model, toViewer: model });

/**
 * Links that users have, as round figures with their sources. A real link differs from each of them; they are for comparing code with
 * code on the same link.
 *
 * | preset | RTT | loss each way | rate | from |
 * |---|---|---|---|---|
 * | `lan` | 1 ms | none | 1 Gbit/s | RFC 8868, section 4.2: "very low latency", 0 to 1 ms one way |
 * | `wifi` | 20 to 28 ms | 0.2 % | 50 Mbit/s | Codavel, "Real-world latency and packet loss": Wi-Fi 10 to 25 ms, 0.2 % |
 * | `lossy-wifi` | 20 to 60 ms | 5 % alone, 5 % in runs of 8 | 10 Mbit/s | RFC 8868, section 4.3: 5 and 10 % are its middle losses; runs as a microwave oven or a door makes them: our choice |
 * | `lte` | 45 to 65 ms | 0.5 % | 50 Mbit/s to the viewer, 20 to the camera | Loadero, "Network conditions": 4G 45 ms, jitter 5 and 15 ms; Codavel: 4G 50 ms, up to 0.5 % |
 * | `satellite` | 560 to 580 ms | 1 % | 10 and 2 Mbit/s | RFC 2488, section 2: at least 558 ms over one geostationary hop |
 * | `congested` | 100 to 130 ms and up to 300 ms of queue | 2 % and what the queue drops | 1.5 Mbit/s | RFC 8868, sections 4.2 and 4.4: 50 ms one way, a drop-tail queue of 300 ms; jitter of 30 ms from RFC 8867 |
 */
export const presets: Readonly<Record<PresetName, LinkPreset>> = {
  lan: both({ oneWayMs: 0.5, bitsPerSecond: 1e9, queueBytesMax: 1_000_000 }),
  wifi: both({ oneWayMs: 10, jitterMs: 4, loss: 0.002, bitsPerSecond: 50e6, queueBytesMax: 500_000 }),
  'lossy-wifi': both({
    oneWayMs: 10,
    jitterMs: 20,
    loss: 0.05,
    burst: bursts(0.05, 8),
    bitsPerSecond: 10e6,
    queueBytesMax: 250_000,
  }),
  lte: {
    toCamera: { oneWayMs: 22.5, jitterMs: 15, loss: 0.005, bitsPerSecond: 20e6, queueBytesMax: 500_000 },
    toViewer: { oneWayMs: 22.5, jitterMs: 5, loss: 0.005, bitsPerSecond: 50e6, queueBytesMax: 1_000_000 },
  },
  satellite: {
    toCamera: { oneWayMs: 280, jitterMs: 10, loss: 0.01, bitsPerSecond: 2e6, queueBytesMax: 150_000 },
    toViewer: { oneWayMs: 280, jitterMs: 10, loss: 0.01, bitsPerSecond: 10e6, queueBytesMax: 750_000 },
  },
  congested: both({ oneWayMs: 50, jitterMs: 15, loss: 0.02, bitsPerSecond: 1.5e6, queueBytesMax: 56_250 }),
};
