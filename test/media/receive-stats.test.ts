import { expect, test } from 'vitest';
import { JitterMeter, receiveCounters } from '../../src/media/receive-stats.ts';

test('counters begin at 0', () => {
  expect(Object.values(receiveCounters()).every((count) => count === 0)).toBe(true);
});

test('datagrams that come as evenly as they were made have no jitter', () => {
  const meter = new JitterMeter();
  for (let index = 0; index < 50; index++) meter.sample(1000 + 40 * index, 3600 * index);
  expect(meter.jitterMs).toBe(0);
});

test('jitter is the mean deviation over 16 as in RFC 3550, A.8', () => {
  const meter = new JitterMeter();
  meter.sample(0, 0);
  meter.sample(48, 3600);
  expect(meter.jitterMs).toBeCloseTo(8 / 16, 10);
  meter.sample(80, 7200);
  expect(meter.jitterMs).toBeCloseTo(0.5 + (8 - 0.5) / 16, 10);
});

test('one datagram alone has no jitter, whatever its timestamp', () => {
  const meter = new JitterMeter();
  meter.sample(123_456, 0xdead_beef);
  expect(meter.jitterMs).toBe(0);
});

test('the timestamp may wrap around without showing as jitter', () => {
  const meter = new JitterMeter();
  meter.sample(0, 0xffff_ffff - 1799);
  meter.sample(40, 1800);
  expect(meter.jitterMs).toBe(0);
});
