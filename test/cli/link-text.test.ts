import { describe, expect, it } from 'vitest';
import { linkFields, linkText, parseLink, parseLinkField } from '../../src/cli/link-text.ts';
import { bursts } from '../../src/sim/link-model.ts';

describe('a link as text', () => {
  it('has a field for each figure of the model', () => {
    const text =
      'loss=30%,burst=5%/8,delay=25ms,jitter=5ms,reorder=10%,duplicate=5%,corrupt=1%,rate=2Mbit/s,queue=64kB,mtu=700B';
    expect(text.split(',').map((part) => part.split('=')[0])).toEqual(linkFields);
    expect(parseLink(text)).toEqual({
      ok: true,
      value: {
        loss: 0.3,
        burst: bursts(0.05, 8),
        oneWayMs: 25,
        jitterMs: 5,
        reorder: 0.1,
        duplication: 0.05,
        corruption: 0.01,
        bitsPerSecond: 2e6,
        queueBytesMax: 64_000,
        datagramBytesMax: 700,
      },
    });
  });

  it.each([
    ['', /"" is no part of a link.*there is loss, burst/],
    ['loss', /"loss" is no part of a link/],
    ['lag=5ms', /"lag=5ms" is no part of a link/],
    ['loss=30', /"30" may be meant as percent.*write 30%/],
    ['delay=25', /no unit.*write 25s/],
    ['loss=1%,loss=2%', /has loss twice/],
    ['burst=5%', /"5%" is no burst.*5%\/8/],
    ['burst=5%/0', /is no burst/],
    ['burst=x/8', /"x" is no share/],
    ['rate=0bit/s', /too slow.*at least 1kbit\/s/],
    ['toString=1', /no part of a link/],
  ])('that reads "%s" is refused', (text, says) => {
    const parsed = parseLink(text);
    expect(parsed.ok ? 'accepted' : `${parsed.problem}; ${parsed.tryInstead}`).toMatch(says);
  });

  it('loses everything, or nothing, in bursts of 100 % or 0 %', () => {
    expect(parseLinkField('burst', '100%/4')).toEqual({ ok: true, value: { burst: { enter: 1, leave: 0.25 } } });
    expect(parseLinkField('burst', '0%/4')).toEqual({ ok: true, value: { burst: { enter: 0, leave: 0.25 } } });
  });

  it('is told in words', () => {
    expect(linkText({})).toBe('as it is');
    expect(linkText({ loss: 0, oneWayMs: 0 })).toBe('as it is');
    const parsed = parseLink('loss=30%,burst=5%/8,delay=25ms,jitter=5ms,rate=2Mbit/s,queue=64kB,mtu=700B');
    expect(parsed.ok && linkText(parsed.value)).toBe(
      '30 % lost, 5 % lost in runs of 8, 25.0 ms late, up to 5.0 ms of jitter, 2.0 Mbit/s, 62.5 KiB of queue, nothing larger than 700 B',
    );
  });
});
