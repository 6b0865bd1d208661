import type { PartitionOffsets } from "../../main.ts";

const headings: readonly [heading: string, cell: (row: PartitionOffsets) => number | undefined][] = [
  ["partition", ({ partition }) => partition],
  ["log start", ({ logStart }) => logStart],
  ["log end", ({ logEnd }) => logEnd],
  ["committed", ({ committed }) => committed],
  ["store noted", ({ noted }) => noted],
  ["rows", ({ rows }) => rows],
  ["last row", ({ lastRow }) => lastRow],
];

/** A line for each partition beneath a line of headings; a dash stands for what is not there. */
export function offsetsTable(partitions: readonly PartitionOffsets[]): string {
  const rows = [
    headings.map(([heading]) => heading),
    ...partitions.map((row) => headings.map(([, cell]) => String(cell(row) ?? "-"))),
  ];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((text, column) => text.padStart(widths[column]!)).join("  ")).join("\n");
}
