/** What a request speaks, told from its content type alone. */
import type { Protocol } from "../domain/call.ts";

export type Wire =
  | "grpc"
  | "grpc-web"
  | "grpc-web-text"
  /** One message as the whole body, or in the query of a GET. */
  | "connect"
  /** Enveloped messages. */
  | "connect-stream"
  | "rest";

export interface ContentType {
  readonly wire: Exclude<Wire, "rest">;
  /** Whether messages are binary protobuf; else they are JSON. */
  readonly binary: boolean;
}

const patterns: readonly [RegExp, ContentType["wire"]][] = [
  [/^application\/grpc(?:\+(proto|json))?$/, "grpc"],
  [/^application\/grpc-web(?:\+(proto|json))?$/, "grpc-web"],
  [/^application\/grpc-web-text(?:\+(proto))?$/, "grpc-web-text"],
  [/^application\/connect\+(proto|json)$/, "connect-stream"],
  [/^application\/(proto|json)$/, "connect"],
];

/** @returns undefined where the content type is none that a method takes */
export function parseContentType(header: string | undefined): ContentType | undefined {
  const type =
    header
      ?.toLowerCase()
      .replace(/;\s*charset="?utf-?8"?\s*$/, "")
      .trim() ?? "";
  for (const [pattern, wire] of patterns) {
    const match = pattern.exec(type);
    if (match !== null) return { wire, binary: match[1] !== "json" };
  }
  return undefined;
}

/** The charset that a content type names, in lower case; undefined where it names none. */
export function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*"?([^;"\s]*)/i.exec(contentType)?.[1]?.toLowerCase();
}

export function protocolOf(wire: Wire): Protocol {
  if (wire === "connect-stream") return "connect";
  return wire === "grpc-web-text" ? "grpc-web" : wire;
}
