/** Settings of topics that decide what is kept and what is lost. */
const shown = ["cleanup.policy", "retention.ms", "min.insync.replicas", "max.message.bytes"] as const;

export interface TopicRow {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: ReadonlyMap<string, string>;
}

/** A line for each topic beneath a line of headings. */
export function topicTable(topics: readonly TopicRow[]): string {
  const rows = [
    ["topic", "partitions", "replicas", ...shown],
    ...topics.map(({ topic, partitions, replicas, settings }) => [
      topic,
      String(partitions),
      String(replicas),
      ...shown.map((name) => settings.get(name) ?? "?"),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
