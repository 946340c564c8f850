const many = { perSecond: 1_000_000, burst: 1_000_000 };

/** Loopback is one prefix, and a machine that is busy with other tests no load: for cameras whose limits are not what is tested. */
export const looseLimits = {
  prefixRate: many,
  prefixRateUnderLoad: many,
  load: { pending: 1000, startsPerSecond: 1e6, lateMs: 60_000 },
};
