import type { CommandContext } from "../command.ts";
import { grouped } from "./tally.ts";

export interface Progress {
  /** Shows how far it is, at most ten times a second. */
  show(readBytes: number, sent: number): void;
  /** Takes the bar away; also before another line is written. */
  clear(): void;
}

const barWidth = 24;

/** A bar on a terminal, nothing elsewhere. Without a total it counts only. */
export function createProgress(stderr: CommandContext["stderr"], totalBytes: number | undefined): Progress {
  if (!stderr.isTTY) return { show() {}, clear() {} };
  const start = performance.now();
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show(readBytes, sent) {
      const now = performance.now();
      if (now - shownAt < 100) return;
      shownAt = now;
      const rate = grouped(Math.round(sent / Math.max(0.001, (now - start) / 1000)));
      const done = totalBytes ? Math.min(1, readBytes / totalBytes) : undefined;
      const bar =
        done === undefined
          ? ""
          : `[${"#".repeat(Math.floor(done * barWidth)).padEnd(barWidth, ".")}] ${Math.floor(done * 100)}% `;
      stderr.write(
        `\r\x1b[K${`${bar}${grouped(sent)} events, ${rate}/s`.slice(0, (stderr.columns ?? 80) - 1)}`,
      );
    },
    clear() {
      stderr.write("\r\x1b[K");
      shownAt = Number.NEGATIVE_INFINITY;
    },
  };
}
