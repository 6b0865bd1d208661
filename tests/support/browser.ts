import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import chromium from "@sparticuz/chromium";
import { type BuildOptions, build } from "esbuild";
import { chromium as playwright } from "playwright-core";
import { repository } from "./process.ts";

/** Starts Chromium as a user has it: the package's own flags would switch the checks of origins off. */
export async function launchBrowser() {
  return playwright.launch({ executablePath: await chromium.executablePath(), args: ["--no-sandbox"] });
}

/** A script of the repository, or the given text, with all that it imports, for a page. */
export async function bundle(source: { entry: string } | { text: string }): Promise<string> {
  const input: BuildOptions =
    "entry" in source
      ? { entryPoints: [source.entry] }
      : { stdin: { contents: source.text, resolveDir: repository, loader: "ts" } };
  const result = await build({
    ...input,
    absWorkingDir: repository,
    bundle: true,
    format: "esm",
    write: false,
  });
  return result.outputFiles[0]!.text;
}

export interface Site {
  /** Address of its pages, on 127.0.0.1. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves pages and scripts by their path; a value may name a file of the repository. */
export async function serveSite(files: Readonly<Record<string, string | { file: string }>>): Promise<Site> {
  const server = createServer(async (request, response) => {
    const path = request.url === "/" ? "/index.html" : request.url!;
    const content = files[path];
    if (content === undefined) return void response.writeHead(404).end();
    response.setHeader("content-type", path.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8");
    response.end(typeof content === "string" ? content : await readFile(join(repository, content.file)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
