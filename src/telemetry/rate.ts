/** How often something happened in the last minute, by a ring of seconds. */
export interface Rate {
  /** Counts `count` more, now. */
  add(count: number): void;
  /** How many a second over the last 60 seconds; over the time since the start while that is shorter, 1 s at least. */
  perSecond(): number;
}

const seconds = 60;

/** `now`: milliseconds of a clock that is never set */
export function createRate({ now }: { readonly now: () => number }): Rate {
  const startedMs = now();
  /** Events of each second; the slot is the second modulo the ring's length. */
  const counts = new Float64Array(seconds);
  let head = Math.floor(startedMs / 1000);

  const advance = () => {
    const second = Math.floor(now() / 1000);
    if (second - head >= seconds) counts.fill(0);
    else for (let s = head + 1; s <= second; s++) counts[s % seconds] = 0;
    head = Math.max(head, second);
  };

  return {
    add(count) {
      advance();
      counts[head % seconds]! += count;
    },
    perSecond() {
      advance();
      // The ring reaches from the beginning of its oldest second to this moment.
      const covered = Math.max(now() / 1000, head) - (head - seconds + 1);
      const span = Math.max(1, Math.min(covered, (now() - startedMs) / 1000));
      return counts.reduce((a, b) => a + b, 0) / span;
    },
  };
}
