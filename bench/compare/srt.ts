import {
  CAMERA_GOES_ON,
  type ComparePeer,
  type Leave,
  MEDIA_BYTES,
  NEXT_FRAME_MS,
  type Prepared,
  type ViewerSite,
} from './peer.ts';
import { type Srt, SrtEvent, SrtOption } from './srt-library.ts';

/** SRT as it is fastest: media is handed over when it comes, not after the latency that both sides agreed on (120 ms by default). */
export const srt: ComparePeer = {
  name: 'srt',
  // It starts two threads for each viewer's port, and polls.
  perSecondMax: 10,
  title: 'SRT (libsrt, in this process), without its latency buffer',
  counts: `from srt_connect() to the first message of 1,200 bytes: induction, conclusion, media; not encrypted; ${CAMERA_GOES_ON}`,
  prepare,
  async camera({ address, keyframeDatagrams }) {
    const library = await loaded();
    const listener = socketOf(library);
    if (library.bind(listener, address, 0) < 0 || library.listen(listener, 4096) < 0) {
      throw new Error(library.complaint());
    }
    const media = Buffer.alloc(MEDIA_BYTES, 1);
    library.watch(listener, SrtEvent.IN, () => {
      for (let socket = library.accept(listener); socket >= 0; socket = library.accept(listener)) {
        for (let sent = 0; sent < keyframeDatagrams; sent++) library.send(socket, media);
        // In its live mode only a gap that later media shows is repaired.
        const live = setInterval(() => library.send(socket, media), NEXT_FRAME_MS);
        library.watch(socket, 0, () => {
          clearInterval(live);
          library.unwatch(socket);
          library.close(socket);
        });
      }
    });
    return library.port(listener);
  },
  async viewers(site) {
    const library = await loaded();
    return { watch: (signal) => watch(library, site, signal) };
  },
};

async function prepare(): Promise<Prepared> {
  try {
    await loaded();
    return { ok: true, credentials: {} };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, reason: `${why} (apt install libsrt1.5-openssl; npm install koffi)` };
  }
}

let library: Promise<Srt> | undefined;

function loaded(): Promise<Srt> {
  library ??= import('./srt-library.ts').then(({ loadSrt }) => loadSrt());
  return library;
}

/** A socket whose calls never wait. */
function socketOf(srtLibrary: Srt): number {
  const socket = srtLibrary.create();
  if (socket < 0) throw new Error(srtLibrary.complaint());
  for (const option of ['SNDSYN', 'RCVSYN', 'TSBPDMODE', 'TLPKTDROP'] as const) {
    srtLibrary.set(socket, SrtOption[option], 0);
  }
  return socket;
}

async function watch(srtLibrary: Srt, { address, port, timeoutMs }: ViewerSite, signal: AbortSignal): Promise<Leave> {
  const socket = socketOf(srtLibrary);
  // Its own would give up after 3 s.
  srtLibrary.set(socket, SrtOption.CONNTIMEO, timeoutMs);
  const leave = (): void => {
    srtLibrary.unwatch(socket);
    srtLibrary.close(socket);
  };
  signal.addEventListener('abort', leave, { once: true });
  const bytes = Buffer.alloc(1500);
  return await new Promise<Leave>((resolve, reject) => {
    srtLibrary.watch(socket, SrtEvent.IN, (events) => {
      if ((events & SrtEvent.IN) !== 0 && srtLibrary.receive(socket, bytes) >= MEDIA_BYTES) return resolve(leave);
      if ((events & SrtEvent.ERR) === 0) return;
      leave();
      reject(new Error('connection refused or broken'));
    });
    if (srtLibrary.connect(socket, address, port) < 0) {
      leave();
      reject(new Error(srtLibrary.complaint()));
    }
  });
}
