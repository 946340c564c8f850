import { describe, expect, it } from 'vitest';
import { TokenMemory } from '../../src/engine/token-memory.ts';
import { TOKEN_MS } from '../../src/protocol/constants.ts';

const camera = (port: number) => ({ address: '192.0.2.1', port });
const token = (byte: number) => Uint8Array.of(byte);

describe('TokenMemory', () => {
  it('gives the newest token of a camera, once', () => {
    const memory = new TokenMemory();
    memory.keep(camera(1), token(1), 0);
    memory.keep(camera(1), token(2), 0);
    expect(memory.take(camera(2), 0)).toBeUndefined();
    expect([memory.take(camera(1), 0), memory.take(camera(1), 0)]).toEqual([token(2), undefined]);
  });

  it('forgets what an hour has made worthless', () => {
    const memory = new TokenMemory();
    memory.keep(camera(1), token(1), 0);
    memory.keep(camera(2), token(2), 0);
    expect([memory.take(camera(1), TOKEN_MS - 1), memory.take(camera(2), TOKEN_MS)]).toEqual([token(1), undefined]);
  });

  it('knows 256 cameras, and forgets the one that it heard of longest ago', () => {
    const memory = new TokenMemory();
    for (let port = 1; port <= 256; port++) memory.keep(camera(port), token(port), 0);
    memory.keep(camera(1), token(9), 0);
    memory.keep(camera(257), token(1), 0);
    expect([memory.take(camera(1), 0), memory.take(camera(2), 0)]).toEqual([token(9), undefined]);
  });

  it('reckons the hour from when the token came', () => {
    const memory = new TokenMemory();
    memory.keep(camera(1), token(1), 5 * TOKEN_MS);
    expect(memory.take(camera(1), 6 * TOKEN_MS - 1)).toEqual(token(1));
  });

  it('forgets nobody for the 256th', () => {
    const memory = new TokenMemory();
    for (let port = 1; port <= 256; port++) memory.keep(camera(port), token(port), 0);
    expect(memory.take(camera(1), 0)).toEqual(token(1));
  });
});
