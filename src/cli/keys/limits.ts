/** A key's limits as people write them: `events=1000,streams=2`. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ApiKey, RateLimitsSchema } from "../../../client/node/index.ts";
import { UsageError } from "../command.ts";

/** As the contract takes them. */
export type KeyLimits = Exclude<MessageInitShape<typeof RateLimitsSchema>, { $typeName: string }>;

interface Limit {
  readonly word: string;
  readonly field: Exclude<keyof KeyLimits, `$${string}`>;
  readonly least: number;
  readonly greatest: number;
}

const count = { least: 1, greatest: 2 ** 31 - 1 };
const limits: readonly Limit[] = [
  { word: "requests", field: "requestsPerSecond", ...count },
  { word: "events", field: "eventsPerSecond", ...count },
  { word: "bytes", field: "bytesPerSecond", least: 1024, greatest: 2 ** 40 },
  { word: "streams", field: "concurrentStreams", ...count },
  { word: "queries", field: "concurrentQueries", ...count },
];

/** @throws UsageError */
export function readLimits(words: readonly string[]): KeyLimits {
  const found = words.map((word) => {
    const [name, text = "", ...more] = word.split("=");
    const limit = limits.find((each) => each.word === name);
    if (limit === undefined || more.length > 0) {
      const known = limits.map((each) => `${each.word}=N`).join(", ");
      throw new UsageError(`--limits: "${word}" is none of ${known}`);
    }
    const { field, least, greatest } = limit;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > greatest) {
      throw new UsageError(
        `--limits: ${name} must be a whole number from ${least} to ${greatest}, not "${text}"`,
      );
    }
    return [field, field === "bytesPerSecond" ? BigInt(value) : value] as const;
  });
  const twice = limits.find(({ field }) => found.filter(([name]) => name === field).length > 1);
  if (twice !== undefined) throw new UsageError(`--limits: ${twice.word} stands in it twice`);
  return Object.fromEntries(found);
}

/** In the form in which they are read; empty where the key has none. */
export function limitsText(of: ApiKey["limits"]): string {
  return limits
    .flatMap(({ word, field }) => (of?.[field] === undefined ? [] : [`${word}=${of[field]}`]))
    .join(",");
}
