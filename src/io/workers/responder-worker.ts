/**
 * A thread of a camera that has several: a responder of its own, whose sources, list of viewers and application are in the main
 * thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { AuthorizeRequest, AuthorizeVerdict } from '../../config/options.ts';
import { resolveRespondSettings } from '../../config/settings.ts';
import type { OpenSocket } from '../bind-socket.ts';
import { alignClock } from '../clock.ts';
import type { MediaSource } from '../media-source.ts';
import { Responder, type ResponderSeat } from '../respond.ts';
import { UdpSocket } from '../udp-socket.ts';
import { warmUp } from '../warm-up.ts';
import { ApplicationLine } from './application-line.ts';
import { AskedViewers } from './asked-viewers.ts';
import { Crossings } from './crossings.ts';
import { RingKind } from './datagram-ring.ts';
import { HandedSocket } from './handed-socket.ts';
import { RemoteLog } from './remote-log.ts';
import { RemoteSource } from './remote-source.ts';
import { TraceLine } from './trace-line.ts';
import { RingPump, WorkerLine } from './worker-line.ts';
import type { WorkerStart } from './worker-messages.ts';

/** How often a worker tells its figures, in ms. */
const FIGURES_MS = 250;

const start = workerData as WorkerStart;
if (parentPort === null) throw new Error('this file is run by a thread of its own');
alignClock(start.clockOffsetMs);

let handed: HandedSocket | undefined;
let receive = (bytes: Uint8Array, from: { readonly address: string; readonly port: number }): void =>
  handed?.receive(bytes, from);
const pump = new RingPump(start.toWorker, (_kind, bytes, from) => receive(bytes, from));
const line = new WorkerLine(parentPort, start.toMain, () => pump.wake());

const open: OpenSocket = async (options, events) => {
  if (start.handed !== undefined) {
    handed = new HandedSocket(start.handed, line, events);
    return handed;
  }
  // What the system gave to another worker comes from the ring.
  receive = (bytes, from) => events.datagram(bytes, from);
  return UdpSocket.bind({ ...options, reusePort: true }, events);
};

const questions = new Map<number, (verdict: AuthorizeVerdict | 'failed') => void>();
let lastQuestion = 0;

async function authorize(request: AuthorizeRequest): Promise<AuthorizeVerdict> {
  const question = ++lastQuestion;
  const verdict = await new Promise<AuthorizeVerdict | 'failed'>((resolve) => {
    questions.set(question, resolve);
    line.say({ kind: 'authorize', question, request });
  });
  if (verdict === 'failed') throw new Error('the application could not say');
  return verdict;
}

let messagesDropped = 0;
const dropped = (count = 1): void => {
  messagesDropped += count;
};
const crossings = new Crossings(start.crossings);
const trace = new TraceLine(crossings, (outputs) => line.say({ kind: 'trace', outputs }), dropped);
const application = new ApplicationLine(crossings, new Set(start.methods), {
  say: (output) => line.say({ kind: 'exchange', output }),
  give: (session, input) => responder?.exchange(session, input),
  dropped,
});
let responder: Responder | undefined;

const seat: ResponderSeat = {
  worker: start.share,
  keys: start.keys,
  open,
  exchange: (output) => application.take(output),
  handOver: (bytes, from) => void line.push(RingKind.HANDED_OVER, bytes, from),
};

async function listen(): Promise<Responder> {
  const framesTaken = new Int32Array(start.framesTaken);
  const streams: Record<string, MediaSource> = Object.fromEntries(
    Object.entries(start.streams).map(([name, shared]) => [name, new RemoteSource(name, shared, line, framesTaken)]),
  );
  const {
    address,
    port,
    dualStack,
    profile,
    fast,
    repair,
    drop,
    socket,
    limits,
    datagramBytesMax,
    receiveBufferBytes,
  } = start;
  const { mode, psk, privateKey } = start.security;
  const viewers = new AskedViewers(start.viewerAnswer, (question, publicKey) =>
    line.say({ kind: 'mayLook', question, publicKey }),
  );
  const settings = resolveRespondSettings<MediaSource>({
    host: address,
    port,
    dualStack,
    profile,
    repair,
    drop,
    socket,
    limits,
    datagramBytesMax,
    receiveBufferBytes,
    fast,
    streams,
    security: mode === 'keys' ? { mode, psk, privateKey, allowedViewers: viewers } : { mode, psk },
    trace: start.traces ? (output, nowMs) => trace.add(output, nowMs) : undefined,
    authorize: start.authorizes ? authorize : undefined,
    logger:
      start.logLevel === undefined
        ? undefined
        : new RemoteLog(start.logLevel, { worker: start.share.index }, (level, fields, message) =>
            line.say({ kind: 'log', level, fields, message }),
          ),
  });
  warmUp();
  return Responder.listen(settings, seat);
}

function tell(responder: Responder): void {
  const { sessionCount: sessions, pendingCount: pending, underLoad } = responder;
  const counted = responder.metrics();
  const metrics = { ...counted, counters: { ...counted.counters, workerMessagesDropped: messagesDropped } };
  line.say({ kind: 'figures', figures: { metrics, sessions, pending, underLoad } });
}

function connect(responder: Responder): void {
  responder.on('streaming', ({ session, peer, streamId, publicKey }) =>
    line.say({ kind: 'streaming', viewer: { session, peer, streamId, publicKey } }),
  );
  responder.on('moved', ({ session, before, peer }) => line.say({ kind: 'moved', session, before, peer }));
  responder.on('left', ({ session, code, reason }) => line.say({ kind: 'left', session, code, reason }));
  responder.on('closed', (closed) => {
    application.closed(closed.session);
    line.say({ kind: 'closed', closed });
  });
  responder.on('load', (load) => line.say({ kind: 'load', load }));
  responder.on('methodFailed', ({ method, error }) =>
    line.say({ kind: 'methodFailed', method, message: error.message }),
  );
  const timer = setInterval(() => tell(responder), FIGURES_MS);
  line.listen((message) => {
    if (message.kind === 'exchange') application.came(message.session, message.input);
    if (message.kind === 'closeSession') responder.closeSession(message.session, message.code, message.reason);
    if (message.kind !== 'close') return;
    void (message.atOnce ? responder.destroy() : responder.close()).then(() => {
      clearInterval(timer);
      trace.flush();
      tell(responder);
      process.exit(0);
    });
  });
}

line.listen((message) => {
  if (message.kind !== 'verdict') return;
  questions.get(message.question)?.(message.verdict);
  questions.delete(message.question);
});

try {
  responder = await listen();
  connect(responder);
  const { local, socketKind: socket, notices, receiveBuffer } = responder;
  line.say({ kind: 'ready', local, receiveBufferBytes: receiveBuffer.granted, socket, notices });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  line.say({ kind: 'startFailed', message, code });
}
