/** deploy/Dockerfile against the program itself: what it names exists, and is what the program takes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { strayVariables } from "../../src/config/stray.ts";
import {
  copiesOf,
  execForm,
  imageEnvironment,
  imageStage,
  stages,
  textsOf,
} from "../support/containers/dockerfile.ts";
import { helpOf } from "../support/containers/help.ts";
import { repository } from "../support/process.ts";

const read = (path: string) => readFileSync(join(repository, path), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  files: string[];
  devDependencies: Record<string, string>;
};
const port = imageEnvironment().WEIR_LISTEN!.split(":").at(-1)!;

describe("the image", () => {
  it("is built in stages on the Node that the tests run", () => {
    expect(stages.map(({ name }) => name)).toEqual(["dependencies", "build", undefined]);
    const node = `node:${manifest.devDependencies.node}-bookworm-slim`;
    expect(new Set(stages.map(({ from }) => from))).toEqual(new Set([node]));
  });

  it("has packages from the lockfile, and none that only build or test", () => {
    const installs = stages.flatMap((stage) => textsOf("RUN", stage)).filter((run) => run.includes("npm "));
    expect(installs.filter((run) => /npm (i|install|add|update)\b/.test(run))).toEqual([]);
    expect(textsOf("RUN", stages[0])[0]).toContain("npm ci --omit=dev");
    for (const stage of stages.slice(0, -1)) {
      expect(copiesOf(stage)[0]?.sources).toEqual(["package.json", "package-lock.json"]);
    }
    expect(copiesOf(imageStage)[0]).toEqual({
      from: "dependencies",
      sources: ["/weir/node_modules"],
      target: "./node_modules",
    });
  });

  it("has all that the package has", () => {
    const targets = copiesOf(imageStage).flatMap(({ sources, target }) =>
      target.endsWith("/") ? sources : [target.replace("./", "")],
    );
    expect(targets.sort()).toEqual(
      [...new Set([...manifest.files, "LICENSE", "node_modules", "package.json"])].sort(),
    );
  });

  it("copies what exists and is in the build's context, which has nothing else", () => {
    const copied = new Set(
      stages.flatMap(copiesOf).flatMap(({ from, sources }) => (from === undefined ? sources : [])),
    );
    for (const path of copied) expect(existsSync(join(repository, path)), path).toBe(true);
    const [first, ...kept] = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(first).toBe("*");
    expect(kept.map((line) => line.replace(/^!/, "")).sort()).toEqual([...copied].sort());
  });

  it("runs a user without rights, whose only place to write is the data directory", () => {
    expect(textsOf("USER")).toEqual(["1000:1000"]);
    const data = imageEnvironment().WEIR_DATA_DIR;
    expect(textsOf("VOLUME")).toEqual([data]);
    expect(textsOf("RUN")).toEqual([`install -d -o node -g node -m 750 ${data}`]);
    const order = imageStage.instructions.map(({ keyword }) => keyword);
    expect(order.lastIndexOf("COPY")).toBeLessThan(order.indexOf("USER"));
  });

  it("has settings that the program takes, and keys are needed", () => {
    const { NODE_ENV, ...env } = imageEnvironment();
    expect(NODE_ENV).toBe("production");
    expect(strayVariables(env)).toEqual([]);
    expect(readConfig([], env)).toMatchObject({
      auth: "auto",
      listen: [`0.0.0.0:${port}`],
      dataDir: "/data",
    });
    expect(textsOf("EXPOSE")).toEqual([port]);
  });

  it("starts node itself, which so is told of signals, and asks the program for its health", async () => {
    expect(execForm("ENTRYPOINT")).toEqual(["node", "bin/weir.js"]);
    expect(execForm("CMD")).toEqual(["serve"]);
    const [first, ...check] = execForm("HEALTHCHECK");
    expect([first, ...check]).toEqual([...execForm("ENTRYPOINT"), "ready"]);
    expect(await helpOf("ready", "--help")).toContain(`default http://127.0.0.1:${port}`);
  });
});
