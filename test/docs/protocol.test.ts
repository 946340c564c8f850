import { describe, expect, it } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import {
  answererMachine,
  askerMachine,
  initiatorMachine,
  responderMachine,
  rtoMs,
  timerNames,
} from '../../machines/index.ts';
import { decodeFrame } from '../../src/codec/decode.ts';
import { decodeReasons } from '../../src/codec/decode-reason.ts';
import { endsWithMac1 } from '../../src/codec/decode-secured.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { type FrameRow, frameRow } from '../../src/codec/frame-table.ts';
import { tlvTable } from '../../src/codec/tlv.ts';
import { defaultAdmissionLimits } from '../../src/engine/admission.ts';
import { dropReasons } from '../../src/engine/counters.ts';
import { defaultInletOptions } from '../../src/engine/initiator-endpoint.ts';
import * as constants from '../../src/protocol/constants.ts';
import {
  ErrorCode,
  type ErrorCodeName,
  errorCodeHelp,
  isLocalOnly,
  isTransient,
} from '../../src/protocol/error-code.ts';
import { ExchangeFault, exchangeFaultHelp } from '../../src/protocol/exchange-fault.ts';
import { FrameType, type FrameTypeName, frameTypeName, TlvType } from '../../src/protocol/frame.ts';
import { invariants } from '../../src/protocol/invariants.ts';
import { type Profile, profiles } from '../../src/protocol/profiles.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { definedRows, definedStates } from '../support/machine-definition.ts';
import { fenced, figure, type Row, read, section, table } from './markdown.ts';

const text = read('docs/PROTOCOL.md');
const frameNames = Object.keys(FrameType) as FrameTypeName[];

const mediaModules = await Promise.all([
  import('../../src/media/byte-window.ts'),
  import('../../src/media/catch-up.ts'),
  import('../../src/media/datagram-size.ts'),
  import('../../src/media/decodable-chain.ts'),
  import('../../src/media/depacketizer.ts'),
  import('../../src/media/depacketizer-generic.ts'),
  import('../../src/media/generic-payload.ts'),
  import('../../src/media/media-sender.ts'),
  import('../../src/media/nack-plan.ts'),
  import('../../src/media/reorder.ts'),
  import('../../src/media/repair-queue.ts'),
  import('../../src/media/rtcp.ts'),
  import('../../src/media/rtp.ts'),
  import('../../src/media/sdp.ts'),
  import('../../src/media/stream-lane.ts'),
]);

/** As a table writes it: `10000` for 10,000 and for 0x2710. */
function plain(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function figuresOf(cell: string): string {
  return /^[\d,]*,\d{3}$|^0x|^\d+$/.test(cell) ? String(figure(cell)) : cell;
}

function rowOf(name: FrameTypeName): FrameRow {
  const row = frameRow(FrameType[name]);
  if (row === undefined) throw new Error(`${name} has no row`);
  return row;
}

/** Least and most bytes without unknown TLVs and with no more PADDING than needed. */
function bytesOf(row: FrameRow, overheadBytes = constants.CONTROL_BYTES_MIN): string {
  const tlvs = row.tlvs.filter(({ type }) => type !== TlvType.PADDING);
  const sum = (bytes: readonly number[]) => bytes.reduce((all, one) => all + 4 + one, overheadBytes);
  const least = sum(tlvs.filter(({ required }) => required).map(({ value }) => value.bytesMin));
  const most = sum(tlvs.map(({ value }) => value.bytesMax));
  const within = (bytes: number) => Math.min(Math.max(bytes, row.bytesMin), row.bytesMax);
  const [from, to] = [within(least), within(most)];
  return from === to ? `${from}` : `${from}..${to}`;
}

const tlvNames = new Map<number, string>(Object.entries(TlvType).map(([name, type]) => [type, name]));

describe('PROTOCOL: the frames', () => {
  it('the table is that of the codec', () => {
    const words = { zero: '0', nonZero: 'not 0', any: 'any' } as const;
    const expected = frameNames.map((name) => {
      const row = rowOf(name);
      const tlvs = row.tlvs.map(({ type, required }) => `${tlvNames.get(type)}${required ? '' : '?'}`);
      return [
        name,
        String(FrameType[name]),
        row.flags.map((flags) => `0x${flags.toString(16).padStart(2, '0')}`).join(', '),
        words[row.sessionTag],
        words[row.attempt],
        tlvs.length === 0 ? 'none' : tlvs.join(', '),
        bytesOf(row),
      ];
    });
    expect(table(text, 'Which frame has what', 'frame', 'type')).toEqual(expected);
  });

  it('secured frames have the trailers and sizes of the codec', () => {
    const rows = table(text, 'How secured frames end', 'frame', 'trailer');
    expect(rows.map(([name]) => name)).toEqual(frameNames);
    for (const [name = '', trailer, tlvs, bytes] of rows) {
      const type = FrameType[name as FrameTypeName];
      const expected = type === FrameType.RESET ? 'CRC-32' : endsWithMac1(type) ? 'MAC1' : 'sealed';
      expect(trailer, name).toBe(expected);
      if (tlvs !== 'as section 2.3') continue;
      const overhead = { 'CRC-32': 28, MAC1: 40, sealed: 48 }[expected];
      expect(bytes, name).toBe(bytesOf(rowOf(name as FrameTypeName), overhead));
    }
  });

  it('the TLVs have the numbers and sizes of the codec', () => {
    const values = new Map(Object.values(tlvTable).map(({ type, value }) => [type, value]));
    const rows = table(text, 'TLVs', 'TLV', 'type', 'bytes');
    expect(rows.map(([name]) => name)).toEqual(Object.keys(TlvType));
    for (const [name = '', type = '', bytes = ''] of rows) {
      expect(figure(type), name).toBe(TlvType[name as keyof typeof TlvType]);
      const value = values.get(figure(type));
      const [least, most = least] = bytes.split('..').map(figure);
      if (value === undefined) expect(bytes).toBe('-');
      else expect([least, most], name).toEqual([value.bytesMin, value.bytesMax]);
    }
  });

  it('the decode reasons stand in the order of the checks', () => {
    const rows = table(text, 'Decode rules, in their order', 'order', 'reason');
    expect(rows.map(([order = '', reason]) => [figure(order), reason])).toEqual(
      decodeReasons.map((reason, index) => [index + 1, reason]),
    );
  });

  it('every frame has an example that decodes to it and back', () => {
    const examples = fenced(text).filter(({ language }) => language === 'hex');
    const types = examples.map(({ text: hex }) => {
      const bytes = fromHex(hex);
      const decoded = decodeFrame(bytes);
      if (!decoded.ok) throw new Error(`${decoded.reason} at ${decoded.offset}: ${hex}`);
      expect(toHex(encodeFrame(decoded.frame))).toBe(toHex(bytes));
      return frameTypeName(decoded.frame.type);
    });
    expect(types).toEqual(frameNames);
  });

  it('every example stands under the heading of its frame, and says its size', () => {
    for (const [, name = '', bytes = '', hex = ''] of text.matchAll(
      /^#### ([A-Z_]+)\n.*?(\d+) bytes\.\n\n```hex\n(.*?)```/gms,
    )) {
      expect(frameTypeName(fromHex(hex)[2] ?? 0)).toBe(name);
      expect(fromHex(hex).length).toBe(Number(bytes));
    }
  });
});

describe('PROTOCOL: figures', () => {
  it('every constant of the protocol is in the table, with its value', () => {
    const rows = table(text, 'Numbers that both ends share', 'name', 'value');
    const written = Object.fromEntries(rows.map(([name = '', value = '']) => [name, figuresOf(value)]));
    const expected = Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, plain(value)]));
    expect(written).toEqual(expected);
  });

  it('the numbers of media are those of the code', () => {
    const known = new Map<string, unknown>(mediaModules.flatMap((module) => Object.entries(module)));
    for (const [name = '', value = ''] of table(text, 'Media numbers', 'name', 'value')) {
      expect(figuresOf(value), name).toBe(plain(known.get(name)));
    }
  });

  it('the profiles are those of the code', () => {
    const names = Object.keys(profiles) as (keyof typeof profiles)[];
    const rows = table(text, 'Timers', 'figure', ...names.map((name) => `\`${name}\``));
    expect(rows.map(([field]) => field)).toEqual(Object.keys(profiles.default));
    for (const [field = '', ...cells] of rows) {
      const values = names.map((name) => profiles[name][field as keyof Profile]);
      expect(cells.slice(0, names.length).map(figure), field).toEqual(values);
    }
  });

  it('every timer is listed, and constants that the list names exist', () => {
    const rows = table(text, 'Timers', 'timer', 'length');
    expect(rows.map(([timer]) => timer)).toEqual([...timerNames]);
    const named = section(text, 'Timers').matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g);
    const known = new Set(['START_CONFIRM', 'START_ACK', ...Object.keys(constants)]);
    expect([...named].map(([name]) => name).filter((name) => !known.has(name))).toEqual([]);
  });

  it('twelve STARTs go out in the first second of the default profile', () => {
    let [atMs, sends] = [0, 0];
    while (atMs < 1000) atMs += rtoMs(profiles.default, ++sends);
    const bytes = (sends * constants.START_BYTES).toLocaleString('en-US');
    expect(section(text, 'Timers')).toContain(`At most ${sends} STARTs = ${bytes} bytes`);
  });

  it('admission and play-out are as they are', () => {
    const { prefixRate, prefixRateUnderLoad, pendingPerPrefixSoft, pendingPerPrefixMax, pendingMax, load } =
      defaultAdmissionLimits;
    const admission = section(text, 'Admission');
    expect(admission).toContain(`${prefixRate.perSecond} a second, ${prefixRate.burst} at once`);
    expect(admission).toContain(
      `under load ${prefixRateUnderLoad.perSecond} a second, ${prefixRateUnderLoad.burst} at once`,
    );
    expect(admission).toContain(`fewer than ${pendingPerPrefixSoft} half-open`);
    expect(admission).toContain(`from ${load.pending} half-open`);
    expect(admission).toContain(`more than ${load.startsPerSecond} STARTs`);
    expect(admission).toContain(`comes more than ${load.lateMs} ms late`);
    expect(admission).toContain(`fewer than ${pendingPerPrefixMax} half-open`);
    expect(admission).toContain(`fewer than ${pendingMax.toLocaleString('en-US')} half-open`);
    expect(admission).toContain(`fewer than ${constants.CANDIDATES_PER_TUPLE_MAX} candidates, or one`);
    const { latencyMs, firstGroupMs } = defaultInletOptions;
    expect(section(text, 'Play-out')).toContain(`${latencyMs} ms after it was noticed`);
    expect(section(text, 'Play-out')).toContain(`${firstGroupMs / 1000} s after Streaming began`);
  });

  it('only reasons that exist are named as counters', () => {
    const rows = table(text, 'Admission', 'step', 'if not', 'counted as');
    const known: ReadonlySet<string> = new Set(dropReasons);
    const named = rows.map((cells) => cells[2]?.split(' ')[0] ?? '').filter((word) => word !== 'the');
    expect(named.filter((word) => !known.has(word))).toEqual([]);
  });
});

describe('PROTOCOL: error codes and invariants', () => {
  it('the error codes are those of the code', () => {
    const rows = table(text, 'Error codes', 'code', 'name', 'means');
    const handling = (code: number) =>
      isLocalOnly(code) ? 'never on the wire' : isTransient(code) ? 'waits' : 'ends it';
    const expected = (Object.entries(ErrorCode) as [ErrorCodeName, number][]).map(([name, code]) => [
      String(code),
      name,
      errorCodeHelp[name].means,
      handling(code),
    ]);
    expect(rows.map(([code, name, means, , atStart]) => [code, name, means, atStart])).toEqual(expected);
  });

  it('the faults of an exchange are those of the code', () => {
    const rows = table(text, 'Faults of an exchange', 'code', 'name', 'means');
    const expected = (Object.entries(ExchangeFault) as [keyof typeof ExchangeFault, number][]).map(([name, code]) => [
      String(code),
      name,
      exchangeFaultHelp[name].means,
    ]);
    expect(rows.map(([code, name, means]) => [code, name, means])).toEqual(expected);
  });

  it('the invariants are those of the code', () => {
    expect(table(text, 'Invariants', 'id', 'promise')).toEqual(Object.entries(invariants));
  });
});

/** A machine's rows as the document writes them. */
function machineRows(machine: AnyStateMachine): Row[] {
  const rows = definedRows(machine);
  let last = '';
  return rows.map(({ from, event, guard, to, actions }) => {
    const shown = from === last ? '' : from;
    last = from;
    const rivals = rows.filter((row) => row.from === from && row.event === event).length > 1;
    return [shown, event, guard ?? (rivals ? 'else' : ''), actions.join(', ') || '-', to === from ? 'same' : to];
  });
}

/** Names of the conditions or actions of both machines, and which role has them. */
function roles(kind: 'guards' | 'actions'): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of Object.keys(initiatorMachine.implementations[kind])) names.set(name, 'initiator');
  for (const name of Object.keys(responderMachine.implementations[kind])) {
    names.set(name, names.has(name) ? 'both' : 'responder');
  }
  return names;
}

describe('PROTOCOL: the machines', () => {
  it.each([
    ['Initiator', initiatorMachine],
    ['Responder', responderMachine],
    ['The side that asks', askerMachine],
    ['The side that answers', answererMachine],
  ] as const)('the table of the %s is its definition', (heading, machine) => {
    expect(table(text, heading, 'in', 'on', 'if', 'does', 'goes to')).toEqual(machineRows(machine));
    expect(definedStates(machine)).toContain('Closed');
  });

  it('the conditions of an exchange are explained', () => {
    const rows = table(text, 'The side that answers', 'condition', 'side');
    const names = [askerMachine, answererMachine].flatMap(({ implementations }) => Object.keys(implementations.guards));
    expect(rows.map(([name]) => name)).toEqual(names);
  });

  it.each([
    ['What the conditions mean', 'condition', 'guards'],
    ['What the actions do', 'action', 'actions'],
  ] as const)('"%s" explains all of them', (heading, head, kind) => {
    const rows = table(text, heading, head, 'role');
    expect(new Map(rows.map(([name = '', role = '']) => [name, role]))).toEqual(roles(kind));
    expect(rows.filter((cells) => (cells[2] ?? '').length < 3)).toEqual([]);
  });
});
