/**
 * Keeps a Connect JSON request's bytes as they pass, so that an error can name the path of each field that is wrong:
 * connect-es names only the last step of it.
 */
import { gunzipSync } from "node:zlib";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { jsonViolations } from "../contract/json-request.ts";
import type { FieldViolation } from "../domain/errors.ts";

export interface JsonCopy {
  pass(chunk: Uint8Array): void;
  /** Fields that do not parse; none where the body is no JSON at all. */
  violations(desc: DescMessage): readonly FieldViolation[];
}

/** @param encoding value of content-encoding */
export function createJsonCopy(encoding: string | null, maxBytes: number): JsonCopy {
  const chunks: Uint8Array[] = [];
  return {
    pass: (chunk) => chunks.push(chunk),
    violations: (desc) => {
      try {
        const sent = Buffer.concat(chunks);
        const bytes = encoding === "gzip" ? gunzipSync(sent, { maxOutputLength: maxBytes }) : sent;
        return jsonViolations(desc, JSON.parse(bytes.toString("utf8")) as JsonValue);
      } catch {
        return [];
      }
    },
  };
}
