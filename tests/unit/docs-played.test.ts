/** Every command of shell in the documents is run by a test, or is one of a short list that says why not. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { commandsOf } from "../support/documented.ts";
import { type Commands, played, playedWhole, unplayed } from "../support/played.ts";
import { repository } from "../support/process.ts";

const read = (path: string) => readFileSync(join(repository, path), "utf8");
const documents = readdirSync(repository)
  .concat(readdirSync(join(repository, "docs")).map((name) => `docs/${name}`))
  .filter((name) => name.endsWith(".md"));

const commands = documents.flatMap((document) =>
  (["sh", "bash"] as const).flatMap((shell) =>
    commandsOf(document, shell).map((command) => ({ document, shell, command })),
  ),
);
type Command = (typeof commands)[number];

const isOf = (entry: Commands, { document, shell, command }: Command) =>
  entry.document === document && entry.shell === shell && (entry.like?.test(command) ?? true);
const all = [...played, ...unplayed];

it("every one has its place", () => {
  expect(commands.length).toBeGreaterThan(70);
  const without = commands.filter((one) => !all.some((entry) => isOf(entry, one)));
  expect(without.map(({ document, command }) => `${document}: ${command}`)).toEqual([]);
});

it("no place is of a command that is gone", () => {
  expect(all.filter((entry) => !commands.some((one) => isOf(entry, one)))).toEqual([]);
});

it("the tests that run them read them from the document", () => {
  for (const { document, by } of played) {
    const reads =
      read(by).includes(document) || (playedWhole.includes(document) && read(by).includes("playedWhole"));
    expect(reads, `${by} reads ${document}`).toBe(true);
  }
});

it("no other kind of block has commands", () => {
  for (const document of documents) {
    const kinds = [...read(document).matchAll(/^```(\S*)$/gm)].map(([, kind]) => kind);
    expect(
      kinds.filter((kind) => /^(shell|console|zsh|shell-session)$/.test(kind!)),
      document,
    ).toEqual([]);
  }
});
