/**
 * Tables of the documents that come from the code. Each stands in its document between `<!-- table: NAME -->` and
 * `<!-- end -->`. Run directly, this writes them; a test fails while one is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { main } from "../src/cli/weir.ts";
import { describeSettings } from "../src/config/config.ts";
import { type ErrorReason, errorReasons } from "../src/domain/errors.ts";
import { codeMappings, reasonStatuses } from "../src/transport/errors.ts";
import { grpcApi } from "./grpc-api.ts";

const cell = (text: string) => text.replaceAll("|", "\\|");
const row = (...cells: string[]) => `| ${cells.map(cell).join(" | ")} |`;

/** What `weir` prints for these arguments. */
async function helpOf(...args: string[]): Promise<string> {
  const stdout = new PassThrough();
  await main(args, { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} });
  stdout.end();
  return (await text(stdout)).trimEnd();
}

async function commandLines(): Promise<string[]> {
  const overview = await helpOf("--help");
  const names = [...overview.matchAll(/^ {2}([a-z-]+) {2}/gm)].map((match) => match[1]!);
  const lines = ["```text", overview, "```"];
  for (const name of names) {
    if (name !== "serve")
      lines.push("", `## weir ${name}`, "", "```text", await helpOf(name, "--help"), "```");
  }
  return lines;
}

/** What comes from the code, by the name of its place. */
const tables: Record<string, { document: string; lines: () => string[] | Promise<string[]> }> = {
  api: { document: "docs/GRPC_API.md", lines: grpcApi },
  commands: { document: "docs/CLI.md", lines: commandLines },
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
  statuses: {
    document: "docs/ERRORS.md",
    lines: () => {
      const byStatus = Map.groupBy(Object.entries(codeMappings), ([, { http }]) => http);
      return [
        row("code", "HTTP status"),
        "|---|---|",
        ...[...byStatus]
          .sort(([a], [b]) => a - b)
          .map(([status, those]) => row(those.map(([code]) => `\`${code}\``).join(", "), String(status))),
      ];
    },
  },
  errors: {
    document: "docs/ERRORS.md",
    lines: () => [
      row("reason", "HTTP status of its own", "what it says"),
      "|---|---|---|",
      ...(Object.keys(errorReasons) as ErrorReason[]).map((reason) =>
        row(`\`${reason}\``, String(reasonStatuses[reason] ?? ""), errorReasons[reason]),
      ),
    ],
  },
};

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (document: string) => readFileSync(root + document, "utf8");

/** Documents whose text differs from what the code says, with the text that they should have. */
export async function staleDocuments(): Promise<{ document: string; text: string }[]> {
  const texts = new Map<string, string>();
  for (const [name, { document, lines }] of Object.entries(tables)) {
    const now = texts.get(document) ?? read(document);
    const start = `<!-- table: ${name} -->`;
    const [before, rest] = now.split(start);
    const after = rest?.split("<!-- end -->").slice(1).join("<!-- end -->");
    if (before === undefined || after === undefined)
      throw new Error(`${document} has no place for table ${name}`);
    texts.set(document, `${before}${start}\n${(await lines()).join("\n")}\n<!-- end -->${after}`);
  }
  return [...texts].flatMap(([document, text]) => (text === read(document) ? [] : [{ document, text }]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { document, text } of await staleDocuments()) writeFileSync(root + document, text);
}
