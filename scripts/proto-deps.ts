/**
 * Fills .cache/proto with the .proto files that ours import, from installed npm packages, so that generation
 * works offline and none of their text stands in the repository. buf/validate's text is in no npm package: its
 * descriptor is, and is printed here.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, ".cache/proto");

const copies = {
  "google/api/annotations.proto": "google-proto-files/google/api/annotations.proto",
  "google/api/http.proto": "google-proto-files/google/api/http.proto",
  "google/rpc/error_details.proto": "google-proto-files/google/rpc/error_details.proto",
  "google/rpc/status.proto": "google-proto-files/google/rpc/status.proto",
  "grpc/reflection/v1/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto":
    "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
  "grpc/health/v1/health.proto": "grpc-health-check/proto/health/v1/health.proto",
};

rmSync(out, { recursive: true, force: true });
for (const [name, source] of Object.entries(copies)) {
  const target = join(out, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, "node_modules", source), target);
  // A file without a package statement of its own cannot be part of a module.
  if (!/^package /m.test(readFileSync(target, "utf8"))) throw new Error(`${name} has no package`);
}
const validate = join(out, "buf/validate/validate.proto");
mkdirSync(dirname(validate), { recursive: true });
writeFileSync(validate, printProto(file_buf_validate_validate));
