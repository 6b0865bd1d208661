/** docs/GRPC_API.md: every service, method, message and enum of the contract, by its own comments. */
import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { commentOf } from "../src/contract/comments.ts";
import { httpRulesOf, isPlanned, Scope, scopeOf } from "../src/contract/options.ts";
import { contractServices } from "../src/contract/registry.ts";

export function grpcApi(): string[] {
  const types = reachable(contractServices);
  return [
    ...contractServices.flatMap(serviceLines),
    "## Messages and enums",
    "",
    ...types.flatMap((type) => (type.kind === "message" ? messageLines(type) : enumLines(type))),
  ].slice(0, -1);
}

function serviceLines(service: DescService): string[] {
  return [
    `## ${service.name}`,
    "",
    `\`${service.typeName}\`: ${commentOf(service)}`,
    "",
    ...service.methods.flatMap(methodLines),
  ];
}

function methodLines(method: DescMethod): string[] {
  const { clientStreaming, serverStreaming } = method.proto;
  const input = `${clientStreaming ? "stream " : ""}${link(method.input)}`;
  const output = `${serverStreaming ? "stream " : ""}${link(method.output)}`;
  const routes = httpRulesOf(method).map(
    ({ pattern }) => `\`${pattern.case?.toUpperCase()} ${String(pattern.value)}\``,
  );
  const facts = [
    `${input} → ${output}`,
    ...(routes.length > 0 ? [`REST: ${routes.join(", ")}`] : []),
    `scope: ${scopeText(scopeOf(method))}`,
    ...(isPlanned(method) ? ["answered by a later version"] : []),
  ];
  return [`### ${method.name}`, "", commentOf(method), "", ...facts.map((fact) => `- ${fact}`), ""];
}

function scopeText(scope: Scope): string {
  if (scope === Scope.OPEN) return "none, no key is needed";
  return scope === Scope.ANY ? "any key" : `\`${Scope[scope].toLowerCase()}\``;
}

function messageLines(message: DescMessage): string[] {
  const rows = message.fields.map((field) => {
    const oneof = field.oneof === undefined ? "" : ` (one of \`${field.oneof.name}\`)`;
    return `| \`${field.name}\` | ${fieldType(field)} | ${cell(commentOf(field))}${oneof} |`;
  });
  const table = rows.length === 0 ? ["No fields."] : ["| field | type | |", "|---|---|---|", ...rows];
  return [`### ${message.name}`, "", commentOf(message), "", ...table, ""];
}

function enumLines(desc: DescEnum): string[] {
  const rows = desc.values.map((value) => `| \`${value.name}\` | ${cell(commentOf(value))} |`);
  return [`### ${desc.name}`, "", commentOf(desc), "", "| value | |", "|---|---|", ...rows, ""];
}

function fieldType(field: DescField): string {
  if (field.fieldKind === "map")
    return `map<${scalarName(field.mapKey)}, ${singleType(field.message, field.enum, field.scalar)}>`;
  const single = singleType(field.message, field.enum, field.scalar);
  return field.fieldKind === "list" ? `repeated ${single}` : single;
}

function singleType(
  message: DescMessage | undefined,
  desc: DescEnum | undefined,
  scalar: ScalarType | undefined,
): string {
  if (message !== undefined) return link(message);
  return desc === undefined ? scalarName(scalar!) : link(desc);
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

function link(type: DescMessage | DescEnum): string {
  return isOwn(type) ? `[${type.name}](#${type.name.toLowerCase()})` : `\`${type.typeName}\``;
}

function isOwn({ typeName }: DescMessage | DescEnum): boolean {
  return typeName.startsWith("analytics.v1.");
}

const cell = (text: string) => text.replaceAll("|", "\\|");

/** Types of the contract that its methods speak of, by name. */
function reachable(services: readonly DescService[]): (DescMessage | DescEnum)[] {
  const found = new Map<string, DescMessage | DescEnum>();
  const take = (type: DescMessage | DescEnum | undefined): void => {
    if (type === undefined || !isOwn(type) || found.has(type.typeName)) return;
    found.set(type.typeName, type);
    if (type.kind === "message") for (const field of type.fields) take(field.message ?? field.enum);
  };
  for (const { methods } of services) for (const { input, output } of methods) [input, output].forEach(take);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
