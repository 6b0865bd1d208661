import { join } from "node:path";
import type { DescMethod } from "@bufbuild/protobuf";
import { runCommand } from "./command.ts";
import type { Finished } from "./process.ts";
import { repository } from "./process.ts";

export const bufProtocols = ["connect", "grpc", "grpcweb"] as const;

export interface BufCall {
  /** Address of the server. */
  readonly url: string;
  readonly protocol: (typeof bufProtocols)[number];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls a method by `buf curl`, which learns the contract from the server's reflection. */
export async function bufCurl(
  { url, protocol, headers = {} }: BufCall,
  method: DescMethod,
  ...requests: readonly unknown[]
): Promise<Finished> {
  const named = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const data = requests.map((request) => JSON.stringify(request)).join("\n");
  const address = `${url}/${method.parent.typeName}/${method.name}`;
  // Where keys are required reflection wants one too.
  const reflect = "x-api-key" in headers ? ["--reflect", "--reflect-header", "*"] : [];
  const flags = ["--protocol", protocol, ...named, ...reflect, "--data", data];
  return runCommand(join(repository, "node_modules/.bin/buf"), ["curl", ...flags, address]);
}
