import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compilePredicate } from "../../src/filter/evaluate.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { filterEvent } from "../support/filters.ts";

const page = readFileSync(new URL("../../docs/FILTERS.md", import.meta.url), "utf8");

/** Lines of the page's blocks of that kind. */
function lines(kind: string): string[] {
  const blocks = [...page.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)];
  return blocks.filter(([, info]) => info === kind).flatMap(([, , body]) => body!.trimEnd().split("\n"));
}

describe("docs/FILTERS.md", () => {
  it.each(lines("cel"))("gives an example that works: %s", (source) => {
    expect(typeof compilePredicate(parseFilter(source))(filterEvent())).toBe("boolean");
  });

  it.each(lines("cel refused"))("gives an example that is refused as it says: %s", (line) => {
    const [source, message] = line.split("  // ") as [string, string];
    expect(() => parseFilter(source)).toThrow(`filter: ${message}`);
  });

  it("has examples", () => {
    expect(lines("cel").length + lines("cel refused").length).toBeGreaterThan(12);
  });
});
