import { describe, expect, it } from 'vitest';
import { LengthPrefixReader, withPrefix } from '../../src/neighbours/core/framing.ts';
import { decodeBody, encodeBody } from '../../src/neighbours/procvision/core/codec.ts';
import { errorCodeText, meaningsOf } from '../../src/neighbours/procvision/core/error-codes.ts';
import {
  checkAlgorithmHello,
  checkAnswer,
  checkResultData,
  checkRunnerHello,
} from '../../src/neighbours/procvision/core/messages.ts';
import { decodeNpy, encodeNpy, swapRedAndBlue } from '../../src/neighbours/procvision/core/npy.ts';
import { PpmReader } from '../../src/neighbours/procvision/core/ppm.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { bytesOf } from '../support/heard.ts';
import { procvisionVectors } from '../support/procvision-vectors.ts';

const frames = procvisionVectors.filter(({ kind }) => kind === 'frame');
const rectangle = { x: 1, y: 2, width: 3, height: 4 };

/** Compact bytes of what is said; the reference adapter puts a blank after commas and colons. */
const spaced = (text: string): string => JSON.stringify(JSON.parse(text));

function messagesOf(bytes: Uint8Array): { bodies: Uint8Array[]; fault: string | undefined } {
  const bodies: Uint8Array[] = [];
  const fault = new LengthPrefixReader().read(bytes, (body) => {
    bodies.push(body);
    return true;
  });
  return { bodies, fault };
}

describe('ProcVision frames', () => {
  it.each(frames.map((vector) => [vector.name, vector] as const))('%s is read as recorded', (_, { hex, fields }) => {
    const { bodies, fault } = messagesOf(fromHex(hex));
    expect(fault).toBeUndefined();
    expect(bodies.map((body) => decodeBody(body))).toEqual([{ ok: true, body: fields, notJson: false }]);
  });

  it.each(
    frames.filter(({ direction }) => direction === 'runner->adapter').map((vector) => [vector.name, vector] as const),
  )('%s is written with the recorded bytes', (_, { hex, fields = {} }) => {
    expect(toHex(withPrefix(encodeBody(fields)))).toBe(hex);
  });

  it.each(
    frames.filter(({ direction }) => direction === 'adapter->runner').map((vector) => [vector.name, vector] as const),
  )('%s is written with the recorded text but for blanks, which mean nothing', (_, { json = '', fields = {} }) => {
    expect(new TextDecoder().decode(encodeBody(fields))).toBe(spaced(json));
  });

  it.each([
    ['length-zero', 'empty'],
    ['length-ffffffff', 'tooLong'],
  ])('%s is refused at its header', (name, fault) => {
    const vector = procvisionVectors.find((one) => one.name === name);
    expect(messagesOf(fromHex(vector?.hex ?? ''))).toEqual({ bodies: [], fault });
  });

  it.each([
    ['bad-json', 'badJson'],
    ['json-array', 'notAnObject'],
    ['bad-utf8', 'badUtf8'],
  ])('%s is refused', (name, fault) => {
    const vector = procvisionVectors.find((one) => one.name === name);
    const { bodies } = messagesOf(fromHex(vector?.hex ?? ''));
    expect(bodies.map((body) => decodeBody(body))).toEqual([{ ok: false, fault }]);
  });

  it('NaN and its like are read as null and told, but not where they stand in a text', () => {
    const read = decodeBody(bytesOf('{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \\" Infinity"}'));
    expect(read).toEqual({ ok: true, notJson: true, body: { a: null, b: [null, null], c: 'NaN " Infinity' } });
  });

  it('a text that is no JSON is looked through once, however it is made', () => {
    for (const piece of ['\\"', '"', '-', 'NaN', '\\\\"']) {
      expect(decodeBody(bytesOf(`{"${piece.repeat(500_000)}`))).toEqual({ ok: false, fault: 'badJson' });
    }
  });

  it('NaN is not written, and its place is told', () => {
    expect(() => encodeBody({ data: { rects: [{ score: Number.NaN }] } })).toThrow('data.rects.0.score');
  });
});

describe('what ProcVision frames say', () => {
  it.each([
    [{ sdk_version: 3, capabilities: ['call'] }, 'sdk_version is not a text'],
    [{ sdk_version: 'unknown', capabilities: 'call' }, 'capabilities is not a list of texts'],
    [{ sdk_version: 'unknown', capabilities: ['ping'] }, 'it cannot be called: capabilities has no "call"'],
    [{ sdk_version: '2.0', capabilities: ['call'] }, 'sdk_version 2.0 is newer than what is spoken here'],
  ])('the hello %j of an algorithm is refused', (body, problem) => {
    expect(checkAlgorithmHello(body)).toEqual({ ok: false, problem });
  });

  it.each([
    [{}, 'runner_version is not a text'],
    [{ runner_version: '7' }, 'runner_version 7 is newer than what is spoken here'],
    [{ runner_version: '1.0', heartbeat_interval_ms: -1 }, 'heartbeat_interval_ms is not a whole number'],
    [{ runner_version: '1.0', heartbeat_grace_ms: '2' }, 'heartbeat_grace_ms is not a whole number'],
  ])('the hello %j of a runner is refused', (body, problem) => {
    expect(checkRunnerHello(body)).toEqual({ ok: false, problem });
  });

  it.each([
    [{ result_status: 'MAYBE' }, 'result_status is neither OK nor NG'],
    [{ defect_rects: [{ x: 1 }] }, 'defect_rects is not a list of rectangles'],
    [{ defect_rects: Array(21).fill(rectangle) }, 'defect_rects has more than 20 entries'],
    [{ step_index: -1 }, 'step_index is not a whole number'],
    [7, 'data is not an object'],
  ])('the result %j is refused', (data, problem) => {
    expect(checkResultData(data)).toEqual({ ok: false, problem });
  });

  it('null is a field that is absent: a result that Python wrote from None counts', () => {
    const fields = ['result_status', 'ng_reason', 'step_index', 'defect_rects', 'position_rects', 'calibration_rects'];
    const data = Object.fromEntries(fields.map((name) => [name, null]));
    expect(checkResultData(data)).toEqual({ ...checkResultData({}), value: expect.objectContaining({ ngReason: '' }) });
    const answer = { type: 'result', status: 'OK', message: null, data: { ...data, result_status: 'OK' } };
    expect(checkAnswer(answer)).toMatchObject({
      kind: 'result',
      result: { verdict: 'OK', message: '', defectRects: [] },
    });
  });

  it('the technical status is one thing and the business result another', () => {
    const ng = { type: 'result', status: 'OK', data: { result_status: 'NG', ng_reason: 'scratch' } };
    expect(checkAnswer(ng)).toMatchObject({ kind: 'result', result: { verdict: 'NG', ngReason: 'scratch' } });
    const failed = { type: 'result', status: 'ERROR', message: 'no GPU', error_code: '1004' };
    expect(checkAnswer(failed)).toEqual({ kind: 'error', errorCode: '1004', message: 'no GPU' });
  });

  it('a code means what each published table says', () => {
    expect(meaningsOf('1004').map(({ table, name }) => [table, name])).toEqual([
      ['adapter', 'entry point not found'],
      ['specification', 'gpu_oom'],
    ]);
    expect(errorCodeText('1009')).toBe('1009 (adapter: exception in the algorithm)');
    expect(errorCodeText('4711')).toBe('4711');
  });
});

describe('images as NumPy files', () => {
  const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

  it('are written as NumPy writes them', () => {
    const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3), }".padEnd(117, ' ');
    expect(toHex(encodeNpy(image))).toBe(`934e554d505901007600${toHex(bytesOf(`${text}\n`))}010203040506`);
  });

  it('are read again, and grey ones become red, green and blue', () => {
    expect(decodeNpy(encodeNpy(image))).toEqual(image);
    const grey = bytesOf("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }\n");
    const file = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, grey.length, 0, ...grey, 7, 9);
    expect(decodeNpy(file)).toEqual({ width: 2, height: 1, data: Uint8Array.of(7, 7, 7, 9, 9, 9) });
  });

  it('are refused when they are too short, too large or none', () => {
    const whole = encodeNpy(image);
    for (let length = 0; length < whole.length; length++) expect(decodeNpy(whole.slice(0, length))).toBeUndefined();
    expect(() => encodeNpy({ ...image, width: 3 })).toThrow(RangeError);
    expect(() => encodeNpy({ width: 8193, height: 1, data: new Uint8Array(3 * 8193) })).toThrow(RangeError);
  });

  it('have red and blue changed for BGR', () => {
    expect(swapRedAndBlue(image.data)).toEqual(Uint8Array.of(3, 2, 1, 6, 5, 4));
    // As files are read.
    const buffer = Buffer.from(image.data);
    expect([...swapRedAndBlue(buffer), ...buffer]).toEqual([3, 2, 1, 6, 5, 4, ...image.data]);
  });
});

describe('a stream of pictures', () => {
  const picture = Uint8Array.of(...bytesOf('P6\n2 1\n255\n'), 1, 2, 3, 4, 5, 6);

  it('is taken apart however it was cut', () => {
    const bytes = Uint8Array.of(...picture, ...picture);
    for (const size of [1, 2, 7, bytes.length]) {
      const reader = new PpmReader();
      const images: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        expect(reader.read(bytes.slice(at, at + size), (image) => images.push(image))).toBe(true);
      }
      const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
      expect(images).toEqual([image, image]);
    }
  });

  it.each(['P5\n2 1\n255\n', 'P6\n8193 1\n255\n', 'P6\n8192 8192\n255\n', 'P6\n0 1\n255\n'])(
    'with the header %j is none, and takes no room',
    (header) => {
      const reader = new PpmReader();
      const bytes = bytesOf(header.padEnd(64, 'x'));
      expect(reader.read(bytes, () => {})).toBe(false);
      expect(reader.held).toBeLessThanOrEqual(32);
      expect(reader.read(picture, () => {})).toBe(false);
    },
  );
});
