import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LengthPrefixReader, withPrefix } from '../../src/neighbours/core/framing.ts';
import {
  decodeEnvelope,
  type EnvelopeBody,
  type EnvelopeHead,
  encodeEnvelope,
} from '../../src/neighbours/rrcc/core/codec.ts';
import { ConfirmState, Status } from '../../src/neighbours/rrcc/core/rrcc_pb.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { bytesOf } from '../support/heard.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { rrccExamples } from './vectors/rrcc-examples.ts';

const json = 'application/json';
const head = (messageId: number, round: number, attempt = 1): EnvelopeHead => ({
  exchangeId: 300n,
  messageId,
  attempt,
  round,
});
const request: EnvelopeBody = {
  case: 'request',
  value: { method: 'plan', params: bytesOf('{"x":1}'), contentType: json, deadlineMs: 5000 },
};

const said: Readonly<Record<keyof typeof rrccExamples, readonly [EnvelopeHead, EnvelopeBody]>> = {
  request: [head(1, 1), request],
  requestAgain: [head(1, 1, 2), request],
  confirm: [head(1, 1), { case: 'confirm', value: { confirms: 1n, state: ConfirmState.ACCEPTED } }],
  response: [
    head(2, 1),
    { case: 'response', value: { inReplyTo: 1n, status: Status.OK, result: bytesOf('{"y":2}'), contentType: json } },
  ],
  continue: [
    head(2, 2),
    { case: 'confirmContinue', value: { continue: true, params: bytesOf('{"x":2}'), contentType: json } },
  ],
  stop: [head(3, 3), { case: 'confirmContinue', value: {} }],
  failed: [head(2, 1), { case: 'response', value: { inReplyTo: 1n, status: Status.FAILED, error: 'boom' } }],
};

const names = Object.keys(rrccExamples) as (keyof typeof rrccExamples)[];

/** The message of an example, without its prefix. */
function messageOf(name: keyof typeof rrccExamples): Uint8Array {
  const messages: Uint8Array[] = [];
  new LengthPrefixReader().read(fromHex(rrccExamples[name]), (message) => messages.push(message) > 0);
  return messages[0] ?? new Uint8Array();
}

describe('the bytes of RRCC', () => {
  it.each(names)('%s is encoded byte for byte as in the example, with its length before it', (name) => {
    expect(toHex(withPrefix(encodeEnvelope(...said[name])))).toBe(rrccExamples[name]);
  });

  it.each(names)('%s is decoded, and encoded to the same bytes', (name) => {
    const decoded = decodeEnvelope(messageOf(name));
    if (!decoded.ok) throw new Error(decoded.reason);
    const { exchangeId, messageId, attempt, round, body } = decoded.envelope;
    expect({ exchangeId, messageId: Number(messageId), attempt, round }).toEqual(said[name][0]);
    expect(toHex(encodeEnvelope({ exchangeId, messageId: Number(messageId), attempt, round }, body))).toBe(
      toHex(messageOf(name)),
    );
  });

  it('are understood with the fields in another order, with unknown fields and with unknown values', () => {
    // round 1, attempt 1, field 99 = 7, body Confirm {state 9, field 15 = "zz", confirms 1}, message 1, exchange 300, version 1
    const decoded = decodeEnvelope(
      fromHex('28012001980607' + '5a08' + '1009' + '7a027a7a' + '0801' + '180110ac020801'),
    );
    if (!decoded.ok) throw new Error(decoded.reason);
    const { envelope } = decoded;
    expect([envelope.exchangeId, envelope.messageId, envelope.round, envelope.body.case]).toEqual([
      300n,
      1n,
      1,
      'confirm',
    ]);
    expect(envelope.body.value).toMatchObject({ confirms: 1n, state: 9 });
  });

  it.each([
    ['no body', '080110ac02180120012801', 'noBody'],
    ['version 2', '080210ac02180120012801' + '5a0408011001', 'otherVersion'],
    ['no version', '10ac02180120012801' + '5a0408011001', 'otherVersion'],
    ['exchange 0', '0801180120012801' + '5a0408011001', 'noExchange'],
    ['message 0', '080110ac0220012801' + '5a0408011001', 'noMessage'],
    ['an inner length beyond the end', '080110ac02180120012801' + '5a7f08011001', 'undecodable'],
    ['a varint without end', 'ffffffffffffffffffffff', 'undecodable'],
    ['a text that is not UTF-8', '080110ac02180120012801' + '52040a02fffe', 'undecodable'],
  ])('with %s are dropped for their reason', (_, hex, reason) => {
    expect(decodeEnvelope(fromHex(hex))).toEqual({ ok: false, reason });
  });

  it('that are random, or damaged, are decoded or refused, never more', () => {
    const seed = seedFromEnv('neighbours/rrcc-codec');
    const damaged = fc
      .tuple(fc.constantFrom(...names), fc.nat(200), fc.nat(255))
      .map(([name, place, value]) => messageOf(name).map((byte, index) => (index === place ? value : byte)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged), (bytes) => {
        const decoded = decodeEnvelope(bytes);
        if (!decoded.ok) return;
        expect(decoded.envelope.exchangeId > 0n && decoded.envelope.messageId > 0n).toBe(true);
      }),
      { seed, numRuns: 2000 },
    );
  });
});
