/** Where keys are required, whoever has none is refused before the body is read: here it never comes. */
import { request as http1Request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import type { RawRequest } from "../support/http.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { streamWires, wires } from "../support/wires.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ args: ["--auth", "required"] });
});
afterAll(() => server.stop());

const { ingestEvents, streamEvents } = EventIngestionService.method;
const ways = [
  ...wires.map((wire) => ({ wire, method: ingestEvents })),
  ...streamWires("2").map((wire) => ({ wire, method: streamEvents })),
].map(({ wire, method }) => ({
  name: `${wire.name} ${method.name}`,
  request: wire.request(method, create(method.input, {}))!,
}));

/** Status of HTTP, or of gRPC where that says more, to a request of which the head alone is sent. */
function answerToHead(url: string, { version, verb, path, headers }: RawRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    if (version === "1.1") {
      const { hostname, port } = new URL(url);
      const length = { "content-length": "1000000" };
      const options = {
        hostname,
        port,
        method: verb,
        path,
        headers: { ...headers, ...length },
        agent: false,
      };
      const sent = http1Request(options, (response) => {
        response.resume();
        resolve(`${response.statusCode} ${response.headers["grpc-status"] ?? ""}`);
        sent.destroy();
      });
      sent.on("error", reject);
      sent.flushHeaders();
      return;
    }
    const session = connectHttp2(url);
    session.on("error", reject);
    const stream = session.request({ ":method": verb, ":path": path, ...headers }, { endStream: false });
    stream.on("error", reject);
    stream.on("response", (head) => {
      resolve(`${head[":status"]} ${head["grpc-status"] ?? ""}`);
      session.destroy();
    });
  });
}

it.each(ways)("over $name", async ({ request }) => {
  for (const key of [{}, { "x-api-key": "weir_nobodys" }]) {
    const sent = { ...request, headers: { ...request.headers, ...key } };
    // gRPC-Web and Connect's streams say more in a body, which need not have come with the head.
    expect(await answerToHead(server.url, sent)).toMatch(/^(401 |200 (16)?)$/);
  }
});
