import { initiate, respond, testSource } from '../../src/index.ts';
import type { ViewerSession } from '../../src/io/viewer.ts';
import { cameraTransport, viewerTransport } from '../../src/neighbours/rrcc/session-binding.ts';
import type { TransportPair } from './transport-pairs.ts';

/** The two ends of a session between programs, as RRCC's connection: the viewer is near. */
export async function sessionPair(): Promise<TransportPair> {
  const camera = await respond({ port: 0, streams: { test: testSource({ bytesPerFrame: 500 }) } });
  const streaming = new Promise<ViewerSession>((resolve) => camera.once('streaming', resolve));
  const far = streaming.then((viewer) => viewerTransport(camera, viewer));
  const stream = await initiate(`127.0.0.1:${camera.local.port}`);
  await far;
  return {
    near: cameraTransport(stream),
    far,
    close: async () => {
      await stream.destroy();
      await camera.destroy();
    },
  };
}
