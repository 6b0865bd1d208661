/** Checks the contract: buf lint and format, breaking changes against the newest v* tag, and that gen/ is fresh. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

run("node", "scripts/proto-deps.ts");
run("buf", "format", "--diff", "--exit-code", "proto");
run("buf", "lint");

const tag = spawnSync("git", ["describe", "--tags", "--abbrev=0", "--match", "v*"], {
  cwd: root,
  encoding: "utf8",
});
if (tag.status === 0) {
  const against = mkdtempSync(join(tmpdir(), "weir-breaking-"));
  try {
    const archive = join(against, "tag.tar");
    run("git", "archive", "--output", archive, tag.stdout.trim(), "proto", "buf.yaml");
    run("tar", "-xf", archive, "-C", against);
    cpSync(join(root, ".cache/proto"), join(against, ".cache/proto"), { recursive: true });
    run("buf", "breaking", "--against", against);
  } finally {
    rmSync(against, { recursive: true });
  }
}

const fresh = mkdtempSync(join(tmpdir(), "weir-gen-"));
try {
  run("buf", "generate", "-o", fresh);
  run("git", "diff", "--no-index", "--exit-code", "--stat", "gen", join(fresh, "gen"));
} finally {
  rmSync(fresh, { recursive: true });
}

function run(command: string, ...args: string[]): void {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (result.status !== 0) {
    console.error(`${command} ${args.join(" ")}: exit code ${result.status}`);
    process.exit(1);
  }
}
