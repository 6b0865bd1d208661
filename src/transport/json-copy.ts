/**
 * Keeps a Connect JSON request's bytes as they pass, so that an error can name the path of each field that is wrong:
 * connect-es names only the last step of it.
 */
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { jsonViolations } from "../contract/json-request.ts";
import type { FieldViolation } from "../domain/errors.ts";

export interface JsonCopy {
  pass(chunk: Uint8Array): void;
  /** Fields that do not parse; none where the body is no JSON at all. */
  violations(desc: DescMessage): readonly FieldViolation[];
}

export function createJsonCopy(): JsonCopy {
  const chunks: Uint8Array[] = [];
  return {
    pass: (chunk) => chunks.push(chunk),
    violations: (desc) => {
      try {
        return jsonViolations(desc, JSON.parse(Buffer.concat(chunks).toString("utf8")) as JsonValue);
      } catch {
        return [];
      }
    },
  };
}
