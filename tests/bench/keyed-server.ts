/** A server for benchmarks that wants keys, and one that is open. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createWeirClient, Scope, type WeirClient } from "../../client/node/index.ts";
import { type BenchServer, startBenchServer } from "./server.ts";

export interface KeyedServer extends BenchServer {
  /** A client of a new key that may send and ask, within limits where some are given. */
  newKey(limits?: { eventsPerSecond: number }): Promise<string>;
}

const bootstrapKey = "the-key-of-whoever-runs-benchmarks";

export async function startKeyedServer(dataDir: string): Promise<KeyedServer> {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, "bootstrap.key");
  writeFileSync(file, bootstrapKey);
  const server = await startBenchServer(dataDir, "--auth", "required", "--bootstrap-key-file", file);
  return {
    ...server,
    async newKey(limits) {
      const operator = createWeirClient({ url: server.url, apiKey: bootstrapKey });
      const scopes = [Scope.INGEST, Scope.QUERY, Scope.PLATFORM];
      const { secret } = await operator.admin.createApiKey({
        name: "bench",
        scopes,
        ...(limits ? { limits } : {}),
      });
      await operator.close();
      return secret;
    },
  };
}

/** Resolves once the store has what was sent, so that its work is not in the next figures. */
export async function idle({ consumer }: WeirClient): Promise<void> {
  while ((await consumer.getConsumerLag({})).lagEvents > 0n) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
