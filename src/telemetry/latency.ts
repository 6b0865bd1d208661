/**
 * Quantiles of durations in bounded memory: logarithmic buckets, each 2% wider than the last, so an answer is within 1%
 * of a duration that was observed. (The scheme of HDR histograms and DDSketch.)
 */

/** Smallest and greatest duration told apart, in seconds; those beyond count as these. */
const least = 1e-6;
const most = 3600;
const growth = 1.02;
const logGrowth = Math.log(growth);
const buckets = Math.ceil(Math.log(most / least) / logGrowth) + 1;

/** Durations of the last minute are kept in slots of this many milliseconds, one of which is always filling. */
const slotMs = 5000;
const windowSlots = 12;

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface Latency {
  /** @param times how many took this long; default 1 */
  add(seconds: number, times?: number): void;
  /** Undefined where nothing was observed. */
  quantiles(): Quantiles | undefined;
}

/** Over the last 60 to 65 seconds, in 60 KiB. `now`: milliseconds. */
export function createLatency({ now }: { readonly now: () => number }): Latency {
  const slots = Array.from({ length: windowSlots + 1 }, () => new Uint32Array(buckets));
  let head = Math.floor(now() / slotMs);

  const current = () => {
    const slot = Math.floor(now() / slotMs);
    if (slot - head >= slots.length) for (const one of slots) one.fill(0);
    else for (let s = head + 1; s <= slot; s++) slots[s % slots.length]!.fill(0);
    head = Math.max(head, slot);
    return slots[head % slots.length]!;
  };

  return {
    add(seconds, times = 1) {
      current()[bucketOf(seconds)]! += times;
    },
    quantiles() {
      current();
      const sum = new Float64Array(buckets);
      for (const slot of slots) for (let i = 0; i < buckets; i++) sum[i]! += slot[i]!;
      return quantilesOf(sum);
    },
  };
}

/** Since it was made, in 9 KiB. */
export function createLifetimeLatency(): Latency {
  const counts = new Float64Array(buckets);
  return {
    add(seconds, times = 1) {
      counts[bucketOf(seconds)]! += times;
    },
    quantiles: () => quantilesOf(counts),
  };
}

function bucketOf(seconds: number): number {
  if (!(seconds > least)) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log(seconds / least) / logGrowth));
}

/** Middle of a bucket, (growth^(i-1), growth^i] times the least, such that its ends are equally far in proportion. */
function middleOf(bucket: number): number {
  return bucket === 0 ? least : (least * growth ** bucket * 2) / (1 + growth);
}

function quantilesOf(counts: Float64Array): Quantiles | undefined {
  const total = counts.reduce((a, b) => a + b, 0);
  if (total === 0) return undefined;
  /** Nearest rank: the smallest duration that at least this share of all did not exceed. */
  const at = (share: number) => {
    const rank = Math.max(1, Math.ceil(share * total));
    let seen = 0;
    for (let i = 0; i < buckets; i++) {
      seen += counts[i]!;
      if (seen >= rank) return middleOf(i);
    }
    return most;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
