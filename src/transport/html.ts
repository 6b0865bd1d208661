/** The port's HTML. */

const links: readonly (readonly [path: string, what: string])[] = [
  ["/docs", "API reference"],
  ["/openapi.json", "API as an OpenAPI document"],
  ["/health", "Health of the parts"],
  ["/ready", "Whether calls are answered"],
];

/** Refused to a browser where keys are required, since it sends none. */
const linksWithKey: typeof links = [
  ["/v1/analytics/summary", "Summary of all events"],
  ["/stats", "Figures of the parts"],
  ["/lag", "Lag of the consumer"],
  ["/metrics", "Metrics for Prometheus"],
];

const style =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  "code{background:#8882;padding:.1em .3em;border-radius:.2em}table{border-collapse:collapse}" +
  "td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}section{margin:1.5rem 0}body{overflow-wrap:break-word}td+td code{overflow-wrap:anywhere}:root{color-scheme:light dark}" +
  "@media(max-width:40rem){table,tbody,tr,td{display:block}ul{padding-left:1rem}tr{padding:.3rem 0}td{padding:0}}";

const list = (of: typeof links) =>
  `<ul>${of.map(([path, what]) => `<li><a href="${path}">${path}</a>: ${what}</li>`).join("")}</ul>`;

/** The index of an address where no key is asked for. @param paths what is served there */
export function openIndexPage(version: string, paths: readonly string[]): string {
  const served = [...links, ...linksWithKey].filter(([path]) => paths.includes(path));
  return htmlPage("Weir", `<p>Event analytics, version ${escapeHtml(version)}.</p>${list(served)}`);
}

/** @param lag whether this process serves /lag */
export function indexPage(version: string, lag: boolean): string {
  const withKey = linksWithKey.filter(([path]) => lag || path !== "/lag");
  return htmlPage(
    "Weir",
    `<p>Event analytics, version ${escapeHtml(version)}.</p>${list(links)}` +
      `<p>Where keys are required, these want one in the header x-api-key:</p>${list(withKey)}`,
  );
}

/** A page that asks for nothing else. @param body as HTML */
export function htmlPage(title: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${style}</style></head>` +
    `<body><h1>${title}</h1>${body}</body></html>`
  );
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}
