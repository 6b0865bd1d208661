/** The port's HTML: a page of links, and a reference of the REST routes. Everything is in the page itself. */
import type { JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../contract/json-request.ts";

const links: readonly (readonly [path: string, what: string])[] = [
  ["/docs", "API reference"],
  ["/openapi.json", "API as an OpenAPI document"],
  ["/v1/analytics/summary", "Summary of all events"],
  ["/health", "Health of the parts"],
  ["/ready", "Whether calls are answered"],
  ["/stats", "Figures of the parts"],
  ["/lag", "Lag of the consumer"],
  ["/metrics", "Metrics for Prometheus"],
];

const style =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  "code{background:#8882;padding:.1em .3em;border-radius:.2em}table{border-collapse:collapse}" +
  "td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}:root{color-scheme:light dark}";

export function indexPage(version: string): string {
  const items = links.map(([path, what]) => `<li><a href="${path}">${path}</a>: ${what}</li>`);
  return page("Weir", `<p>Event analytics, version ${escapeHtml(version)}.</p><ul>${items.join("")}</ul>`);
}

export function docsPage(openApi: JsonValue): string {
  const rows = operations(openApi).map(
    ({ verb, path, id, summary }) =>
      `<tr id="${escapeHtml(id)}"><td><code>${escapeHtml(verb)} ${escapeHtml(path)}</code></td><td>${escapeHtml(id)}</td>` +
      `<td>${escapeHtml(summary)}</td></tr>`,
  );
  const intro =
    "<p>Every method is also served by Connect, gRPC and gRPC-Web at <code>/package.Service/Method</code>; " +
    'server reflection lists them. The <a href="/openapi.json">OpenAPI document</a> has every field.</p>';
  return page("Weir: API reference", `${intro}<table><tbody>${rows.join("")}</tbody></table>`);
}

interface Operation {
  readonly verb: string;
  readonly path: string;
  readonly id: string;
  readonly summary: string;
}

function operations(openApi: JsonValue): Operation[] {
  const paths = isObject(openApi) && isObject(openApi.paths) ? openApi.paths : {};
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(isObject(item) ? item : {}).map(([verb, operation]) => {
      const { operationId, summary } = isObject(operation) ? operation : {};
      return {
        verb: verb.toUpperCase(),
        path,
        id: String(operationId ?? ""),
        summary: String(summary ?? ""),
      };
    }),
  );
}

function page(title: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${style}</style></head>` +
    `<body><h1>${title}</h1>${body}</body></html>`
  );
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}
