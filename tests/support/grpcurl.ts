import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescMethod } from "@bufbuild/protobuf";
import { runCommand } from "./command.ts";
import { type Finished, repository } from "./process.ts";

const version = "v1.9.3";
const cached = join(repository, `.cache/bin/grpcurl-${version}`);
/** A first build takes a minute and a half on two cores. */
const buildDeadlineMs = 600_000;

/**
 * The path of grpcurl, built by Go once and kept; undefined where this machine cannot build it, which is said.
 *
 * @throws Error in place of undefined with CI=true, where nothing is left out
 */
export async function findGrpcurl(): Promise<string | undefined> {
  if (existsSync(cached)) return cached;
  const problem = await build();
  if (problem === undefined) return cached;
  const line = `grpcurl is left out: ${problem}`;
  if (process.env.CI === "true") throw new Error(line);
  console.warn(line);
  return undefined;
}

/** @returns why it could not be built */
async function build(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "weir-grpcurl-"));
  try {
    const { code, stderr } = await runCommand(
      "go",
      ["install", `github.com/fullstorydev/grpcurl/cmd/grpcurl@${version}`],
      { env: { GOBIN: folder }, deadlineMs: buildDeadlineMs },
    );
    if (code !== 0) return `go install failed: ${stderr.trim().split("\n").at(-1)}`;
    mkdirSync(join(repository, ".cache/bin"), { recursive: true });
    // Another test may have been as far at the same time; either binary will do.
    renameSync(join(folder, "grpcurl"), `${cached}.${process.pid}`);
    renameSync(`${cached}.${process.pid}`, cached);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "Go is not installed" : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface GrpcurlCall {
  /** From findGrpcurl. */
  readonly path: string;
  /** Address of the server. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls a method, which grpcurl learns from the server's reflection. */
export function grpcurl(
  { path, url, headers = {} }: GrpcurlCall,
  method: DescMethod,
  ...requests: readonly unknown[]
): Promise<Finished> {
  const named = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const data = requests.map((request) => JSON.stringify(request)).join("\n");
  const symbol = `${method.parent.typeName}/${method.name}`;
  return runCommand(path, ["-plaintext", ...named, "-d", "@", new URL(url).host, symbol], { stdin: data });
}
