import { afterAll, beforeAll } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { type RunningServer, startServer } from "./server.ts";

/** A server for the tests of one file, with nothing stored, and a client of it. */
export function useServer(): { readonly client: WeirClient } {
  let server: RunningServer;
  let client: WeirClient;
  beforeAll(async () => {
    server = await startServer();
    client = createWeirClient({ url: server.url });
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });
  return {
    get client() {
      return client;
    },
  };
}
