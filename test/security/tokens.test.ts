import { describe, expect, it } from 'vitest';
import { TOKEN_MS, TOKENS_MAX } from '../../src/protocol/constants.ts';
import { RedeemedToken, TOKEN_BYTES, TOKENS_MEMORY_BYTES, Tokens } from '../../src/security/tokens.ts';

const here = Uint8Array.of(192, 0, 2, 1);
const there = Uint8Array.of(192, 0, 2, 2);
const network = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1);
const tokens = (fill = 7) => new Tokens(new Uint8Array(32).fill(fill));

function issued(camera: Tokens, nowMs = 0, prefix = here): Uint8Array {
  const token = camera.issue(prefix, nowMs);
  if (token === undefined) throw new Error('no token');
  return token;
}

describe('a token of fast mode', () => {
  it('has 35 bytes, and is another one each time', () => {
    const camera = tokens();
    const [first, second] = [issued(camera), issued(camera)];
    expect([first.length, second.length]).toEqual([TOKEN_BYTES, TOKEN_BYTES]);
    expect(first).not.toEqual(second);
  });

  it('is good once, in any order', () => {
    const camera = tokens();
    const all = Array.from({ length: 20 }, () => issued(camera));
    for (const token of [...all].reverse()) expect(camera.redeem(token, here, 0)).toBeInstanceOf(RedeemedToken);
    for (const token of all) expect(camera.redeem(token, here, 0)).toBe('tokensUsed');
  });

  it('proves one thing only', () => {
    const camera = tokens();
    const redeemed = camera.redeem(issued(camera), here, 0);
    if (typeof redeemed === 'string') throw new Error(redeemed);
    expect([redeemed.spend(), redeemed.spend()]).toEqual([true, false]);
  });

  it('is none from another address, and stays good at its own', () => {
    const camera = tokens();
    const token = issued(camera);
    for (const prefix of [there, network, new Uint8Array(0), Uint8Array.of(...here, 0, 0, 0, 0)]) {
      expect(camera.redeem(token, prefix, 0)).toBe('tokensForeign');
    }
    expect(camera.redeem(token, here, 0)).toBeInstanceOf(RedeemedToken);
  });

  it('may be for an IPv6 /64', () => {
    const camera = tokens();
    expect(camera.redeem(issued(camera, 0, network), network, 0)).toBeInstanceOf(RedeemedToken);
  });

  it('is not made for what is no address', () => {
    expect(tokens().issue(new Uint8Array(0), 0)).toBeUndefined();
  });

  it('is good for an hour and no longer', () => {
    const camera = tokens();
    const [early, late] = [issued(camera, 500), issued(camera, 500)];
    expect(camera.redeem(early, here, TOKEN_MS - 1)).toBeInstanceOf(RedeemedToken);
    expect(camera.redeem(late, here, TOKEN_MS + 500)).toBe('tokensExpired');
  });

  it('is void when as many newer ones were given as are remembered', () => {
    const camera = tokens();
    const [oldest, next] = [issued(camera), issued(camera)];
    for (let count = 2; count <= TOKENS_MAX; count++) issued(camera);
    expect(camera.redeem(oldest, here, 0)).toBe('tokensExpired');
    expect(camera.redeem(next, here, 0)).toBeInstanceOf(RedeemedToken);
  });

  it('is good although the one in its place was used 65,536 tokens ago', () => {
    const camera = tokens();
    camera.redeem(issued(camera), here, 0);
    for (let count = 1; count < TOKENS_MAX; count++) issued(camera);
    const sameplace = issued(camera);
    expect(camera.redeem(sameplace, here, 0)).toBeInstanceOf(RedeemedToken);
    expect(camera.redeem(sameplace, here, 0)).toBe('tokensUsed');
  });

  it('is forged when any bit of it was changed, when it is of another process, or has another length', () => {
    const camera = tokens();
    const token = issued(camera);
    issued(camera);
    for (let bit = 0; bit < 8 * token.length; bit++) {
      const changed = token.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(camera.redeem(changed, here, 0), `bit ${bit}`).toBe('tokensForged');
    }
    expect(camera.redeem(token.subarray(1), here, 0)).toBe('tokensForged');
    const other = tokens(8);
    issued(other);
    expect(other.redeem(token, here, 0)).toBe('tokensForged');
    expect(camera.redeem(token, here, 0)).toBeInstanceOf(RedeemedToken);
  });
});

describe('tokens of several workers', () => {
  const workers = (count: number): Tokens[] => {
    const memory = new SharedArrayBuffer(TOKENS_MEMORY_BYTES);
    return Array.from({ length: count }, () => new Tokens(new Uint8Array(32).fill(7), memory));
  };

  it('never have a serial twice (S11), also after one was started anew', () => {
    const memory = new SharedArrayBuffer(TOKENS_MEMORY_BYTES);
    const serials = Array.from({ length: 300 }, (_, index) => {
      const worker = new Tokens(new Uint8Array(32).fill(7), memory);
      return Buffer.from(issued(worker, index)).toString('hex', 0, 6);
    });
    expect(new Set(serials).size).toBe(300);
  });

  it('are good with each of them, and once among all', () => {
    const [one, two, three] = workers(3);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three');
    const all = Array.from({ length: 30 }, (_, index) => issued(index % 2 === 0 ? one : two));
    for (const [index, token] of all.entries()) {
      const takers = [one, two, three];
      const first = takers[index % 3] ?? one;
      expect(first.redeem(token, here, 0)).toBeInstanceOf(RedeemedToken);
      for (const taker of takers) expect(taker.redeem(token, here, 0)).toBe('tokensUsed');
    }
  });

  it('are not good again when another worker gives their place away while one looks at them', () => {
    const [looking, giving] = workers(2);
    if (looking === undefined || giving === undefined) throw new Error('two');
    const token = issued(looking);
    expect(looking.redeem(token, here, 0)).toBeInstanceOf(RedeemedToken);
    /** What is looked at last: meanwhile as many tokens are given as are remembered. */
    class Slow extends Uint8Array {
      override every(same: (value: number, index: number, all: this) => unknown): boolean {
        for (let count = 0; count < TOKENS_MAX; count++) issued(giving as Tokens);
        return super.every(same);
      }
    }
    expect(looking.redeem(token, Slow.from(here), 0)).toBe('tokensExpired');
  });
});
