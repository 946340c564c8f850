/**
 * What fast-check lets happen on a {@link Wire}. After each command the ledger has asserted what was done, and `check` asserts
 * what is.
 */
import fc from 'fast-check';
import { type FrameTypeName, frameTypeName } from '../../src/protocol/frame.ts';
import { assertInvariant } from '../../src/protocol/invariants.ts';
import { forgeableBut, type Ids, sessionFrame } from './frames.ts';
import { cameraPeer, type Flight, type Viewer, type Wire } from './wire.ts';
import { frameIn } from './wire-ledger.ts';

/** Who runs: all that a command must know before it makes sense. */
export interface Running {
  camera: boolean;
  readonly viewers: boolean[];
}

type WireCommand = fc.Command<Running, Wire>;

/** One command, with a name that a person can read in a counterexample. */
class Act implements WireCommand {
  readonly #text: string;
  readonly #act: (wire: Wire, running: Running) => void;
  readonly #possible: (running: Running) => boolean;

  constructor(
    text: string,
    act: (wire: Wire, running: Running) => void,
    possible: (running: Running) => boolean = () => true,
  ) {
    this.#text = text;
    this.#act = act;
    this.#possible = possible;
  }

  check(running: Readonly<Running>): boolean {
    return this.#possible(running);
  }

  run(running: Running, wire: Wire): void {
    this.#act(wire, running);
    wire.check();
  }

  toString(): string {
    return this.#text;
  }
}

/** Takes a datagram out of the air. @param place any number; a small one is an old datagram. */
function take(wire: Wire, place: number): Flight | undefined {
  return wire.flights.splice(place % Math.max(1, wire.flights.length), 1)[0];
}

/** What is damaged or forged reaches its aim, and no live session may notice (S7). */
function unharmed(wire: Wire, flight: Flight): void {
  const before = wire.liveText();
  wire.arrive(flight, true);
  const after = wire.liveText();
  assertInvariant('S7', after === before, `${frameTypeName(flight.bytes[2] ?? 0)}: ${before} became ${after}`);
}

function corrupt(wire: Wire, place: number, bit: number): void {
  const flight = take(wire, place);
  // Media has no CRC of its own: a flipped bit in a picture is a flipped bit in a picture.
  if (flight === undefined || frameIn(flight.bytes) === undefined) return;
  const bytes = flight.bytes.slice();
  const at = bit % (8 * bytes.length);
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
  unharmed(wire, { ...flight, bytes });
}

const OTHER_ID = 0x5eed_5eedn;

/** Ids that somebody off the path can make up: at best one of the two is right. */
function guessedIds(viewer: Viewer, know: 'nothing' | 'streamId'): Ids {
  const streamId = viewer.endpoint?.streamId || OTHER_ID;
  return { streamId: know === 'streamId' ? streamId : OTHER_ID, sessionTag: OTHER_ID };
}

const forgedTypes = forgeableBut('START', 'PATH_CHALLENGE', 'PATH_RESPONSE');

/** Somebody speaks in the name of a viewer, or of the camera, without knowing the SessionTag. */
function forge(wire: Wire, viewer: Viewer, type: FrameTypeName, know: 'nothing' | 'streamId', toCamera: boolean): void {
  // Until Streaming an ERROR or RETRY with the right StreamId is as good as the camera's own; S7 speaks of live sessions.
  const exposed = know === 'streamId' && !toCamera && viewer.endpoint?.state !== 'Streaming';
  const guessed = guessedIds(viewer, exposed ? 'nothing' : know);
  // Ids alone, overheard or not, make no RESET: that takes the token.
  const ids = type === 'RESET' && viewer.endpoint?.state === 'Streaming' ? viewer.endpoint : guessed;
  const bytes = sessionFrame(type, ids);
  const [from, to] = toCamera ? [viewer.peer, cameraPeer] : [cameraPeer, viewer.peer];
  unharmed(wire, { from, to, bytes });
}

/** Somebody who heard everything repeats it from an address of his own. */
function replayElsewhere(wire: Wire, place: number): void {
  const flight = wire.flights[place % Math.max(1, wire.flights.length)];
  if (flight === undefined) return;
  unharmed(wire, { ...flight, from: { address: '192.0.2.66', port: 6666 } });
}

const runs = (running: Running, number: number): boolean => running.viewers[number] === true;

function viewerOf(wire: Wire, number: number): Viewer {
  const viewer = wire.viewers[number];
  if (viewer === undefined) throw new Error(`there is no viewer ${number}`);
  return viewer;
}

const who = fc.integer({ min: 0, max: 1 });
const place = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(40) });

const start = who.map(
  (number) =>
    new Act(`start ${number}`, (wire, running) => {
      running.viewers[number] = true;
      wire.startViewer(viewerOf(wire, number));
    }),
);

const deliver = place.map(
  (at) =>
    new Act(`deliver ${at}`, (wire) => {
      const flight = take(wire, at);
      if (flight !== undefined) wire.arrive(flight);
    }),
);

const duplicate = place.map(
  (at) =>
    new Act(`duplicate ${at}`, (wire) => {
      const flight = wire.flights[at % Math.max(1, wire.flights.length)];
      if (flight !== undefined) wire.arrive(flight);
    }),
);

const drop = place.map((at) => new Act(`drop ${at}`, (wire) => void take(wire, at)));
const pass = fc.constantFrom(1, 10, 100, 600, 1200, 3500).map((ms) => new Act(`pass ${ms}`, (wire) => wire.pass(ms)));
const flow = fc.constantFrom(0, 30, 150, 700, 4000).map((ms) => new Act(`flow ${ms}`, (wire) => wire.flow(ms)));
const answer = fc
  .oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) })
  .map((yes) => new Act(`answer ${yes ? 'yes' : 'no'}`, (wire) => wire.answer(yes)));
const media = fc.constantFrom(50, 1500, 9000).map((bytes) => new Act(`media ${bytes}`, (wire) => wire.media(bytes)));

/** An end closes, dies or begins anew. */
const violent = fc.oneof(
  who.map((number) => {
    const close = (wire: Wire) => wire.toViewer(viewerOf(wire, number), { kind: 'close', code: 0 });
    return new Act(`viewer ${number} closes`, close, (running) => runs(running, number));
  }),
  fc.constant(
    new Act(
      'camera closes',
      (wire) => wire.toCamera({ kind: 'close', code: 22 }),
      ({ camera }) => camera,
    ),
  ),
  who.map((number) => {
    const kill = (wire: Wire, running: Running) => {
      running.viewers[number] = false;
      wire.killViewer(viewerOf(wire, number));
    };
    return new Act(`viewer ${number} is killed`, kill, (running) => runs(running, number));
  }),
  fc.constantFrom(1, 2).map(
    (key) =>
      new Act(`camera starts, key ${key}`, (wire, running) => {
        running.camera = true;
        wire.startCamera(key);
      }),
  ),
  fc.constant(
    new Act(
      'camera is killed',
      (wire, running) => {
        running.camera = false;
        wire.killCamera();
      },
      ({ camera }) => camera,
    ),
  ),
);

/** Damage, and people who are not part of it. */
const hostile = fc.oneof(
  fc.tuple(place, fc.nat(2000)).map(([at, bit]) => new Act(`corrupt ${at} ${bit}`, (wire) => corrupt(wire, at, bit))),
  fc
    .tuple(who, fc.constantFrom(...forgedTypes), fc.constantFrom('nothing', 'streamId'), fc.boolean())
    .map(([number, type, know, toCamera]) => {
      const text = `forge ${type} ${toCamera ? 'of' : 'to'} viewer ${number} knowing ${know}`;
      return new Act(text, (wire) => forge(wire, viewerOf(wire, number), type, know, toCamera));
    }),
  place.map((at) => new Act(`replay ${at} from elsewhere`, (wire) => replayElsewhere(wire, at))),
  who.map(
    (number) =>
      new Act(`ICMP about ${number}`, (wire) => {
        const before = wire.liveText();
        const viewer = viewerOf(wire, number);
        wire.toViewer(viewer, { kind: 'sendFailed', to: cameraPeer, hint: 'ECONNREFUSED', bytes: 0 });
        wire.toCamera({ kind: 'sendFailed', to: viewer.peer, hint: 'EHOSTUNREACH', bytes: 0 });
        assertInvariant('S7', wire.liveText() === before, 'an ICMP message changed a session');
      }),
  ),
);

/** Every kind of command; fast-check draws them evenly, so those that a session lives of stand here more often. */
export const wireCommands: fc.Arbitrary<WireCommand>[] = [
  ...[start, deliver, deliver, deliver, deliver, duplicate, drop, pass, pass],
  ...[flow, flow, flow, answer, answer, media, media, violent, hostile, hostile],
];
