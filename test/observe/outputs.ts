import type { InitiatorOutput, Peer, ResponderOutput, TraceOutput } from '../../src/engine/io-types.ts';
import { type Frame, FrameType } from '../../src/protocol/frame.ts';

/** An endpoint's output of either role. */
export type Output = InitiatorOutput | ResponderOutput;

export const camera: Peer = { address: '127.0.0.1', port: 4444 };
export const viewer: Peer = { address: '::1', port: 50_123 };

export const STREAM_ID = 0x0123_4567_89ab_cdefn;

/** What must never be seen outside: each recognisable in hex and base64. */
export const secrets = {
  sessionTag: 0xfeed_face_cafe_beefn,
  cookie: Uint8Array.from({ length: 20 }, (_, i) => 0xa0 + i),
  token: Uint8Array.from({ length: 52 }, (_, i) => 0x40 + i),
  resetToken: Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i),
} as const;

const ids = { flags: 0, streamId: STREAM_ID, sessionTag: secrets.sessionTag, attempt: 0 };

/** A frame of every type that carries a secret or a code, and some others. */
export const frames: readonly Frame[] = [
  {
    ...ids,
    type: FrameType.START,
    sessionTag: 0n,
    attempt: 3,
    versions: [1],
    cookie: secrets.cookie,
    token: secrets.token,
    streamName: 'door',
  },
  { ...ids, type: FrameType.START_ACK, attempt: 3, resetToken: secrets.resetToken, ssrc: 7 },
  { ...ids, type: FrameType.START_CONFIRM },
  { ...ids, type: FrameType.RETRY, sessionTag: 0n, attempt: 3, cookie: secrets.cookie },
  { ...ids, type: FrameType.READY, sdp: 'v=0' },
  { ...ids, type: FrameType.ERROR, errorCode: 6, reason: 'four viewers' },
  { ...ids, type: FrameType.RESET, resetToken: secrets.resetToken, errorCode: 9 },
  { ...ids, type: FrameType.BYE, errorCode: 0x90 },
  { ...ids, type: FrameType.TOKEN, token: secrets.token },
];

/** A frame's trace. */
export function traced(
  frame: Frame,
  direction: 'sent' | 'received' = 'sent',
  bytes = 256,
  peer: Peer = camera,
): TraceOutput {
  return { kind: 'traceFrame', direction, frame, bytes, peer };
}

/** The frame of {@link frames} of a type, with another attempt. */
export function frameOf(type: keyof typeof FrameType, attempt?: number): Frame {
  const frame = frames.find((one) => one.type === FrameType[type]);
  if (frame === undefined) throw new Error(`no ${type} among the samples`);
  return attempt === undefined ? frame : { ...frame, attempt };
}

export const transition: TraceOutput = {
  kind: 'traceTransition',
  role: 'initiator',
  session: 1,
  streamId: STREAM_ID,
  peer: camera,
  event: 'frame.START_ACK',
  from: 'AwaitingStartAck',
  to: 'AwaitingStartConfirm',
};

export const drop: TraceOutput = { kind: 'traceDrop', reason: 'crc', peer: viewer, bytes: 99 };

/** A session's end. */
export function closed(code: number, reason?: string): Output {
  const session = { session: 1, peer: camera, streamId: STREAM_ID };
  return {
    kind: 'closed',
    ...session,
    code,
    wasStreaming: true,
    attempts: 3,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** All spellings in which the secrets could leak. */
export function secretSpellings(): readonly string[] {
  const tag = new Uint8Array(8);
  new DataView(tag.buffer).setBigUint64(0, secrets.sessionTag);
  const all = [secrets.cookie, secrets.token, secrets.resetToken, tag];
  return [
    secrets.sessionTag.toString(),
    ...all.flatMap((bytes) => {
      const buffer = Buffer.from(bytes);
      return [
        buffer.toString('hex'),
        buffer.toString('base64').replaceAll('=', ''),
        buffer.toString('base64url'),
        JSON.stringify([...bytes]).slice(1, -1),
        // As pino would print a Uint8Array that slipped in.
        `"0":${bytes[0]},"1":${bytes[1]}`,
      ];
    }),
  ];
}
