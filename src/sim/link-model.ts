/**
 * What happens to datagrams in one direction of a link. Fractions are 0..1, times ms, sizes bytes. A field that is left out does
 * nothing, so `{}` is a perfect link.
 */
export interface LinkModel {
  /** Fraction that never arrives, each independent of the others. Default 0. */
  readonly loss?: number;
  /** Losses that come in runs, beside {@link loss}. Default none. */
  readonly burst?: BurstModel;
  /** Time on the way. Default 0. */
  readonly oneWayMs?: number;
  /** Up to this much more, evenly drawn; later ones may overtake. Default 0. */
  readonly jitterMs?: number;
  /** Fraction that is held back on the way, so that those behind overtake it. Default 0. */
  readonly reorder?: number;
  /** How long they are held back: evenly drawn from half of it to all of it. Default 20. */
  readonly reorderMs?: number;
  /** Fraction that arrives twice, the copy with a jitter of its own. Default 0. */
  readonly duplication?: number;
  /** Fraction in which one bit is flipped. Default 0. */
  readonly corruption?: number;
  /** Bottleneck in bits per second; each datagram takes its time there, with 28 bytes of IPv4 and UDP headers. Default none. */
  readonly bitsPerSecond?: number;
  /** What waits at the bottleneck at most, in bytes; what comes then is lost. Default 65,536. */
  readonly queueBytesMax?: number;
  /** Larger datagrams never arrive, and nobody is told. Default none. */
  readonly datagramBytesMax?: number;
}

/** Both directions of a link: the same, or each its own. */
export type LinkPair = LinkModel | { readonly toCamera: LinkModel; readonly toViewer: LinkModel };

/** What each direction of a link does. */
export function directions(link: LinkPair): { readonly toCamera: LinkModel; readonly toViewer: LinkModel } {
  return 'toCamera' in link ? link : { toCamera: link, toViewer: link };
}

/**
 * The Gilbert–Elliott model: a chain of two states that moves with each datagram. In the good state {@link LinkModel.loss} alone
 * applies. The mean run of the bad state is 1 / leave datagrams, the share of time in it enter / (enter + leave). (E. N. Gilbert, "Capacity of a
 * Burst-Noise Channel", 1960; E. O. Elliott, 1963; the parameters are p, r and 1-h of `tc netem loss gemodel`.)
 */
export interface BurstModel {
  /** Chance to turn bad, before each datagram in the good state. */
  readonly enter: number;
  /** Chance to turn good, before each datagram in the bad state. */
  readonly leave: number;
  /** Fraction that is lost in the bad state. Default 1. */
  readonly loss?: number;
}

/** The Gilbert–Elliott chain that loses `share` of all datagrams in runs of `length` on average (at least 1). */
export function bursts(share: number, length: number): BurstModel {
  const leave = 1 / Math.max(1, length);
  return { enter: Math.min(1, (leave * share) / (1 - share)), leave };
}

/** Why a datagram did not arrive. A closed set: each is a counter. */
export const lossReasons = [
  'random',
  'burst',
  'partition',
  'tooLarge',
  'queueFull',
  'heldFull',
  'noRoute',
  'hostDown',
  'bufferFull',
  'sendFailed',
] as const;

/** See {@link lossReasons}. */
export type LossReason = (typeof lossReasons)[number];
