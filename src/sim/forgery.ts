import { crc32 } from '../codec/crc.ts';
import { encodeFrame } from '../codec/encode.ts';
import { headerOffset } from '../codec/header.ts';
import type { Peer } from '../engine/io-types.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../media/rtp.ts';
import { CONTROL_FIRST_BYTE, PROTOCOL_VERSION } from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { type Frame, FrameFlag, FrameType } from '../protocol/frame.ts';
import type { ForgeryKind } from './fault-plan.ts';
import type { Prng } from './prng.ts';
import type { Viewer } from './viewer.ts';
import { cameraPeer, type World } from './world.ts';
import type { TappedDatagram, WorldEvent } from './world-event.ts';

/** Datagrams that are kept to be sent again. */
const KEPT = 64;
/** Where strangers sit. */
const STRANGER: Peer = { address: '10.9.0.1', port: 1000 };

/**
 * A host that sees what it is sent and guesses the rest: it can send from any address, knows no ids of a session that it was not
 * told, and may send again what once went by. Whoever sees all traffic can end every session of this version
 * (docs/PROTOCOL.md, section 7), so it does not make frames with both right ids.
 */
export class Forger {
  readonly #prng: Prng;
  readonly #kept: TappedDatagram[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** Keeps some of the control frames that endpoints send. */
  see(event: WorldEvent): void {
    if (event.kind !== 'sent' || event.plane !== 'control') return;
    if (this.#kept.length < KEPT) this.#kept.push(event);
    else this.#kept[event.id % KEPT] = event;
  }

  /** One datagram, to the camera or to the viewer. */
  strike(world: World, viewer: Viewer, what: ForgeryKind): void {
    const prng = this.#prng;
    const fromViewer = prng.chance(0.5);
    switch (what) {
      case 'noise':
        return this.#aim(world, viewer, noise(prng));
      case 'frame':
        return this.#aim(world, viewer, strangeFrame(prng));
      case 'start':
        return world.inject(
          fromViewer ? viewer.peer : STRANGER,
          prng.chance(0.7) ? start(prng, someId(prng)) : shortStart(prng),
        );
      case 'altered':
        return this.#alter(world, viewer);
      case 'media':
        return this.#aim(world, viewer, media(prng));
      case 'replay':
      case 'stolen':
        return this.#again(world, what === 'stolen');
    }
  }

  /** A START from each of so many strangers. */
  flood(world: World, count: number): void {
    for (let i = 0; i < count; i++) {
      const from = { address: `10.8.${this.#prng.below(4)}.${this.#prng.below(8)}`, port: 1000 + i };
      world.inject(from, start(this.#prng, someId(this.#prng)));
    }
  }

  #aim(world: World, viewer: Viewer, bytes: Uint8Array): void {
    if (this.#prng.chance(0.5)) world.inject(this.#prng.chance(0.5) ? viewer.peer : STRANGER, bytes);
    else world.injectToViewer(viewer, bytes, this.#prng.chance(0.8) ? cameraPeer : STRANGER);
  }

  /** The StreamId of a live session, with a guess at the tag. */
  #alter(world: World, viewer: Viewer): void {
    const prng = this.#prng;
    const { state, streamId } = viewer.endpoint;
    if (state !== 'Streaming') return this.#aim(world, viewer, strangeFrame(prng));
    const frame = strangeFrame(prng, streamId);
    if (prng.chance(0.5)) world.injectToViewer(viewer, frame);
    else world.inject(viewer.peer, prng.chance(0.5) ? frame : start(prng, streamId));
  }

  #again(world: World, stolen: boolean): void {
    const old = this.#kept[this.#prng.below(Math.max(1, this.#kept.length))];
    if (old === undefined) return;
    if (old.from !== cameraPeer) return world.inject(stolen ? STRANGER : old.from, old.bytes);
    const viewer = world.viewers.find(({ peer }) => peer.address === old.to.address && peer.port === old.to.port);
    if (viewer !== undefined) world.injectToViewer(viewer, old.bytes, stolen ? STRANGER : cameraPeer);
  }
}

function someId(prng: Prng): bigint {
  return (BigInt(prng.u32()) << 32n) | BigInt((prng.u32() | 1) >>> 0);
}

function noise(prng: Prng): Uint8Array {
  const bytes = new Uint8Array(prng.below(300));
  prng.fill(bytes);
  if (bytes.length > 0 && prng.chance(0.7)) bytes[0] = CONTROL_FIRST_BYTE;
  return bytes;
}

function media(prng: Prng): Uint8Array {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + prng.below(200));
  writeRtpHeader(bytes, {
    marker: false,
    payloadType: 97,
    sequence: prng.below(65_536),
    timestamp: 0,
    ssrc: prng.u32(),
  });
  return bytes;
}

function start(prng: Prng, streamId: bigint): Uint8Array {
  return encodeFrame({
    type: FrameType.START,
    flags: FrameFlag.ACK_REQUIRED,
    streamId,
    sessionTag: 0n,
    attempt: 1 + prng.below(5),
    versions: [prng.chance(0.9) ? PROTOCOL_VERSION : 9],
  });
}

/** The smallest datagram that looks like a START of another version: what answers it is larger. */
function shortStart(prng: Prng): Uint8Array {
  const ids = { flags: 0, streamId: someId(prng), sessionTag: 1n, attempt: 0 };
  const bytes = encodeFrame({ ...ids, type: FrameType.BYE_ACK });
  bytes[headerOffset.type] = FrameType.START;
  bytes[headerOffset.version] = PROTOCOL_VERSION + 1;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(bytes.length - 4, crc32(bytes, bytes.length - 4));
  return bytes;
}

/** A well-formed frame with ids that no session has; with a StreamId that one has, it proves nothing else. */
function strangeFrame(prng: Prng, streamId = someId(prng)): Uint8Array {
  const ids = { flags: 0, streamId, sessionTag: someId(prng), attempt: 0 };
  const nonce = someId(prng);
  const token = new Uint8Array(20);
  prng.fill(token);
  const frames: readonly Frame[] = [
    {
      ...ids,
      type: FrameType.START_ACK,
      flags: FrameFlag.ACK_REQUIRED,
      attempt: 1,
      resetToken: token.subarray(4),
      ssrc: 1,
    },
    { ...ids, type: FrameType.START_CONFIRM },
    { ...ids, type: FrameType.ERROR, sessionTag: 0n, attempt: 1, errorCode: ErrorCode.POLICY },
    { ...ids, type: FrameType.RETRY, sessionTag: 0n, attempt: 1, cookie: token },
    { ...ids, type: FrameType.READY },
    { ...ids, type: FrameType.PING, nonce },
    { ...ids, type: FrameType.PONG, nonce, datagramBytesMax: 1200 },
    { ...ids, type: FrameType.BYE, errorCode: ErrorCode.SHUTDOWN },
    { ...ids, type: FrameType.BYE_ACK },
    { ...ids, type: FrameType.RESET, resetToken: token.subarray(4), errorCode: ErrorCode.NO_SESSION },
    { ...ids, type: FrameType.PATH_CHALLENGE, nonce },
    { ...ids, type: FrameType.PATH_RESPONSE, nonce },
    { ...ids, type: FrameType.TOKEN, token },
  ];
  const frame = frames[prng.below(frames.length)];
  const bytes = frame === undefined ? new Uint8Array(0) : encodeFrame(frame);
  return prng.chance(0.1) ? bytes.slice(0, prng.below(bytes.length + 1)) : bytes;
}
