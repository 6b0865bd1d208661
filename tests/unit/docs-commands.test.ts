/** The command lines of documents are such as the program takes. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readFlags } from "../../src/cli/command.ts";
import { keys } from "../../src/cli/keys/command.ts";
import { migrate } from "../../src/cli/migrate.ts";
import { offsets } from "../../src/cli/offsets/command.ts";
import { topics } from "../../src/cli/topics/command.ts";
import { readConfig } from "../../src/config/config.ts";

const text = readFileSync(fileURLToPath(new URL("../../docs/DISTRIBUTED.md", import.meta.url)), "utf8");
const env = Object.fromEntries(
  [...text.matchAll(/^export (\w+)=(.+)$/gm)].map(([, name, value]) => [name!, value!]),
);
const starts = ["docs/TRACING.md", "README.md"].flatMap((document) =>
  [
    ...readFileSync(fileURLToPath(new URL(`../../${document}`, import.meta.url)), "utf8").matchAll(
      /^npm start -- (.+)$/gm,
    ),
  ].map((match) => match[1]!),
);
const lines = [...text.matchAll(/^weir (.+)$/gm)].map((match) => match[1]!);

it("there are some", () => {
  expect(Object.keys(env)).toContain("WEIR_LOG");
  expect(lines.filter((line) => line.startsWith("serve "))).toHaveLength(3);
});

it.each(lines)("docs/DISTRIBUTED.md: weir %s", (line) => {
  const [name, ...args] = line.split(" ");
  if (name === "serve") return void readConfig(args, env);
  const command = { topics, offsets, migrate, keys }[name!];
  expect(command).toBeDefined();
  readFlags(command!, args, env);
});

it.each(starts)("npm start -- %s", (line) => void readConfig(line.split(" "), {}));
