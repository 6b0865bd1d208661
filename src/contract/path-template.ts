/**
 * Path templates of google.api.http: literals, `*`, `**`, `{field}`, `{field=segments}` and a verb after a colon.
 * A segment is decoded after matching, so an encoded slash belongs to its value.
 */

/** One step of a path: a literal, one segment, or all that are left. */
export type Segment = { readonly literal: string } | "*" | "**";

export interface Variable {
  /** Path of the request field, with dots where nested. */
  readonly field: string;
  /** Indexes of its segments, the end exclusive; with `**` it takes all that are left. */
  readonly start: number;
  readonly end: number;
  /** Whether it may hold several segments; slashes between them are part of its value. */
  readonly multi: boolean;
}

export interface PathTemplate {
  readonly source: string;
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  /** What follows the colon after the last segment; empty: nothing does. */
  readonly verb: string;
}

/** @throws Error where the template is none, a defect of the contract */
export function parsePathTemplate(source: string): PathTemplate {
  if (!source.startsWith("/")) throw new Error(`${source}: a path template starts with a slash`);
  const segments: Segment[] = [];
  const variables: Variable[] = [];
  const [path, verb] = splitVerb(source.slice(1));
  for (const part of splitSegments(path)) {
    const variable = /^\{([a-z0-9_.]+)(?:=(.+))?\}$/.exec(part);
    if (variable === null) {
      segments.push(parseSegment(part, source));
      continue;
    }
    const inner = (variable[2] ?? "*").split("/").map((segment) => parseSegment(segment, source));
    const start = segments.length;
    segments.push(...inner);
    const multi = inner.length > 1 || inner[0] === "**";
    variables.push({ field: variable[1]!, start, end: segments.length, multi });
  }
  if (segments.slice(0, -1).includes("**")) throw new Error(`${source}: ** stands only at the end`);
  return { source, segments, variables, verb };
}

function splitVerb(path: string): [path: string, verb: string] {
  const match = /^(.*):([^/{}:]+)$/.exec(path);
  return match ? [match[1]!, match[2]!] : [path, ""];
}

/** Slashes inside braces do not separate. */
function splitSegments(path: string): string[] {
  return path.match(/(?:\{[^}]*\}|[^/])+/g) ?? [];
}

function parseSegment(text: string, source: string): Segment {
  if (text === "*" || text === "**") return text;
  if (/[{}*=]/.test(text) || text === "") throw new Error(`${source}: ${text} is no segment`);
  return { literal: text };
}

/** Values of a template's variables, in the order of the template, from the segments of a path as it was sent. */
export function bindVariables(
  template: PathTemplate,
  sent: readonly string[],
): { field: string; value: string }[] | undefined {
  const values: { field: string; value: string }[] = [];
  for (const { field, start, end, multi } of template.variables) {
    const until = template.segments[end - 1] === "**" ? sent.length : end;
    const parts = sent.slice(start, until).map((segment) => decodeSegment(segment, multi));
    if (parts.includes(undefined)) return undefined;
    values.push({ field, value: parts.join("/") });
  }
  return values;
}

/** Undefined where the percent-encoding is broken. In a variable of several segments an encoded slash stays encoded. */
function decodeSegment(segment: string, keepSlashes: boolean): string | undefined {
  try {
    if (!keepSlashes) return decodeURIComponent(segment);
    return segment
      .split(/(%2f)/i)
      .map((part) => (/^%2f$/i.test(part) ? part : decodeURIComponent(part)))
      .join("");
  } catch {
    return undefined;
  }
}
