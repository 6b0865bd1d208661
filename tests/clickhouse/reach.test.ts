import { expect, it, vi } from "vitest";
import { migrateClickhouse } from "../../src/store/clickhouse/migrate.ts";
import { createClickhouseStore } from "../../src/store/clickhouse/store.ts";
import { startEngine } from "../support/clickhouse.ts";
import { memoryArbiter, testSecret } from "../support/clickhouse-store.ts";
import { patiently } from "../support/store.ts";

it("a server that is gone is known though nobody asks or writes anything, and so is that it is back", async () => {
  const engine = await startEngine();
  const url = engine.newDatabase();
  await migrateClickhouse(url);
  const store = await createClickhouseStore({ url, arbiter: memoryArbiter(), idSecret: testSecret });
  try {
    expect(store.health().status).toBe("healthy");
    await engine.kill9();
    await vi.waitFor(() => {
      const { status, message } = store.health();
      expect([status, message]).toEqual(["unhealthy", expect.stringMatching(/^ClickHouse cannot answer: /)]);
    }, 30_000);
    await engine.restart();
    await vi.waitFor(() => expect(store.health().status).toBe("healthy"), 30_000);
    const question = { kind: "bounds", selection: { project: "p" } } as const;
    expect(await store.ask(question, patiently())).toMatchObject({});
  } finally {
    await store.close();
    await engine.close();
  }
});
