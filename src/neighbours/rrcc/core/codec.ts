import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Envelope, EnvelopeSchema } from './rrcc_pb.ts';

/** The only version there is. */
export const RRCC_VERSION = 1;

/** Why an envelope is dropped. A closed set: each is a counter. */
export const envelopeFaults = ['undecodable', 'otherVersion', 'noExchange', 'noMessage', 'noBody'] as const;

/** See {@link envelopeFaults}. */
export type EnvelopeFault = (typeof envelopeFaults)[number];

/** What an envelope says besides its body. */
export interface EnvelopeHead {
  /** u64, never 0. */
  readonly exchangeId: bigint;
  /** Counts from 1 in each direction of an exchange. */
  readonly messageId: number;
  /** Leader: 1, 2, 3 …; follower: that of the message that it answers. */
  readonly attempt: number;
  /** 1 for the Request, 1 more for each ConfirmContinue. */
  readonly round: number;
}

/** A body, with only the fields that are not empty. */
export type EnvelopeBody = NonNullable<MessageInitShape<typeof EnvelopeSchema>['body']>;

/** An envelope that has a body. */
export type WholeEnvelope = Envelope & { readonly body: { readonly case: string } };

/** An envelope as bytes, its fields in ascending order. */
export function encodeEnvelope(head: EnvelopeHead, body: EnvelopeBody): Uint8Array {
  const { exchangeId, messageId, attempt, round } = head;
  return toBinary(
    EnvelopeSchema,
    create(EnvelopeSchema, { version: RRCC_VERSION, exchangeId, messageId: BigInt(messageId), attempt, round, body }),
  );
}

/** Bytes as an envelope: fields in any order, unknown ones ignored. */
export function decodeEnvelope(
  bytes: Uint8Array,
): { readonly ok: true; readonly envelope: WholeEnvelope } | { readonly ok: false; readonly reason: EnvelopeFault } {
  let envelope: Envelope;
  try {
    envelope = fromBinary(EnvelopeSchema, bytes, { readUnknownFields: false });
  } catch {
    return { ok: false, reason: 'undecodable' };
  }
  if (envelope.version !== RRCC_VERSION) return { ok: false, reason: 'otherVersion' };
  if (envelope.exchangeId === 0n) return { ok: false, reason: 'noExchange' };
  if (envelope.messageId === 0n) return { ok: false, reason: 'noMessage' };
  if (!hasBody(envelope)) return { ok: false, reason: 'noBody' };
  return { ok: true, envelope };
}

function hasBody(envelope: Envelope): envelope is WholeEnvelope {
  return envelope.body.case !== undefined;
}
