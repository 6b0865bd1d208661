/**
 * Requests whose events stay the bytes that were received.
 *
 * A field of type Event and one of type bytes are the same on the wire. For a method with rest.bytes_field this makes
 * a twin of its request type in which that field, which may stand in a message within it, has type bytes: decoding a
 * binary request by the twin slices the events out without decoding them, and the record on the log carries exactly what
 * the sender sent.
 */
import {
  clone,
  createFileRegistry,
  type DescFile,
  type DescMessage,
  type DescMethod,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { restOptionsOf } from "./options.ts";

/**
 * The method over a request with bytes in place of events, or undefined where it has no bytes_field. Its messages
 * carry the same type names as the contract's; the response type is the contract's own.
 */
export function rawMethod<M extends DescMethod>(method: M): M | undefined {
  const path = restOptionsOf(method).bytesField;
  return path === "" ? undefined : { ...method, input: rawMessage(method.input, path) };
}

function rawMessage(message: DescMessage, path: string): DescMessage {
  const file = message.file;
  const proto = clone(FileDescriptorProtoSchema, file.proto);
  makeBytes(proto, message, path.split("."));
  const twin = createFileRegistry(proto, dependencyOf(file)).getMessage(message.typeName);
  if (twin === undefined) throw new Error(`${message.typeName} is not at the top of its file`);
  return twin;
}

function makeBytes(proto: FileDescriptorProto, message: DescMessage, path: readonly string[]): void {
  const holder = path
    .slice(0, -1)
    .reduce<DescMessage | undefined>(
      (within, name) => within?.fields.find((field) => field.name === name)?.message,
      message,
    );
  const field = proto.messageType
    .find((candidate) => candidate.name === holder?.name)
    ?.field.find((candidate) => candidate.name === path.at(-1));
  if (field?.type !== FieldDescriptorProto_Type.MESSAGE) {
    throw new Error(
      `${path.join(".")} of ${message.typeName} is no field of messages, as its bytes_field option says`,
    );
  }
  field.type = FieldDescriptorProto_Type.BYTES;
  field.typeName = "";
}

/** The files that it imports stay the contract's own. */
function dependencyOf(file: DescFile): (name: string) => DescFile | undefined {
  const files = new Map(file.dependencies.map((dependency) => [dependency.proto.name, dependency]));
  return (name) => files.get(name);
}
