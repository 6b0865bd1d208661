/**
 * The visibility token: which records of which log a query must see. It seals project, log id and one position for each
 * partition touched, as varints and length-prefixed text; an offset, which counts others' events too, by 8 bytes whatever it
 * is.
 */
import { createSeal, invalidToken } from "../domain/seal.ts";

const field = "min_visibility";
const offsetBytes = 8;

/** For each partition touched, the offset after the last record that must be visible. */
export type Positions = ReadonlyMap<number, number>;

export interface TokenCodec {
  encode(project: string, positions: Positions): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(token: string, project: string): Positions;
}

export function createTokenCodec(secret: Uint8Array, logId: string): TokenCodec {
  const refusal = "it is none that this server made, or was changed";
  const seal = createSeal({ secret, purpose: "visibility", field, refusal });
  return {
    encode(project, positions) {
      const bytes: number[] = [];
      pushText(bytes, project);
      pushText(bytes, logId);
      for (const [partition, offset] of positions) {
        pushVarint(bytes, partition);
        pushVarint(bytes, offset, offsetBytes);
      }
      return seal.close(Uint8Array.from(bytes), null);
    },
    decode(token, project) {
      const reader = createReader(seal.open(token, null));
      if (reader.text() !== project) throw invalidToken(field, "it belongs to another project");
      if (reader.text() !== logId) {
        throw invalidToken(field, "it belongs to another log, such as one before a restore");
      }
      const positions = new Map<number, number>();
      while (!reader.atEnd()) positions.set(reader.varint(), reader.varint());
      return positions;
    },
  };
}

/** @param length bytes that it has at least, the last of which may say nothing. Default 1 */
function pushVarint(bytes: number[], value: number, length = 1): void {
  let rest = value;
  for (let left = length; rest >= 0x80 || left > 1; left--) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function pushText(bytes: number[], text: string): void {
  const encoded = Buffer.from(text);
  pushVarint(bytes, encoded.length);
  bytes.push(...encoded);
}

/** Reads what the codec wrote; the seal was checked before. */
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
