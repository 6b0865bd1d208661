/** What tracing costs a call: the same calls to a server that traces nothing, and to ones that do, by turns. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { comparePaired, sideOf } from "./paired.ts";
import { startBenchServer } from "./server.ts";

/** @param rounds of each kind of call */
export async function tracing(directory: string, rounds: number): Promise<void> {
  // Takes every span and does nothing with it.
  const sink = createServer((request, response) => request.resume().on("end", () => response.end()));
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  const endpoint = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
  const start = (name: string, ...args: string[]) => startBenchServer(join(directory, name), ...args);
  const traced = (ratio: string) =>
    start(`ratio-${ratio}`, "--otlp-endpoint", endpoint, "--trace-ratio", ratio);
  try {
    const sides = [
      sideOf("without a collector", await start("off")),
      sideOf("1 % of the calls traced", await traced("0.01")),
      sideOf("all calls traced", await traced("1")),
      sideOf("another one without, which is chance", await start("other")),
    ];
    await comparePaired(sides, rounds);
  } finally {
    sink.close();
    sink.closeAllConnections();
  }
}
