/** A visibility token as it first was sealed. */
import { createHash, createHmac } from "node:crypto";
import { oldLogId, oldSecrets } from "./events.ts";

/** @param positions of each partition the offset after the last record to be seen, both below 128 */
export function token1(positions: readonly (readonly [partition: number, offset: number])[]): string {
  const texts = ["default", oldLogId].map((text) =>
    Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]),
  );
  const body = Buffer.concat([...texts, Buffer.from(positions.flat())]);
  const context = createHash("sha256").update("null").digest();
  const mac = createHmac("sha256", oldSecrets.token)
    .update("visibility")
    .update(context)
    .update(body)
    .digest();
  return Buffer.concat([mac.subarray(0, 16), body]).toString("base64url");
}
