import { listRoutes, type Route } from "../../client/core/routes.ts";
import { type Command, columns, exitCodes } from "./command.ts";
import { connectionFlags } from "./connection.ts";

/** What the port serves beside the contract. */
const pages: readonly (readonly [string, string])[] = [
  ["/", "page of links"],
  ["/health", "whether the process is well, by part"],
  ["/ready", "whether it takes requests"],
  ["/stats", "figures of the producer and the consumer"],
  ["/lag", "how far the store is behind the log"],
  ["/metrics", "metrics for Prometheus"],
  ["/docs", "API reference"],
  ["/openapi.json", "description of the REST routes"],
];

export const urls: Command = {
  details: "The routes are those of the contract that this program was made with; the server is not asked.",
  flags: { url: connectionFlags.url },
  async run(values, _operands, context) {
    const { rest, rpc } = listRoutes();
    const base = String(values.url).replace(/\/+$/, "");
    const text = [
      base,
      "",
      "Pages",
      columns(pages.map(([path, what]) => [base + path, what])),
      "",
      "REST",
      columns(rest.map((route) => [`${route.verb.padEnd(6)} ${route.path}`, describe(route)])),
      "",
      "Connect, gRPC and gRPC-Web, on the same address",
      columns(rpc.map((route) => [`${route.verb.padEnd(6)} ${route.path}`, describe(route, false)])),
      "",
    ];
    context.stdout.write(text.join("\n"));
    return exitCodes.done;
  },
};

function describe({ method, planned }: Route, named = true): string {
  const name = named ? `${method.parent.name}.${method.name}` : "";
  return planned ? `${name} (later)`.trim() : name;
}
