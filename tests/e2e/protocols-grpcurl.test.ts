/** grpcurl, which is built by Go once, beside the protocols of tests/contract/protocols-events.test.ts. */
import { create, fromJsonString } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import {
  EventIngestionService,
  IngestResult,
  type StreamEventsResponse,
  StreamEventsResponseSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { contractServices } from "../../src/contract/registry.ts";
import { runCommand } from "../support/command.ts";
import { findGrpcurl, grpcurl } from "../support/grpcurl.ts";
import { startServer } from "../support/server.ts";
import { clientWay, grpcurlWay } from "../support/ways.ts";

const path = await findGrpcurl();

describe.skipIf(path === undefined)("grpcurl", async () => {
  if (path === undefined) return;
  const server = await startServer();
  const weir = createWeirClient({ url: server.url });
  afterAll(async () => {
    await weir.close();
    await server.stop();
  });
  const call = { path, url: server.url };
  const typed = clientWay({ name: "the typed client", protocol: "grpc", asksBy: "POST" }, weir.transport);
  const way = grpcurlWay(call);

  test("sends an event and reads it back; the typed client's copy is a duplicate, and the other way round", async () => {
    for (const [first, second] of [
      [way, typed],
      [typed, way],
    ] as const) {
      const event = create(EventSchema, {
        id: "e-1",
        userId: `first by ${first.name}`,
        name: "click",
        measures: { ms: 1.5 },
      });
      const sent = await first.send(event, crypto.randomUUID());
      const again = await second.send(event, crypto.randomUUID());
      expect([sent.result, again.result]).toEqual([IngestResult.ACCEPTED, IngestResult.DUPLICATE]);
      const answer = await way.user(event.userId, sent.visibilityToken, crypto.randomUUID());
      expect(answer.events).toMatchObject([{ event: { id: "e-1", name: "click", measures: { ms: 1.5 } } }]);
      expect(await typed.user(event.userId, sent.visibilityToken, crypto.randomUUID())).toEqual(answer);
    }
  });

  test("streams events in and prints the acknowledgements", async () => {
    const good = { id: "good", userId: "streamed", name: "click" };
    const { code, stdout } = await grpcurl(
      call,
      EventIngestionService.method.streamEvents,
      { config: {} },
      { batch: { sequence: 1, events: [good, { id: "bad", userId: "null" }] } },
      { batch: { sequence: 2, events: [good] } },
    );
    expect(code).toBe(0);
    const answers: StreamEventsResponse[] = stdout
      .trim()
      .split(/(?<=^\})\n(?=\{)/m)
      .map((text) => fromJsonString(StreamEventsResponseSchema, text));
    expect(answers.flatMap(({ message }) => (message.case === "ack" ? [message.value] : []))).toMatchObject([
      { sequence: 1n, result: { acceptedCount: 1, rejected: [{ index: 1, eventId: "bad" }] } },
      { sequence: 2n, result: { duplicateCount: 1 } },
    ]);
  });

  test("lists every service, and describes every method with what it takes", async () => {
    const address = new URL(server.url).host;
    const listed = await runCommand(path, ["-plaintext", address, "list"]);
    const names = contractServices.map(({ typeName }) => typeName);
    expect(listed.stdout.trim().split("\n")).toEqual(
      [
        ...names,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ].sort(),
    );
    for (const service of contractServices) {
      const { code, stdout } = await runCommand(path, ["-plaintext", address, "describe", service.typeName]);
      expect(code, service.typeName).toBe(0);
      for (const method of service.methods) expect(stdout).toContain(`rpc ${method.name} (`);
    }
    const { stdout } = await runCommand(path, ["-plaintext", address, "describe", "analytics.v1.Event"]);
    expect(stdout).toContain("map<string, double> measures");
  });

  test("is told what is wrong, in words", async () => {
    const bad = { event: { id: "e", userId: "null" } };
    const { code, stderr } = await grpcurl(call, EventIngestionService.method.ingestEvent, bad);
    expect(code).not.toBe(0);
    expect(stderr).toContain("Code: InvalidArgument");
    expect(stderr).toContain('event.user_id: "null" names no user');
    // The details' types are known by reflection too.
    expect(stderr).toContain('"reason": "INVALID_EVENT"');
    expect(stderr).toContain('"field": "event.user_id"');
    const planned = await grpcurl(call, AdminService.method.getTrackingPlan, {});
    expect(planned.stderr).toContain("Code: Unimplemented");
    expect(planned.stderr).toContain("analytics.v1.AdminService/GetTrackingPlan");
  });

  test("asks for the health that load balancers ask for", async () => {
    const address = new URL(server.url).host;
    const check = ["-plaintext", address, "grpc.health.v1.Health/Check"];
    const { code, stdout } = await runCommand(path, check);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
  });
});
