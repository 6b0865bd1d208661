/** How benchmarks print: a line for each thing that was measured. */
export function row(name: string, ...figures: number[]): void {
  console.log(
    `${name.padEnd(50)} ${figures.map((f) => f.toFixed(f < 100 ? 2 : 0).padStart(10)).join(" / ")}`,
  );
}

/** Of numbers that are sorted; `p` from 0 to 1. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.floor(p * (sorted.length - 1))] ?? 0;
}
