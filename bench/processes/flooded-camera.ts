/** A camera that is flooded, in a process of its own: with its usual limits, or with none. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import type { CameraReady } from './camera.ts';
import { serve } from './serve.ts';

/** What it is asked for. */
export interface FloodedCameraOptions {
  readonly limits: Parameters<typeof respond>[0]['limits'];
  /** Hexadecimal digits; mode `psk`, else `none`. */
  readonly pskHex: string | undefined;
}

/** Its figures. */
export interface FloodedCameraReport {
  readonly datagramsReceived: number;
  /** Sessions that were begun, for viewers and for strangers. */
  readonly handshakesStarted: number;
  readonly retriesSent: number;
  readonly pending: number;
  readonly underLoad: boolean;
  /** What is in use after a collection of garbage, in bytes: heap, and what is kept beside it. */
  readonly heapBytes: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

serve<FloodedCameraOptions, CameraReady, FloodedCameraReport>(async ({ limits = {}, pskHex }) => {
  const camera = await respond({
    port: 0,
    streams: { bench: testSource({ bytesPerFrame: 1000 }) },
    limits,
    ...(pskHex === undefined ? {} : { security: { mode: 'psk', psk: Buffer.from(pskHex, 'hex') } }),
  });
  const { address, port } = camera.local;
  return {
    ready: { address, port, socket: camera.socketKind },
    report: () => {
      const { datagramsReceived, handshakesStarted, retriesSent } = camera.metrics().counters;
      const { pendingCount: pending, underLoad } = camera;
      collect();
      const { heapUsed, external, arrayBuffers: _ofExternal } = process.memoryUsage();
      return { datagramsReceived, handshakesStarted, retriesSent, pending, underLoad, heapBytes: heapUsed + external };
    },
  };
});
