import type { AnyDesc } from "@bufbuild/protobuf";
import { comments } from "../../gen/comments.js";

/** What the contract says of a service, method, message, field or enum; empty where it says nothing. */
export function commentOf(desc: Exclude<AnyDesc, { kind: "file" }>): string {
  return comments.get(nameOf(desc)) ?? "";
}

function nameOf(desc: Exclude<AnyDesc, { kind: "file" }>): string {
  switch (desc.kind) {
    case "rpc":
    case "field":
    case "oneof":
    case "enum_value":
      return `${desc.parent.typeName}.${desc.name}`;
    default:
      return desc.typeName;
  }
}
