/** How fast a process of role ingest takes batches of 1,000 events by gRPC, acknowledged by all replicas in sync. */
import { ingestLoad } from "../node-program.ts";
import { row } from "../report.ts";
import { startBenchServer } from "../server.ts";
import { startBenchCluster } from "./cluster.ts";
import { bind, type Cores } from "./cores.ts";

const warmUpSeconds = 5;

/** @param dataDir of the server, which keeps nothing there */
export async function ingest(cores: Cores, seconds: number, dataDir: string): Promise<void> {
  const cluster = await startBenchCluster(cores);
  try {
    const server = await startBenchServer(dataDir, "--roles", "ingest", "--log", cluster.url);
    // The client runs where this process does.
    bind(cores.others);
    try {
      ingestLoad(server.url, Math.min(warmUpSeconds, seconds));
      const before = server.cpuSeconds();
      const load = ingestLoad(server.url, seconds);
      row("events accepted a second", load.accepted / load.seconds);
      row("batch latency p50 / p99, ms", load.p50, load.p99);
      row("server CPU seconds a second", (server.cpuSeconds() - before) / load.seconds);
      row("client CPU seconds a second", load.cpu);
      row("resident MiB after the load", server.residentMib());
    } finally {
      bind(cores.measured);
      await server.stop();
    }
  } finally {
    await cluster.close();
  }
}
