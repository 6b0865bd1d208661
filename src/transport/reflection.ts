/** Server reflection (grpc.reflection v1 and v1alpha), from which grpcurl and buf curl learn the contract. */
import {
  type DescExtension,
  type DescFile,
  type DescService,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { bindService, type ServiceBinding } from "../domain/call.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** @param services those to list; the reflection services list themselves too */
export function reflectionServices(services: readonly DescService[]): ServiceBinding[] {
  const listed = [...services, ServerReflection, ServerReflectionAlpha];
  // The details of errors are of types that no service names, and clients look them up to print them.
  const index = createIndex([...listed.map((service) => service.file), file_google_rpc_error_details]);
  const names = listed.map(({ typeName }) => ({ name: typeName }));
  async function* serverReflectionInfo(requests: AsyncIterable<ServerReflectionRequest>) {
    // A file is sent once on a stream, however many ask for it.
    const sent = new Set<DescFile>();
    for await (const request of requests) {
      const messageResponse = answer(request.messageRequest, index, names, sent);
      yield { validHost: request.host, originalRequest: request, messageResponse };
    }
  }
  return [
    bindService(ServerReflection, { serverReflectionInfo }),
    // v1alpha has the same messages under another package's name.
    bindService(ServerReflectionAlpha, { serverReflectionInfo: serverReflectionInfo as never }),
  ];
}

function answer(
  request: ServerReflectionRequest["messageRequest"],
  index: Index,
  names: { name: string }[],
  sent: Set<DescFile>,
): Answer {
  switch (request.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: names } };
    case "fileByFilename":
      return fileAnswer(index.byName.get(request.value), request.value, sent);
    case "fileContainingSymbol":
      return fileAnswer(index.bySymbol.get(request.value), request.value, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      const extension = index.extensions.get(containingType)?.get(extensionNumber);
      return fileAnswer(extension?.file, `${containingType} ${extensionNumber}`, sent);
    }
    case "allExtensionNumbersOfType": {
      const numbers = index.extensions.get(request.value);
      if (numbers === undefined && !index.bySymbol.has(request.value)) return notFound(request.value);
      const extensionNumber = [...(numbers?.keys() ?? [])];
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: request.value, extensionNumber },
      };
    }
    case undefined:
      return error(Code.InvalidArgument, "the request asks for nothing");
  }
}

/** The file, and what it imports, each before what imports it. */
function fileAnswer(file: DescFile | undefined, asked: string, sent: Set<DescFile>): Answer {
  if (file === undefined) return notFound(asked);
  const files = withDependencies(file, new Set()).filter((one) => one === file || !sent.has(one));
  for (const one of files) sent.add(one);
  const fileDescriptorProto = files.map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
  // Readers expect the file they asked for first.
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: fileDescriptorProto.reverse() } };
}

function withDependencies(file: DescFile, seen: Set<DescFile>): DescFile[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return [...file.dependencies.flatMap((dependency) => withDependencies(dependency, seen)), file];
}

function notFound(asked: string): Answer {
  return error(Code.NotFound, `${asked.slice(0, 200)} is not known here`);
}

function error(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

interface Index {
  readonly byName: ReadonlyMap<string, DescFile>;
  /** Messages, enums, services, extensions, methods and fields by full name. */
  readonly bySymbol: ReadonlyMap<string, DescFile>;
  /** Extensions by the type that they extend, and their number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescExtension>>;
}

function createIndex(roots: readonly DescFile[]): Index {
  const seen = new Set<DescFile>();
  const files = roots.flatMap((file) => withDependencies(file, seen));
  const bySymbol = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescExtension>>();
  for (const file of files) {
    for (const type of nestedTypes(file)) {
      bySymbol.set(type.typeName, file);
      if (type.kind === "service") {
        for (const method of type.methods) bySymbol.set(`${type.typeName}.${method.name}`, file);
      } else if (type.kind === "message") {
        for (const field of type.fields) bySymbol.set(`${type.typeName}.${field.name}`, file);
      } else if (type.kind === "extension") {
        const extended = extensions.get(type.extendee.typeName) ?? new Map<number, DescExtension>();
        extensions.set(type.extendee.typeName, extended.set(type.number, type));
      }
    }
  }
  return { byName: new Map(files.map((file) => [file.proto.name, file])), bySymbol, extensions };
}
