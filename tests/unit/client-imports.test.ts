import { builtinModules } from "node:module";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** Every file that the entry point pulls in, relative to the repository, and the packages left out of it. */
async function importGraph(entry: string, platform: "node" | "browser") {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    logLevel: "silent",
    platform,
  });
  const inputs = Object.entries(result.metafile.inputs);
  return {
    files: inputs.map(([path]) => path),
    external: inputs.flatMap(([, { imports }]) => imports.filter((i) => i.external).map((i) => i.path)),
    bytes: result.outputFiles[0]!.contents.length,
  };
}

/** Of protovalidate only the descriptor of its annotations, which the contract's own refers to. */
const allowed =
  /^(client|gen|node_modules\/@(bufbuild\/protobuf|bufbuild\/protovalidate\/dist\/esm\/gen|connectrpc\/connect(-node|-web)?))\//;

describe("the import graph of the client", () => {
  it.each([
    ["client/core/index.ts", "browser"],
    ["client/web/index.ts", "browser"],
    ["client/node/index.ts", "node"],
  ] as const)("%s holds no server code", async (entry, platform) => {
    const { files } = await importGraph(entry, platform);
    expect(files).toContain("gen/analytics/v1/ingestion_pb.js");
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
  });

  it("for browsers needs nothing of Node", async () => {
    const { files, external } = await importGraph("client/web/index.ts", "browser");
    expect(files.filter((file) => file.includes("connect-node"))).toEqual([]);
    expect(external).toEqual([]);
  });

  it("for Node needs nothing beside Node", async () => {
    const { external } = await importGraph("client/node/index.ts", "node");
    const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
    expect(external.filter((name) => !builtins.has(name))).toEqual([]);
  });
});
