/** Durations and sizes as people write them in settings. */

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizes: Record<string, number> = { "": 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Milliseconds of `250ms`, `30s`, `5m`, `1h`, `7d`; Infinity of `unlimited`; undefined where it is none of these. */
export function parseDuration(text: string): number | undefined {
  if (text === "unlimited") return Number.POSITIVE_INFINITY;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return match ? Number(match[1]) * units[match[2]!]! : undefined;
}

/** The shortest writing of a duration that parseDuration reads back. */
export function formatDuration(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return "unlimited";
  const unit = ["d", "h", "m", "s"].find((u) => ms >= units[u]! && ms % units[u]! === 0) ?? "ms";
  return `${ms / units[unit]!}${unit}`;
}

/** Bytes of `8MiB`, `64KiB`, `1GiB` or a plain number; undefined where it is none of these. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(text);
  return match ? Number(match[1]) * sizes[match[2] ?? ""]! : undefined;
}

/** The shortest writing of a size that parseBytes reads back. */
export function formatBytes(bytes: number): string {
  const unit = ["GiB", "MiB", "KiB"].find((u) => bytes >= sizes[u]! && bytes % sizes[u]! === 0) ?? "B";
  return `${bytes / sizes[unit]!}${unit}`;
}
