import { afterEach, describe, expect, it } from 'vitest';
import type { AuthorizeVerdict } from '../../src/config/options.ts';
import type { ResponderOutput } from '../../src/engine/io-types.ts';
import { HandshakeError } from '../../src/errors.ts';
import { initiate } from '../../src/io/initiate.ts';
import { type Responder, respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';

type Authorize = () => AuthorizeVerdict | Promise<AuthorizeVerdict>;

const own = { code: 0x81, reason: 'not at night' };

const cases: readonly (readonly [string, Authorize, string | undefined])[] = [
  ['yes', () => true, undefined],
  ['a promised yes', async () => true, undefined],
  ['no', () => false, 'POLICY'],
  ['a promised no', async () => false, 'POLICY'],
  ['a code', () => own, 'APPLICATION'],
  ['a promised code', async () => own, 'APPLICATION'],
];

describe('authorize', () => {
  let camera: Responder | undefined;

  afterEach(() => camera?.destroy());

  const answerTo = async (authorize: Authorize): Promise<string | undefined> => {
    camera = await respond({ port: 0, host: '127.0.0.1', streams: { door: testSource() }, authorize });
    try {
      const stream = await initiate(`127.0.0.1:${camera.local.port}/door`, { timeoutMs: 5000 });
      await stream.close();
      return undefined;
    } catch (error) {
      if (error instanceof HandshakeError) return error.code;
      throw error;
    }
  };

  it.each(cases)('%s means the same at once and later', async (_, authorize, code) => {
    expect(await answerTo(authorize)).toBe(code);
  });

  it('a function that throws refuses, and the camera lives on', async () => {
    let asked = 0;
    const code = await answerTo(() => {
      if (++asked === 1) throw new Error('the database is away');
      return false;
    });
    // RESOURCE lets the viewer ask again.
    expect([asked, code]).toEqual([2, 'POLICY']);
  });

  it('an answer at once leaves the trace in the order of causes', async () => {
    const outputs: ResponderOutput[] = [];
    const streams = { door: testSource() };
    camera = await respond({ port: 0, host: '127.0.0.1', streams, trace: (output) => outputs.push(output) });
    const stream = await initiate(`127.0.0.1:${camera.local.port}/door`);
    await stream.close();
    const told = outputs.flatMap((output) => {
      if (output.kind === 'traceTransition') return [output.to];
      return output.kind === 'reserve' || output.kind === 'traceFrame' ? [output.kind] : [];
    });
    expect(told.slice(1, 5)).toEqual(['reserve', 'PendingStartRequest', 'traceFrame', 'PendingConfirm']);
  });
});
