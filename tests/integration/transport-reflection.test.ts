import { create, createFileRegistry, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { startPort, type TestPort } from "./transport-support.ts";

type Request = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

let port: TestPort;
beforeAll(async () => {
  port = await startPort();
});
afterAll(() => port.transport.close(1000));

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionAlpha as unknown as typeof ServerReflection],
])("grpc.reflection.%s", (_, service) => {
  /** The answers to requests on one stream. */
  async function ask(
    ...requests: NonNullable<Request>[]
  ): Promise<ServerReflectionResponse["messageResponse"][]> {
    const client = createClient(service, createGrpcTransport({ baseUrl: port.url }));
    async function* all() {
      for (const messageRequest of requests) yield { host: "", messageRequest };
    }
    const answers: ServerReflectionResponse["messageResponse"][] = [];
    for await (const { messageResponse } of client.serverReflectionInfo(all())) answers.push(messageResponse);
    return answers;
  }
  async function files(request: NonNullable<Request>): Promise<FileDescriptorProto[]> {
    const [answer] = await ask(request);
    if (answer?.case !== "fileDescriptorResponse") throw new Error(`answered ${answer?.case}`);
    return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  }

  test("lists every service", async () => {
    const [answer] = await ask({ case: "listServices", value: "" });
    const names = answer?.case === "listServicesResponse" ? answer.value.service.map(({ name }) => name) : [];
    expect(names).toEqual([
      "analytics.v1.EventIngestionService",
      "analytics.v1.ProducerService",
      "analytics.v1.ConsumerService",
      "analytics.v1.AnalyticsService",
      "analytics.v1.MetricsService",
      "analytics.v1.AdminService",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
  });

  test("gives a symbol's file first, with all that it imports, from which the service can be called", async () => {
    for (const value of [
      "analytics.v1.ProducerService",
      "analytics.v1.ProducerService.SendEvent",
      "analytics.v1.FlatEvent",
    ]) {
      const found = await files({ case: "fileContainingSymbol", value });
      expect(found[0]?.name).toBe("analytics/v1/producer.proto");
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: found.toReversed() }));
      const service = registry.getService("analytics.v1.ProducerService");
      expect(service?.method.sendEvent?.input.fields.map(({ name }) => name)).toEqual(["event", "options"]);
    }
  });

  test("gives a file by its name, and by the extension it holds", async () => {
    expect((await files({ case: "fileByFilename", value: "google/api/http.proto" })).at(0)?.name).toBe(
      "google/api/http.proto",
    );
    const extension = { containingType: "google.protobuf.MethodOptions", extensionNumber: 50101 };
    expect((await files({ case: "fileContainingExtension", value: extension })).at(0)?.name).toBe(
      "analytics/v1/options.proto",
    );
    const [numbers] = await ask({
      case: "allExtensionNumbersOfType",
      value: "google.protobuf.MethodOptions",
    });
    expect(numbers?.value).toMatchObject({
      extensionNumber: expect.arrayContaining([50101, 50102, 50103, 72295728]),
    });
  });

  test("sends what it has sent on a stream only once", async () => {
    const [first, second] = await ask(
      { case: "fileContainingSymbol", value: "analytics.v1.ProducerService" },
      { case: "fileContainingSymbol", value: "analytics.v1.EventIngestionService" },
    );
    const counts = [first, second].map((answer) =>
      answer?.case === "fileDescriptorResponse" ? answer.value.fileDescriptorProto.length : -1,
    );
    expect(counts[0]).toBeGreaterThan(5);
    expect(counts[1]).toBe(1);
  });

  test("says what it does not know, and goes on", async () => {
    const answers = await ask(
      { case: "fileContainingSymbol", value: "a.B" },
      { case: "fileByFilename", value: "a.proto" },
      { case: "allExtensionNumbersOfType", value: "a.B" },
      { case: "listServices", value: "" },
    );
    expect(answers.map((answer) => answer.case)).toEqual([
      "errorResponse",
      "errorResponse",
      "errorResponse",
      "listServicesResponse",
    ]);
    expect(answers[0]?.value).toMatchObject({ errorCode: 5 });
  });
});
