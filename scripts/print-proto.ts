/**
 * Prints a proto2 or proto3 file's descriptor as .proto source: structure only (messages, enums, extensions,
 * numbers), without custom options, which the compiler of a file that imports it does not need.
 */
import type { DescEnum, DescExtension, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { Edition, FieldDescriptorProto_Label, FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";

export function printProto(file: DescFile): string {
  if (file.edition !== Edition.EDITION_PROTO2 && file.edition !== Edition.EDITION_PROTO3) {
    throw new Error(`${file.name}.proto uses an edition that is not printed here`);
  }
  const syntax = file.edition === Edition.EDITION_PROTO2 ? "proto2" : "proto3";
  const lines = [`syntax = "${syntax}";`, `package ${file.proto.package};`];
  for (const dependency of file.proto.dependency) lines.push(`import "${dependency}";`);
  for (const e of file.enums) lines.push(...printEnum(e));
  for (const m of file.messages) lines.push(...printMessage(m));
  for (const x of file.extensions) lines.push(...printExtension(x));
  return `${lines.join("\n")}\n`;
}

function printMessage(message: DescMessage): string[] {
  const inner: string[] = [];
  for (const range of message.proto.extensionRange) {
    inner.push(`extensions ${range.start} to ${range.end > 536870911 ? "max" : range.end - 1};`);
  }
  for (const e of message.nestedEnums) inner.push(...printEnum(e));
  for (const m of message.nestedMessages) inner.push(...printMessage(m));
  for (const field of message.fields)
    if (field.oneof === undefined) inner.push(printField(field, label(field)));
  for (const oneof of message.oneofs) {
    inner.push(`oneof ${oneof.name} {`, ...oneof.fields.map((field) => printField(field, "")), "}");
  }
  return [`message ${message.name} {`, ...inner, "}"];
}

function printEnum(e: DescEnum): string[] {
  const alias = e.proto.options?.allowAlias ? ["option allow_alias = true;"] : [];
  return [`enum ${e.name} {`, ...alias, ...e.values.map((v) => `${v.name} = ${v.number};`), "}"];
}

function printExtension(extension: DescExtension): string[] {
  return [`extend .${extension.extendee.typeName} {`, printField(extension, label(extension)), "}"];
}

function label(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") return "";
  if (field.proto.label === FieldDescriptorProto_Label.REPEATED) return "repeated ";
  if (field.proto.label === FieldDescriptorProto_Label.REQUIRED) return "required ";
  const proto3 =
    (field.kind === "extension" ? field.file : field.parent.file).edition === Edition.EDITION_PROTO3;
  return proto3 && !field.proto.proto3Optional ? "" : "optional ";
}

function printField(field: DescField | DescExtension, prefix: string): string {
  const type = field.fieldKind === "map" ? mapType(field) : typeName(field);
  return `${prefix}${type} ${field.name} = ${field.number};`;
}

function mapType(field: DescField & { fieldKind: "map" }): string {
  const value = field.message?.typeName ?? field.enum?.typeName;
  const [key, scalar] = [field.mapKey, field.scalar].map((t) =>
    t === undefined ? "" : String(FieldDescriptorProto_Type[t]).toLowerCase(),
  );
  return `map<${key}, ${value === undefined ? scalar : `.${value}`}>`;
}

function typeName(field: DescField | DescExtension): string {
  if (field.proto.typeName !== "") return field.proto.typeName;
  return String(FieldDescriptorProto_Type[field.proto.type]).toLowerCase();
}
