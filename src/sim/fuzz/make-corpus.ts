import { decodeFrame } from '../../codec/decode.ts';
import { encodeFrame } from '../../codec/encode.ts';
import { headerOffset } from '../../codec/header.ts';
import {
  CONTROL_FIRST_BYTE,
  MEDIA_FIRST_BYTE_MIN,
  SEALED_COUNTER_BYTES,
  SECURED_TRAILER_BYTES,
} from '../../protocol/constants.ts';
import { FrameFlag, FrameType } from '../../protocol/frame.ts';
import { type Simulation, simulate } from '../simulate.ts';
import { testFrames } from '../simulated-stream.ts';
import type { FuzzCorpus } from './corpus.ts';
import { clearSeeds, securedSeeds } from './seed-frames.ts';

/** Datagrams of one kind and size that are kept. */
const ALIKE_MAX = 1;
/** A lossy link, so that things are sent again and asked for again. */
const LINK = { oneWayMs: 20, loss: 0.2 };

/** Datagrams of real sessions, and frames that no session of this version sends. The same seed makes the same. */
export function makeCorpus(seed: number): FuzzCorpus {
  const plain = sent(seed, 'none');
  const clear = plain.filter((bytes) => bytes[0] === CONTROL_FIRST_BYTE);
  const secured = (['psk', 'keys'] as const).flatMap((mode) => sent(seed, mode).filter(isMac1));
  return {
    clear: [...clearSeeds(), ...unlike(clear)],
    secured: [...securedSeeds(), ...unlike(secured), ...unlike(clear.flatMap(asOpened))],
    media: unlike(plain.filter((bytes) => (bytes[0] ?? 0) >= MEDIA_FIRST_BYTE_MIN)),
  };
}

/** What both ends of a session send: handshake, media and repair, an exchange, the end. */
function sent(seed: number, security: 'none' | 'psk' | 'keys'): readonly Uint8Array[] {
  const simulation = simulate({ seed, security, link: LINK });
  simulation.play(testFrames(20, 700), { intervalMs: 20 });
  const viewer = simulation.join({ streamName: 'door' });
  simulation.runUntil(() => viewer.streamingAfterMs !== undefined, 5000);
  const body = new Uint8Array(1500).fill(7);
  const ask = { kind: 'ask', call: 1, method: 'stats', body, rounds: true } as const;
  simulation.world.toViewer(viewer.host, { kind: 'exchange', input: ask });
  simulation.run(1000);
  answer(simulation);
  simulation.run(1000);
  viewer.close();
  simulation.run(3000);
  return simulation.events.flatMap((event) => (event.kind === 'sent' ? [event.bytes] : []));
}

/** The camera's application answers what it was asked. */
function answer(simulation: Simulation): void {
  for (const event of simulation.events) {
    if (event.kind !== 'told' || event.output.kind !== 'asked') continue;
    const { session, requestId, round } = event.output;
    const said = {
      kind: 'answer',
      requestId,
      round,
      status: { exchange: 0, method: 0 },
      body: Uint8Array.of(1),
    } as const;
    simulation.world.toCamera({ kind: 'exchange', session, input: said });
    return;
  }
}

function unlike(datagrams: readonly Uint8Array[]): readonly Uint8Array[] {
  const alike = new Map<string, number>();
  return datagrams.filter((bytes) => {
    const kind = `${bytes[0]} ${bytes[1]} ${bytes[headerOffset.type]} ${bytes[headerOffset.flags]} ${bytes.length >> 4}`;
    const media = bytes[0] !== CONTROL_FIRST_BYTE;
    const key = media ? `${(bytes[1] ?? 0) & 0x7f} ${bytes.length >> 5}` : kind;
    const seen = alike.get(key) ?? 0;
    alike.set(key, seen + 1);
    return seen < ALIKE_MAX;
  });
}

function isMac1(bytes: Uint8Array): boolean {
  const flags = bytes[headerOffset.flags] ?? 0;
  const type = bytes[headerOffset.type] ?? 0;
  return bytes[0] === CONTROL_FIRST_BYTE && (flags & FrameFlag.SECURED) !== 0 && type <= FrameType.RETRY;
}

/** A clear frame as a sealed one that was opened. */
function asOpened(bytes: Uint8Array): readonly Uint8Array[] {
  const decoded = decodeFrame(bytes);
  if (!decoded.ok || decoded.frame.type <= FrameType.RETRY || decoded.frame.type === FrameType.RESET) return [];
  const { SECURED } = FrameFlag;
  const trailer = { flags: SECURED, counterBytes: SEALED_COUNTER_BYTES, bytes: SECURED_TRAILER_BYTES };
  return [encodeFrame(decoded.frame, { ...trailer, complete: () => undefined })];
}
