/** The plain pages of the port: health, figures, documents and links. */
import type { JsonObject } from "@bufbuild/protobuf";
import { Scope } from "../contract/options.ts";
import type { StageHealth } from "../domain/health.ts";
import { indexPage, openIndexPage } from "./html.ts";
import { referencePage } from "./reference.ts";

export interface PageAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Page {
  readonly path: string;
  /** What the caller's key needs. */
  readonly scope: Scope;
  /** Whether each request is worth a line at level info; probes and scrapes are not. */
  readonly quiet: boolean;
  answer(): PageAnswer | Promise<PageAnswer>;
}

/** What app.ts tells of the process. */
export interface PageSources {
  /** The state of every part; /health is 503 while one of them is unhealthy. */
  health(): readonly StageHealth[];
  /** Whether calls are answered: false before everything has started, and once the server stops. */
  ready(): boolean;
  /** Figures of the parts that run, as plain JSON. */
  stats(): unknown | Promise<unknown>;
  /** The lag of each partition, as plain JSON; absent where nothing of this process knows it. */
  lag?(): unknown | Promise<unknown>;
  /** The metrics in Prometheus' text format, with their content type. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  readonly version: string;
}

/** Pages about the process alone, as they are served on an address of their own: to whoever reaches it. */
export function ownPages(sources: PageSources): Page[] {
  const scope = Scope.OPEN;
  const pages = [...statePages(sources), ...figurePages(sources)].map((page) => ({ ...page, scope }));
  const index = openIndexPage(
    sources.version,
    pages.map(({ path }) => path),
  );
  return [{ path: "/", scope, quiet: true, answer: () => answer(200, htmlType, index) }, ...pages];
}

function statePages(sources: PageSources): Page[] {
  const scope = Scope.OPEN;
  return [
    { path: "/health", scope, quiet: true, answer: () => healthAnswer(sources.health()) },
    { path: "/ready", scope, quiet: true, answer: () => readyAnswer(sources) },
  ];
}

function figurePages(sources: PageSources): Page[] {
  const scope = Scope.PLATFORM;
  const { lag } = sources;
  return [
    { path: "/stats", scope, quiet: true, answer: async () => json(200, await sources.stats()) },
    ...(lag ? [{ path: "/lag", scope, quiet: true, answer: async () => json(200, await lag()) }] : []),
    {
      path: "/metrics",
      scope,
      quiet: true,
      answer: async () => ({ status: 200, ...(await sources.metrics()) }),
    },
  ];
}

/** @param openApi the contract's REST side as an OpenAPI document */
export function plainPages(sources: PageSources, openApi: JsonObject): Page[] {
  const scope = Scope.OPEN;
  const document = JSON.stringify(openApi);
  const docs = referencePage(openApi);
  const index = indexPage(sources.version, sources.lag !== undefined);
  return [
    ...statePages(sources),
    { path: "/openapi.json", scope, quiet: false, answer: () => answer(200, "application/json", document) },
    { path: "/docs", scope, quiet: false, answer: () => answer(200, htmlType, docs) },
    { path: "/", scope, quiet: false, answer: () => answer(200, htmlType, index) },
    ...figurePages(sources),
  ];
}

const htmlType = "text/html; charset=utf-8";

function healthAnswer(parts: readonly StageHealth[]): PageAnswer {
  const status = worst(parts);
  return json(status === "unhealthy" ? 503 : 200, { status, components: parts });
}

/** Whether calls are answered: /ready and grpc.health.v1 agree. */
export function isReady(sources: PageSources): boolean {
  return sources.ready() && failing(sources).length === 0;
}

function failing(sources: PageSources): StageHealth[] {
  return sources.health().filter(({ status, standby }) => status === "unhealthy" || standby);
}

function readyAnswer(sources: PageSources): PageAnswer {
  const ready = isReady(sources);
  return json(ready ? 200 : 503, { ready, failing: failing(sources) });
}

function worst(parts: readonly StageHealth[]): StageHealth["status"] {
  const order = ["unhealthy", "degraded"] as const;
  return order.find((status) => parts.some((part) => part.status === status)) ?? "healthy";
}

/** Keys are spelled as in REST answers, 64-bit counts are text, as in proto JSON. */
function json(status: number, value: unknown): PageAnswer {
  const spell = (_: string, v: unknown) => {
    if (typeof v === "bigint") return String(v);
    if (typeof v !== "object" || v === null || Array.isArray(v)) return v;
    const entries = v instanceof Map ? [...v] : Object.entries(v);
    return Object.fromEntries(entries.map(([key, inner]) => [snakeCase(key), inner]));
  };
  return answer(status, "application/json", JSON.stringify(value, spell));
}

/** fileBytes becomes file_bytes; what has no hump, such as an error's reason, stays. */
function snakeCase(key: string): string {
  return key.replace(
    /([a-z0-9])([A-Z])/g,
    (_, before: string, hump: string) => `${before}_${hump.toLowerCase()}`,
  );
}

function answer(status: number, contentType: string, body: string): PageAnswer {
  return { status, contentType, body };
}
