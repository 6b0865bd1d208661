/** What tracing costs a call: the same calls to a server that traces nothing, and to ones that do, by turns. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { comparePaired, type Side, sideOf, startInAnyOrder } from "./paired.ts";
import { startBenchServer } from "./server.ts";

/** @param rounds of each kind of call */
export async function tracing(directory: string, rounds: number): Promise<void> {
  // Takes every span and does nothing with it.
  const sink = createServer((request, response) => request.resume().on("end", () => response.end()));
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  const endpoint = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
  const startSides = async (place: string): Promise<readonly Side[]> => {
    const start =
      (name: string, ...args: string[]) =>
      () =>
        startBenchServer(join(place, name), ...args);
    const traced = (ratio: string) =>
      start(`ratio-${ratio}`, "--otlp-endpoint", endpoint, "--trace-ratio", ratio);
    const [off, some, all, other] = await startInAnyOrder([
      start("off"),
      traced("0.01"),
      traced("1"),
      start("other"),
    ]);
    return [
      sideOf("without a collector", off),
      sideOf("1 % of the calls traced", some),
      sideOf("all calls traced", all),
      sideOf("another one without, which is chance", other),
    ];
  };
  try {
    await comparePaired(directory, startSides, rounds);
  } finally {
    sink.close();
    sink.closeAllConnections();
  }
}
