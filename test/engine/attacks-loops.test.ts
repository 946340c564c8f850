import { describe, expect, it } from 'vitest';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { InitiatorOutput, Peer, ResponderInput } from '../../src/engine/io-types.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { securedEnds } from '../../src/sim/simulated-security.ts';
import { cameraPeer } from '../../src/sim/world.ts';
import { AnswerLedger } from '../support/answer-ledger.ts';
import { type AttackMode, AttackWorld, attackModes } from '../support/attack-world.ts';
import { testStream } from '../support/camera-application.ts';
import { forgeableTypes, startBytes } from '../support/frames.ts';
import { otherVersionStart } from '../support/raw-peer.ts';

const [alpha, beta]: readonly [Peer, Peer] = [cameraPeer, { address: '10.0.0.2', port: 4444 }];
/** So many datagrams on their way are a loop. */
const LOOP = 1000;

interface Flight {
  readonly from: Peer;
  readonly to: Peer;
  readonly bytes: Uint8Array;
}

/** Cameras that hear one another: whatever one sends to the other's address arrives there, at once. */
class Cameras {
  readonly ledgers: ReadonlyMap<string, AnswerLedger>;
  readonly #cameras: ReadonlyMap<string, ResponderEndpoint>;
  readonly #flights: Flight[] = [];
  readonly #stream = testStream();
  sent = 0;
  nowMs = 0;

  constructor(mode: AttackMode, peers: readonly Peer[]) {
    const security = mode === 'none' ? {} : securedEnds(mode, 1).camera;
    const made = (n: number) => new ResponderEndpoint({ profile: profiles.default, entropy: new Prng(n), ...security });
    // The worst case: both have the same keys.
    this.#cameras = new Map(peers.map(({ address }, n) => [address, made(n)]));
    this.ledgers = new Map(peers.map(({ address }) => [address, new AnswerLedger()]));
  }

  /** A datagram reaches `to` in the name of `from`. @returns how many datagrams that makes until it is quiet. */
  strike(from: Peer, to: Peer, bytes: Uint8Array): number {
    const before = this.sent;
    this.#flights.push({ from, to, bytes });
    for (let flight = this.#flights.shift(); flight !== undefined; flight = this.#flights.shift()) {
      this.ledgers.get(flight.to.address)?.received(flight.from, flight.bytes.length);
      this.#give(flight.to, { kind: 'datagram', bytes: flight.bytes, from: flight.from });
      if (this.sent - before > LOOP) break;
    }
    return this.sent - before;
  }

  /** Lets time pass at all of them. @returns how many datagrams that makes. */
  run(forMs: number): number {
    const before = this.sent;
    const untilMs = this.nowMs + forMs;
    for (; this.nowMs < untilMs; this.nowMs += 100) {
      for (const [address, camera] of this.#cameras) {
        if (camera.deadlineMs() <= this.nowMs) this.#give({ address, port: 4444 }, { kind: 'timeout' });
      }
    }
    return this.sent - before;
  }

  #give(at: Peer, input: ResponderInput): void {
    for (const output of this.#cameras.get(at.address)?.step(input, this.nowMs) ?? []) {
      if (output.kind === 'reserve') {
        this.#give(at, { kind: 'reserved', session: output.session, feed: this.#stream.feed, sdp: 'v=0' });
      } else if (output.kind === 'send' || output.kind === 'media') {
        this.sent++;
        this.ledgers.get(at.address)?.sent(output.to, output.bytes.length);
        this.#flights.push({ from: at, to: output.to, bytes: output.bytes.slice() });
      }
    }
  }
}

describe.each(attackModes)('mode %s: a loop', (mode) => {
  it.each([
    { name: 'between two cameras', peers: [alpha, beta], from: beta },
    { name: 'of a camera with itself', peers: [alpha], from: alpha },
  ])(
    '$name does not come about, whatever begins it: one answer at most, and none to that (S12, S2)',
    ({ peers, from }) => {
      const attacker = new AttackWorld({ mode });
      const cameras = new Cameras(mode, peers);
      let answered = 0;
      for (const type of forgeableTypes) {
        for (let round = 0; round < 5; round++) {
          const ids = { streamId: attacker.guess(), sessionTag: attacker.guess() };
          const sent = cameras.strike(from, alpha, attacker.forged(type, ids));
          expect([type, sent <= 1]).toEqual([type, true]);
          answered += sent;
        }
      }
      for (const bytes of [otherVersionStart(5n), startBytes(6n, 1, { versions: [2] }), attacker.strangersStart()]) {
        const sent = cameras.strike(from, alpha, bytes);
        expect(sent).toBeLessThanOrEqual(1);
        answered += sent;
      }
      // Sealed frames of unknown ids are told RESET in every mode.
      expect(answered).toBeGreaterThan(0);
      expect(cameras.run(60_000), 'later').toBe(0);
      for (const ledger of cameras.ledgers.values()) ledger.expectHeld();
    },
  );

  it('of a viewer whose every datagram comes back to it ends like silence, with not one datagram more', () => {
    const silent = viewerThatHears(mode, false);
    expect(viewerThatHears(mode, true)).toEqual(silent);
    expect(silent.code).toBe(ErrorCode.HANDSHAKE_TIMEOUT);
    expect(silent.sent).toBeGreaterThan(20);
  });

  it('of a live session whose address sends back whatever it gets has as many datagrams as a session, and no more', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const { peer } = viewer.host;
    attacked.simulation.world.crash(viewer.number);
    let seen = attacked.simulation.events.length;
    let control = 0;
    for (let ms = 0; ms < 30_000; ms += 50) {
      const sent = attacked.sentSince(seen).filter(({ to }) => to.port === peer.port);
      seen = attacked.simulation.events.length;
      for (const { bytes, plane } of sent) {
        if (plane === 'control') control++;
        attacked.simulation.world.inject(peer, bytes);
      }
      attacked.simulation.run(50);
    }
    // At most a PING each 250 ms, and of each one PONG.
    expect(control).toBeLessThanOrEqual(2 * 30 * 4);
    // In mode none what comes back is a PING, and its PONG has the nonce that it must have: whoever holds the address is asked and answers.
    const ended = attacked.told('closed').map(({ code }) => code);
    expect(ended).toEqual(mode === 'none' ? [] : [ErrorCode.PEER_DEAD]);
  });
});

/** What a viewer sends, and how it ends, where nobody answers; whether its own datagrams come back or not. */
function viewerThatHears(
  mode: AttackMode,
  itself: boolean,
): { readonly sent: number; readonly code: number | undefined } {
  const security = mode === 'none' ? {} : securedEnds(mode, 1).viewer;
  const viewer = new InitiatorEndpoint({
    profile: profiles.default,
    entropy: new Prng(7),
    peer: cameraPeer,
    ...security,
    trace: false,
  });
  let [sent, nowMs] = [0, 0];
  let code: number | undefined;
  const take = (outputs: readonly InitiatorOutput[]): void => {
    for (const output of outputs) {
      if (output.kind === 'closed') code = output.code;
      if (output.kind !== 'send' || ++sent > LOOP) continue;
      if (itself) take(viewer.step({ kind: 'datagram', bytes: output.bytes, from: cameraPeer }, nowMs));
    }
  };
  take(viewer.step({ kind: 'start' }, 0));
  for (; nowMs < 20_000; nowMs++) if (viewer.deadlineMs() <= nowMs) take(viewer.step({ kind: 'timeout' }, nowMs));
  return { sent, code };
}
