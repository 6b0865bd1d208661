/** A real OpenTelemetry Collector, which takes spans as any does and hands them on to the test as JSON. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { collectorBinary } from "./collector/binary.ts";

/** A span as OTLP's JSON has it, as far as the tests read it. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it is the root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly failed: boolean;
  /** Of the process that made it. */
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

export interface Collector {
  /** Where spans are sent to. */
  readonly url: string;
  /** What came so far. */
  spans(): readonly CollectedSpan[];
  /** Resolves with the first span that is it, now or later. */
  span(is: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  close(): Promise<void>;
}

const deadlineMs = 30_000;

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const waiting = new Set<() => void>();
  const sink = createServer((request, response) => {
    void text(request).then((body) => {
      spans.push(...spansOf(JSON.parse(body)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      for (const look of waiting) look();
    });
  });
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  const { port } = sink.address() as AddressInfo;
  const program = await collectorBinary();
  const child = spawn(program, ["--config", `yaml:${configuration(port)}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  const close = async () => {
    child.kill("SIGTERM");
    await ended;
    sink.closeAllConnections();
    await new Promise((resolve) => sink.close(resolve));
  };
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const endpoint = /Starting HTTP server.*"endpoint": "([^"]+)"/.exec(line)?.[1];
      if (endpoint !== undefined) resolve(`http://${endpoint}`);
    });
    void ended.then(() => reject(new Error("the collector ended before it listened")));
  });
  return {
    url,
    spans: () => spans,
    span: (is) =>
      new Promise((resolve, reject) => {
        const overdue = setTimeout(() => {
          waiting.delete(look);
          const names = spans.map(({ name }) => name).join(", ");
          reject(new Error(`no such span came; there are: ${names}`));
        }, deadlineMs);
        const look = () => {
          const found = spans.find(is);
          if (found === undefined) return;
          clearTimeout(overdue);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close,
  };
}

/** In by OTLP, out by OTLP: what does not get through is not tried again. */
function configuration(sinkPort: number): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:0" } } } },
    exporters: {
      otlp_http: {
        endpoint: `http://127.0.0.1:${sinkPort}`,
        encoding: "json",
        compression: "none",
        sending_queue: { enabled: false },
        retry_on_failure: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: "none" } },
      pipelines: { traces: { receivers: ["otlp"], exporters: ["otlp_http"] } },
    },
  });
}

type Value = { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };
type Attribute = { key: string; value: Value };
interface Exported {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: (Omit<CollectedSpan, "attributes" | "failed" | "resource"> & {
        attributes?: Attribute[];
        status?: { code?: number };
      })[];
    }[];
  }[];
}

function spansOf({ resourceSpans }: Exported): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes = [], status, ...span }) => ({
        ...span,
        parentSpanId: span.parentSpanId ?? "",
        attributes: valuesOf(attributes),
        failed: status?.code === 2,
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

function valuesOf(attributes: readonly Attribute[]) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        (value.intValue === undefined ? undefined : Number(value.intValue)) ??
        value.doubleValue ??
        value.boolValue ??
        "",
    ]),
  );
}
