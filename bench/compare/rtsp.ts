import { execFile } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { packageFile } from '../../src/io/package-file.ts';
import type { ComparePeer, Leave, Prepared } from './peer.ts';
import { PYTHON, programCamera } from './program.ts';

const run = promisify(execFile);

/** An answer of RTSP is no longer than this. */
const ANSWER_CHARACTERS_MAX = 16_384;
/** Ports are asked for again when one of a pair is taken. */
const PAIR_TRIES = 20;

/** RTSP with media over UDP, as most network cameras have it: GStreamer’s server, and a viewer that asks for no more than it must. */
export const rtsp: ComparePeer = {
  name: 'rtsp',
  title: 'RTSP and RTP over UDP (GStreamer’s server, a viewer of node net)',
  counts:
    'from connect() to the first RTP packet of a shared live stream of 30 frames a second: TCP, DESCRIBE, SETUP, PLAY; no encryption; half a frame’s time of waiting',
  // Each viewer has threads and sockets in the server.
  perSecondMax: 10,
  prepare,
  async camera({ address }) {
    const port = await programCamera(PYTHON, [packageFile('bench/python/rtsp-camera.py'), address]);
    // The pipeline runs as long as there is somebody: a viewer that stays, so that nobody else waits for its start.
    await watch(address, port, new AbortController().signal);
    return port;
  },
  async viewers({ address, port }) {
    return { watch: (signal) => watch(address, port, signal) };
  },
};

async function prepare(): Promise<Prepared> {
  const script = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";
  try {
    await run(PYTHON, ['-c', script]);
    await run('gst-inspect-1.0', ['jpegenc']);
    return { ok: true, credentials: {} };
  } catch {
    const packages = 'python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-tools';
    return { ok: false, reason: `there is no RTSP server of GStreamer for Python here (apt install ${packages})` };
  }
}

async function watch(address: string, port: number, signal: AbortSignal): Promise<Leave> {
  const client = new RtspClient(address, port);
  signal.addEventListener('abort', () => client.leave(), { once: true });
  try {
    return await client.play();
  } catch (error) {
    client.leave();
    throw error;
  }
}

/** As much of RFC 2326 as one stream needs. */
class RtspClient {
  readonly #url: string;
  readonly #control: Socket;
  #media: readonly UdpSocket[] = [];
  #sequence = 0;
  #session: string | undefined;
  #left = false;

  constructor(address: string, port: number) {
    this.#url = `rtsp://${address}:${port}/bench`;
    this.#control = connect({ host: address, port, noDelay: true });
    this.#control.setEncoding('latin1');
    // Heard by whoever waits for an answer; one that nobody waits for is no harm.
    this.#control.on('error', () => {});
  }

  /** @returns at the first packet of media. */
  async play(): Promise<Leave> {
    this.#media = await portPair();
    if (this.#left) this.#closeMedia();
    const [rtp, rtcp] = this.#media.map((socket) => socket.address().port);
    const described = await this.#ask('DESCRIBE', this.#url, 'Accept: application/sdp');
    const track = /^a=control:(?!\*)(\S+)/m.exec(described)?.[1] ?? 'stream=0';
    const trackUrl = track.startsWith('rtsp:') ? track : `${this.#url}/${track}`;
    const setUp = await this.#ask('SETUP', trackUrl, `Transport: RTP/AVP;unicast;client_port=${rtp}-${rtcp}`);
    this.#session = /^Session: *([^;\r]+)/im.exec(setUp)?.[1];
    // Media may overtake the answer to PLAY.
    const [media] = this.#media;
    const first = new Promise<void>((resolve) => media?.once('message', () => resolve()));
    const played = this.#ask('PLAY', this.#url, `Session: ${this.#session}`);
    await Promise.race([first, played.then(() => first)]);
    return () => this.leave();
  }

  /** Also in the middle of it. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#closeMedia();
    if (this.#session !== undefined) this.#send('TEARDOWN', this.#url, `Session: ${this.#session}`);
    this.#control.end();
    this.#control.resume();
  }

  #closeMedia(): void {
    for (const socket of this.#media) socket.close();
  }

  #send(method: string, url: string, header: string): void {
    this.#control.write(`${method} ${url} RTSP/1.0\r\nCSeq: ${++this.#sequence}\r\n${header}\r\n\r\n`);
  }

  async #ask(method: string, url: string, header: string): Promise<string> {
    this.#send(method, url, header);
    let text = '';
    for (;;) {
      const [head, body] = text.split('\r\n\r\n', 2);
      if (body !== undefined && body.length >= Number(/^Content-Length: *(\d+)/im.exec(head ?? '')?.[1] ?? 0)) break;
      if (text.length > ANSWER_CHARACTERS_MAX) throw new Error(`an endless answer to ${method}`);
      const stopped = new AbortController();
      const closed = once(this.#control, 'close', { signal: stopped.signal }).then(() => {
        throw new Error(`closed before an answer to ${method}`);
      });
      try {
        const [bytes] = (await Promise.race([once(this.#control, 'data'), closed])) as [string];
        text += bytes;
      } finally {
        stopped.abort();
      }
    }
    if (!/^RTSP\/1\.0 200/.test(text)) throw new Error(`${method}: ${text.slice(0, text.indexOf('\r'))}`);
    return text;
  }
}

/** Two sockets, the second one's port that after the first one's, as RTP has it. */
async function portPair(): Promise<readonly UdpSocket[]> {
  for (let tries = 0; tries < PAIR_TRIES; tries++) {
    const rtp = await bound(0);
    const { port } = rtp.address();
    const rtcp = port % 2 === 0 ? await bound(port + 1).catch(() => undefined) : undefined;
    if (rtcp !== undefined) return [rtp, rtcp];
    rtp.close();
  }
  throw new Error('no pair of ports is free');
}

async function bound(port: number): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.bind(port);
  await once(socket, 'listening');
  return socket;
}
