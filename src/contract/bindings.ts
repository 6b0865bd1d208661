/** The REST routes of the contract: google.api.http rules as bindings, and a matcher from a request to its binding. */
import type { DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import type { HttpRule } from "../../gen/google/api/http_pb.js";
import { httpRulesOf } from "./options.ts";
import { bindVariables, type PathTemplate, parsePathTemplate, type Segment } from "./path-template.ts";

/** One route: how an HTTP request becomes a request message. */
export interface RestBinding {
  readonly method: DescMethod;
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** The field that the body is; `*`: the body is the whole request but for path variables; undefined: no body. */
  readonly body: "*" | DescField | undefined;
  /** Name of the response field that is the answer; empty: the whole response. */
  readonly responseBody: string;
}

/** @throws Error where a rule names a field that is not there, a defect of the contract */
export function restBindings(services: readonly DescService[]): readonly RestBinding[] {
  return services.flatMap((service) =>
    service.methods.flatMap((method) => httpRulesOf(method).map((rule) => toBinding(method, rule))),
  );
}

function toBinding(method: DescMethod, rule: HttpRule): RestBinding {
  const { case: verb, value } = rule.pattern;
  if (verb === undefined) throw new Error(`${method.name} has a google.api.http rule without a pattern`);
  const [httpMethod, path] = verb === "custom" ? [value.kind, value.path] : [verb.toUpperCase(), value];
  const template = parsePathTemplate(path);
  for (const { field } of template.variables) fieldAt(method.input, field);
  const body =
    rule.body === "" || rule.body === "*" ? rule.body || undefined : fieldAt(method.input, rule.body);
  return { method, httpMethod, template, body: body as RestBinding["body"], responseBody: rule.responseBody };
}

/** The field that a path with dots names, by proto names. */
export function fieldAt(message: DescMessage, path: string): DescField {
  const [name, ...rest] = path.split(".");
  const field = message.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${message.typeName} has no field ${path}`);
  if (rest.length === 0) return field;
  if (field.fieldKind !== "message") throw new Error(`${message.typeName}.${name} has no fields`);
  return fieldAt(field.message, rest.join("."));
}

export type RouteMatch =
  | {
      readonly kind: "match";
      readonly binding: RestBinding;
      readonly variables: readonly { readonly field: string; readonly value: string }[];
    }
  /** The path is served, but by other HTTP methods. */
  | { readonly kind: "method-not-allowed"; readonly allowed: readonly string[] }
  /** The path matches, but its percent-encoding is broken. */
  | { readonly kind: "malformed" }
  | { readonly kind: "none" };

export type RouteMatcher = (httpMethod: string, path: string) => RouteMatch;

interface Node {
  readonly literals: Map<string, Node>;
  any?: Node;
  /** Bindings that end here, by verb. */
  readonly ends: RestBinding[];
  /** Bindings whose last segment is `**`. */
  readonly rests: RestBinding[];
}

/** Literals win over wildcards, so /v1/events/batch is never /v1/events/{id}. HEAD matches what GET does. */
export function createRouteMatcher(bindings: readonly RestBinding[]): RouteMatcher {
  const root = newNode();
  for (const binding of bindings) insert(root, binding.template.segments, binding);
  return (httpMethod, path) => {
    const sent = path.slice(1).split("/");
    const found: RestBinding[] = [];
    collect(root, sent, 0, found);
    const verb = httpMethod === "HEAD" ? "GET" : httpMethod;
    const binding = found.find((candidate) => candidate.httpMethod === verb);
    if (binding === undefined) {
      if (found.length === 0) return { kind: "none" };
      return { kind: "method-not-allowed", allowed: allowedMethods(found) };
    }
    const variables = bindVariables(binding.template, withoutVerb(sent, binding.template.verb));
    return variables === undefined ? { kind: "malformed" } : { kind: "match", binding, variables };
  };
}

function allowedMethods(bindings: readonly RestBinding[]): string[] {
  const methods = new Set(bindings.map((binding) => binding.httpMethod));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods, "OPTIONS"];
}

function newNode(): Node {
  return { literals: new Map(), ends: [], rests: [] };
}

function insert(node: Node, segments: readonly Segment[], binding: RestBinding): void {
  const [segment, ...rest] = segments;
  if (segment === undefined) {
    node.ends.push(binding);
  } else if (segment === "**") {
    node.rests.push(binding);
  } else if (segment === "*") {
    node.any ??= newNode();
    insert(node.any, rest, binding);
  } else {
    const next = node.literals.get(segment.literal) ?? newNode();
    node.literals.set(segment.literal, next);
    insert(next, rest, binding);
  }
}

/** Every binding that the path matches, the most literal first. */
function collect(node: Node, sent: readonly string[], at: number, found: RestBinding[]): void {
  if (at === sent.length) {
    found.push(...node.ends.filter((binding) => binding.template.verb === ""));
    return;
  }
  const segment = sent[at]!;
  const last = at === sent.length - 1;
  const literal = node.literals.get(segment);
  if (literal !== undefined) collect(literal, sent, at + 1, found);
  if (last) {
    const colon = segment.lastIndexOf(":");
    const named = colon < 0 ? undefined : node.literals.get(segment.slice(0, colon));
    if (named !== undefined) found.push(...named.ends.filter((binding) => verbMatches(binding, segment)));
    if (node.any !== undefined)
      found.push(...node.any.ends.filter((binding) => verbMatches(binding, segment)));
  }
  if (node.any !== undefined && segment !== "") collect(node.any, sent, at + 1, found);
  found.push(
    ...node.rests.filter((binding) => verbMatches(binding, sent.at(-1)!) || binding.template.verb === ""),
  );
}

function verbMatches(binding: RestBinding, segment: string): boolean {
  const verb = binding.template.verb;
  return verb !== "" && segment.endsWith(`:${verb}`);
}

function withoutVerb(sent: readonly string[], verb: string): readonly string[] {
  return verb === "" ? sent : [...sent.slice(0, -1), sent.at(-1)!.slice(0, -(verb.length + 1))];
}
