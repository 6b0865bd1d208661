/** Rate, errors and duration of every method, over every protocol. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { isPlanned } from "../../src/contract/options.ts";
import { sendRaw } from "../support/http.ts";
import { callsOf, methods } from "../support/method-calls.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** How many calls were measured, by `method protocol code`; only those of methods that the name begins with. */
async function measured(start: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = /^weir_rpc_duration_seconds_count\{method="(.*?)",protocol="(.*?)",code="(.*?)"\} (\d+)$/gm;
  return new Map(
    [...text.matchAll(line)].flatMap(([, method, protocol, code, count]) =>
      method!.startsWith(start) ? [[`${method} ${protocol} ${code}`, Number(count)] as const] : [],
    ),
  );
}

it.each(methods)("$name is measured over every protocol, with the code that it ended with", async (one) => {
  const { name, method } = one;
  const expected = new Map<string, number>();
  for (const { wire, request } of callsOf(method)) {
    await sendRaw(server.url, request);
    const key = `${name} ${wire.protocol}`;
    expected.set(key, (expected.get(key) ?? 0) + 1);
  }
  expect([...expected.keys()].map((key) => key.split(" ")[1])).toEqual(
    expect.arrayContaining(["connect", "grpc", "grpc-web"]),
  );
  await vi.waitFor(async () => {
    const counts = await measured(name);
    const byProtocol = new Map<string, number>();
    for (const [key, count] of counts) {
      const [, protocol, code] = key.split(" ");
      if (isPlanned(method)) expect(code).toBe("UNIMPLEMENTED");
      byProtocol.set(`${name} ${protocol}`, (byProtocol.get(`${name} ${protocol}`) ?? 0) + count);
    }
    expect(byProtocol).toEqual(expected);
  });
});

it("what is no method makes no series of its own", async () => {
  for (const path of ["/no/such/path", "/analytics.v1.NoService/NoMethod", "/v1/nothing"]) {
    await fetch(server.url + path, { method: "POST" });
  }
  const all = await measured("");
  const known = new Set(methods.map(({ name }) => name));
  const others = new Set([...all.keys()].map((key) => key.split(" ")[0]!).filter((name) => !known.has(name)));
  expect([...others].filter((name) => name !== "none" && name !== "/metrics")).toEqual([]);
});
