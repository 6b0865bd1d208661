/**
 * The visibility token: which records of which log a query must see. Layout before base64url: format (1 byte), HMAC of
 * the rest (16 bytes, SHA-256 cut), then project, log id and one position for each partition touched, as varints and
 * length-prefixed text.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { WeirError } from "../domain/errors.ts";

const format = 1;
const macBytes = 16;
/** Longest token that is looked at: 1,024 partitions of 11 bytes fit. */
const maxTokenLength = 32_768;

/** For each partition touched, the offset after the last record that must be visible. */
export type Positions = ReadonlyMap<number, number>;

export interface TokenCodec {
  encode(project: string, positions: Positions): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(token: string, project: string): Positions;
}

export function createTokenCodec(secret: Uint8Array, logId: string): TokenCodec {
  const mac = (body: Uint8Array) =>
    createHmac("sha256", secret).update("visibility").update(body).digest().subarray(0, macBytes);
  return {
    encode(project, positions) {
      const bytes: number[] = [];
      pushText(bytes, project);
      pushText(bytes, logId);
      for (const [partition, offset] of positions) {
        pushVarint(bytes, partition);
        pushVarint(bytes, offset);
      }
      const body = Uint8Array.from(bytes);
      return Buffer.concat([Uint8Array.of(format), mac(body), body]).toString("base64url");
    },
    decode(token, project) {
      if (token.length > maxTokenLength) throw invalid("it is too long");
      const bytes = Buffer.from(token, "base64url");
      if (bytes.length < 1 + macBytes + 2 || bytes[0] !== format)
        throw invalid("it is none that this server made");
      const body = bytes.subarray(1 + macBytes);
      if (!timingSafeEqual(mac(body), bytes.subarray(1, 1 + macBytes))) {
        throw invalid("it is none that this server made, or was changed");
      }
      const reader = createReader(body);
      if (reader.text() !== project) throw invalid("it belongs to another project");
      if (reader.text() !== logId) throw invalid("it belongs to another log, such as one before a restore");
      const positions = new Map<number, number>();
      while (!reader.atEnd()) positions.set(reader.varint(), reader.varint());
      return positions;
    },
  };
}

function invalid(why: string): WeirError {
  return new WeirError("INVALID_ARGUMENT", "INVALID_TOKEN", `min_visibility: ${why}`, {
    violations: [{ field: "min_visibility", ruleId: "token", message: why }],
  });
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

function pushText(bytes: number[], text: string): void {
  const encoded = Buffer.from(text);
  pushVarint(bytes, encoded.length);
  bytes.push(...encoded);
}

/** Reads what the codec wrote; its MAC was checked before. */
function createReader(bytes: Buffer) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  return {
    varint,
    text() {
      const length = varint();
      at += length;
      return bytes.toString("utf8", at - length, at);
    },
    atEnd: () => at >= bytes.length,
  };
}
