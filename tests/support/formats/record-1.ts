/** analytics.v1.Record as it first was: project, received time, request and event, without what later fields say. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { OldEvent } from "./events.ts";

type RecordEvent = Omit<OldEvent, "partition" | "offset">;

export function encodeRecord1(event: RecordEvent, receivedMs: number): Buffer {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string("default");
  writeTime(writer, 2, receivedMs * 1000);
  writer.tag(3, WireType.LengthDelimited).string("request-1");
  writer.tag(4, WireType.LengthDelimited).bytes(encodeEvent(event));
  return Buffer.from(writer.finish());
}

function encodeEvent(event: RecordEvent): Uint8Array {
  const writer = new BinaryWriter();
  const texts = [
    [1, event.id],
    [2, event.userId],
    [3, event.sessionId],
    [5, event.name],
    [7, event.source],
  ] as const;
  for (const [field, text] of texts)
    if (text !== "") writer.tag(field, WireType.LengthDelimited).string(text);
  writeTime(writer, 6, event.timestampUs);
  for (const [key, value] of Object.entries(event.properties)) {
    writer.tag(8, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).string(value).join();
  }
  for (const [key, value] of Object.entries(event.measures)) {
    writer.tag(9, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.Bit64).double(value).join();
  }
  return writer.finish();
}

function writeTime(writer: BinaryWriter, field: number, us: number): void {
  const seconds = Math.floor(us / 1e6);
  writer.tag(field, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int64(seconds);
  const nanos = (us - seconds * 1e6) * 1000;
  if (nanos > 0) writer.tag(2, WireType.Varint).int32(nanos);
  writer.join();
}
