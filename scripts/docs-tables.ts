/**
 * Tables of the documents that come from the code. Each stands in its document between `<!-- table: NAME -->` and
 * `<!-- end -->`. Run directly, this writes them; a test fails while one is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describeSettings } from "../src/config/config.ts";
import { errorReasons } from "../src/domain/errors.ts";

const cell = (text: string) => text.replaceAll("|", "\\|");
const row = (...cells: string[]) => `| ${cells.map(cell).join(" | ")} |`;

const tables: Record<string, { document: string; lines: () => string[] }> = {
  settings: {
    document: "docs/CONFIGURATION.md",
    lines: () => [
      row("flag", "variable", "default", "what it is", "form"),
      "|---|---|---|---|---|",
      ...describeSettings().map((s) =>
        row(
          s.flag === "" ? "" : `\`${s.flag}\``,
          `\`${s.variable}\``,
          s.fallback === "" ? "" : `\`${s.fallback}\``,
          s.description,
          s.form,
        ),
      ),
    ],
  },
  errors: {
    document: "docs/ERRORS.md",
    lines: () => [
      row("reason", "what it says"),
      "|---|---|",
      ...Object.entries(errorReasons).map(([reason, description]) => row(`\`${reason}\``, description)),
    ],
  },
};

const root = fileURLToPath(new URL("..", import.meta.url));

/** Documents whose text differs from what the code says, with the text that they should have. */
export function staleDocuments(): { document: string; text: string }[] {
  return Object.entries(tables).flatMap(([name, { document, lines }]) => {
    const now = readFileSync(root + document, "utf8");
    const start = `<!-- table: ${name} -->`;
    const [before, rest] = now.split(start);
    const after = rest?.split("<!-- end -->").slice(1).join("<!-- end -->");
    if (before === undefined || after === undefined)
      throw new Error(`${document} has no place for table ${name}`);
    const text = `${before}${start}\n${lines().join("\n")}\n<!-- end -->${after}`;
    return text === now ? [] : [{ document, text }];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { document, text } of staleDocuments()) writeFileSync(root + document, text);
}
