/** One trace over three processes: the log carries it from the one that takes an event to the one that applies it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Role } from "../../src/domain/roles.ts";
import { type Collector, startCollector } from "../support/collector.ts";
import { runCommand } from "../support/command.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

let collector: Collector;
let installation: Installation;
let servers: Record<Role, RunningServer>;

beforeAll(async () => {
  collector = await startCollector();
  installation = await startInstallation({ env: { WEIR_OTLP_ENDPOINT: collector.url } });
  servers = await installation.serveEach();
});
afterAll(async () => {
  await installation?.close();
  await collector?.close();
});

it("shows one trace of what three processes did", async () => {
  const traceId = "a".repeat(32);
  const traceparent = `00-${traceId}-${"a".repeat(16)}-01`;
  const curl = async (...args: string[]) => {
    const header = (text: string) => ["-H", text];
    const { code, stdout, stderr } = await runCommand("curl", [
      "-sS",
      "--fail-with-body",
      ...header(`traceparent: ${traceparent}`),
      ...header("content-type: application/json"),
      ...args,
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
  };
  const event = { id: "1", userId: "u", name: "traced" };
  const { visibility_token } = await curl("-d", JSON.stringify({ event }), `${servers.ingest.url}/v1/events`);
  const token = ["-G", "--data-urlencode", `min_visibility=${visibility_token}`];
  expect(await curl(...token, `${servers.analytics.url}/v1/analytics/summary`)).toMatchObject({
    total_events: "1",
  });

  const apply = await collector.span(({ name }) => name === "apply");
  const asked = await collector.span(({ name }) => name.startsWith("store "));
  const calls = await Promise.all(
    ["IngestEvent", "GetAnalyticsSummary"].map((method) =>
      collector.span(({ attributes }) => attributes["rpc.method"] === method),
    ),
  );
  const of = [apply, asked, ...calls].map((span) => [
    span.traceId,
    span.parentSpanId,
    span.resource["weir.roles"],
  ]);
  expect(of).toEqual([
    [traceId, calls[0]!.spanId, "consumer"],
    [traceId, calls[1]!.spanId, "analytics"],
    [traceId, "a".repeat(16), "ingest"],
    [traceId, "a".repeat(16), "analytics"],
  ]);
});
