import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type ComparePeer, type Leave, NEXT_FRAME_MS, type Prepared, type ViewerSite } from './peer.ts';
import { type Candidate, type Description, loadWebRtc, type PeerConnection, type WebRtc } from './webrtc-library.ts';

/** So small that a picture is one packet, and that coding it for each viewer is no work. */
const SIDE = 64;
/** Nobody is asked where this machine is: both ends know their addresses. */
const alone = { iceServers: [] } as const;

/** A line of signalling. */
type Signal = { readonly description: Description } | { readonly candidate: Candidate };

/** WebRTC as Chrome has it; signalling as short as it can be, on a TCP connection to the camera. */
export const webrtc: ComparePeer = {
  name: 'webrtc',
  title: 'WebRTC (libwebrtc in this process, by @roamhq/wrtc)',
  counts:
    'from connect() of the signalling to the first decoded picture, which is one packet: TCP, offer and answer with candidates as they are found, ICE, DTLS, SRTP; half a frame’s time of waiting',
  perSecondMax: 5,
  prepare,
  async camera({ address }) {
    const library = await loadWebRtc();
    const source = new library.nonstandard.RTCVideoSource();
    const picture = { width: SIDE, height: SIDE, data: new Uint8ClampedArray(1.5 * SIDE * SIDE).fill(128) };
    setInterval(() => source.onFrame(picture), NEXT_FRAME_MS);
    const track = source.createTrack();
    const server = createServer({ noDelay: true }, (socket) => {
      const connection = new library.RTCPeerConnection(alone);
      signal(connection, socket, async (offer) => {
        await connection.setRemoteDescription(offer);
        connection.addTrack(track);
        return await connection.createAnswer();
      });
      socket.on('close', () => connection.close());
    });
    server.listen({ host: address, port: 0, backlog: 4096 });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  async viewers(site) {
    const library = await loadWebRtc();
    return { watch: (aborted) => watch(library, site, aborted) };
  },
};

async function prepare(): Promise<Prepared> {
  try {
    await loadWebRtc();
    return { ok: true, credentials: {} };
  } catch {
    return { ok: false, reason: 'the package @roamhq/wrtc is not installed (npm install --no-save @roamhq/wrtc)' };
  }
}

async function watch(library: WebRtc, { address, port }: ViewerSite, aborted: AbortSignal): Promise<Leave> {
  const socket = connect({ host: address, port, noDelay: true });
  const connection = new library.RTCPeerConnection(alone);
  let stop: () => void = () => {};
  const leave = (): void => {
    stop();
    connection.close();
    socket.destroy();
  };
  aborted.addEventListener('abort', leave, { once: true });
  return await new Promise<Leave>((resolve, reject) => {
    const fail = (error: unknown): void => {
      leave();
      reject(error);
    };
    socket.once('error', fail);
    connection.ontrack = ({ track }) => {
      const sink = new library.nonstandard.RTCVideoSink(track);
      stop = () => sink.stop();
      sink.onframe = () => resolve(leave);
    };
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === 'failed') fail(new Error('connection failed'));
    };
    connection.addTransceiver('video', { direction: 'recvonly' });
    signal(connection, socket, async (answer) => {
      await connection.setRemoteDescription(answer);
      return undefined;
    });
    connection
      .createOffer()
      .then((offer) => describe(connection, socket, offer))
      .catch(fail);
  });
}

/** Hands on what one side has to say to the other, and what that one answers. */
function signal(
  connection: PeerConnection,
  socket: Socket,
  hear: (description: Description) => Promise<Description | undefined>,
): void {
  const early: Candidate[] = [];
  let described = false;
  // One that is closed by now needs no candidate any more.
  const add = (candidate: Candidate): void => void connection.addIceCandidate(candidate).catch(() => {});
  connection.onicecandidate = ({ candidate }) => {
    if (candidate !== null) say(socket, { candidate });
  };
  socket.on('error', () => socket.destroy());
  const lines = createInterface(socket);
  // It repeats what the socket says.
  lines.on('error', () => {});
  lines.on('line', async (line) => {
    const said = JSON.parse(line) as Signal;
    if ('candidate' in said) {
      if (described) add(said.candidate);
      else early.push(said.candidate);
      return;
    }
    try {
      const answer = await hear(said.description);
      described = true;
      if (answer !== undefined) await describe(connection, socket, answer);
      for (const candidate of early) add(candidate);
    } catch {
      // The viewer left meanwhile.
      socket.destroy();
    }
  });
}

async function describe(connection: PeerConnection, socket: Socket, description: Description): Promise<void> {
  say(socket, { description });
  await connection.setLocalDescription(description);
}

function say(socket: Socket, said: Signal): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(said)}\n`);
}
