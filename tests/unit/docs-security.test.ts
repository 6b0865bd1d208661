/** docs/SECURITY.md names the tests that attack its promises: behind each promise some, and none that is not there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(root, "docs/SECURITY.md"), "utf8");

interface Attack {
  readonly file: string;
  readonly titles: readonly string[];
}

/** Items and paragraphs, each on one line. */
function blocksOf(markdown: string): string[] {
  return markdown
    .split(/\n\n|\n(?=- )/)
    .map((block) => block.replace(/\s+/g, " ").trim())
    .filter((block) => block !== "" && !/^(#|\|)/.test(block) && !block.endsWith(":"));
}

/** The files of tests that a block names, each with the titles that stand behind it. */
function attacksIn(block: string): Attack[] {
  return [...block.matchAll(/`(tests\/[\w/-]+\.test\.ts)`(?:: ((?:"[^"]+"(?:, )?)+))?/g)].map((match) => ({
    file: match[1]!,
    titles: [...(match[2] ?? "").matchAll(/"([^"]+)"/g)].map(([, title]) => title!),
  }));
}

function problemsOf({ file, titles }: Attack): string[] {
  if (!existsSync(join(root, file))) return [`there is no ${file}`];
  if (titles.length === 0) return [`no test of ${file} is named`];
  const source = readFileSync(join(root, file), "utf8");
  return titles
    .filter((title) => !source.includes(`"${title}",`))
    .map((title) => `${file} has no test "${title}"`);
}

/** The first section is about the document, the last about what is not promised. */
const promises = blocksOf(text.slice(text.indexOf("\n## "), text.indexOf("## What is not promised")));

it("every promise names tests that attack it", () => {
  expect(promises.length).toBeGreaterThan(40);
  expect(promises.filter((promise) => attacksIn(promise).length === 0)).toEqual([]);
});

it("every test that it names is there", () => {
  expect(promises.flatMap(attacksIn).flatMap(problemsOf)).toEqual([]);
});

it("a promise without a test, a file and a title that are gone are found out", () => {
  const own = "tests/unit/docs-security.test.ts";
  const blocks = blocksOf(
    `## A\n\n- One. \`${own}\`: "every promise\n  names tests that attack it", "gone"\n- Two.\n\nThree \`tests/unit/gone.test.ts\`: "x"`,
  );
  expect(blocks.map((block) => attacksIn(block).length)).toEqual([1, 0, 1]);
  expect(blocks.flatMap(attacksIn).flatMap(problemsOf)).toEqual([
    `${own} has no test "gone"`,
    "there is no tests/unit/gone.test.ts",
  ]);
  expect(problemsOf({ file: own, titles: [] })).toEqual([`no test of ${own} is named`]);
});
