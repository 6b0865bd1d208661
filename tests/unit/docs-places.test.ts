import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A file or folder that a document names, and where it may stand. */
interface Place {
  readonly name: string;
  readonly candidates: readonly string[];
}

/** Links, paths that begin at the root, and quoted ones but for media types, which may begin at src. */
function placesIn(document: string, text: string): Place[] {
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);
  const links = found(/\]\((?!https?:)([^)#]+)/g);
  const whole = found(/(?<![\w./@-])((?:bin|client|docs|examples|proto|scripts|src|tests)\/[\w./-]*\w)/g);
  const quoted = found(/`((?!application\/|text\/)[\w-]+(?:\/[\w.-]+)+)`/g);
  return [
    ...links.map((name) => ({ name, candidates: [join(dirname(document), name)] })),
    ...whole.map((name) => ({ name, candidates: [name] })),
    ...quoted.map((name) => ({ name, candidates: [name, join("src", name)] })),
  ];
}

function missingIn(document: string, text: string): string[] {
  return placesIn(document, text).flatMap(({ name, candidates }) =>
    candidates.some((candidate) => existsSync(join(root, candidate))) ? [] : [name],
  );
}

describe.each([
  "README.md",
  "docs/ARCHITECTURE.md",
  "docs/SECURITY.md",
  "docs/DISTRIBUTED.md",
  "docs/CONTAINERS.md",
  "docs/MIGRATING.md",
  "docs/OPERATIONS.md",
])("%s", (document) => {
  it("names only files and folders that exist", () => {
    const text = readFileSync(join(root, document), "utf8");
    expect(placesIn(document, text).length).toBeGreaterThan(2);
    expect(missingIn(document, text)).toEqual([]);
  });
});

it("a file that is gone is found out, however it is named", () => {
  const text = "[a](gone.md) then src/gone/a.ts, `log/gone.ts`, `src/app.ts`, `log/log.ts`, [b](CLI.md)";
  expect(missingIn("docs/ARCHITECTURE.md", text)).toEqual(["gone.md", "src/gone/a.ts", "log/gone.ts"]);
});
