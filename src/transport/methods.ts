/** The methods that the port serves: the contract's and the port's own, each with all that its descriptor says. */
import type { DescMethod } from "@bufbuild/protobuf";
import { isPlanned, restOptionsOf, type Scope, scopeOf } from "../contract/options.ts";
import { rawMethod } from "../contract/raw.ts";
import type { Call, ServiceBinding } from "../domain/call.ts";

/** Any of the four kinds of implementation; calls.ts tells them apart by the method's kind. */
export type AnyImplementation = (request: never, call: Call) => unknown;

export interface MountedMethod {
  readonly desc: DescMethod;
  /** Full name, such as analytics.v1.ProducerService/SendEvent. */
  readonly name: string;
  /** Path of its calls by Connect, gRPC and gRPC-Web. */
  readonly path: string;
  readonly scope: Scope;
  /** Over a request whose events are the bytes that were received, for binary calls. */
  readonly raw: DescMethod | undefined;
  /** Whether POST with content type text/plain is taken over REST. */
  readonly plainText: boolean;
  /** Undefined where this process does not answer the method. */
  readonly implementation: AnyImplementation | undefined;
  readonly planned: boolean;
}

/** @param scope in place of what the descriptors say, for services of other packages */
export function mountMethods(binding: ServiceBinding, scope?: Scope): MountedMethod[] {
  const implementations = binding.implementation as Record<string, AnyImplementation | undefined>;
  return binding.service.methods.map((desc) => ({
    desc,
    name: `${desc.parent.typeName}/${desc.name}`,
    path: `/${desc.parent.typeName}/${desc.name}`,
    scope: scope ?? scopeOf(desc),
    raw: rawMethod(desc),
    plainText: restOptionsOf(desc).plainText,
    implementation: implementations[desc.localName]?.bind(implementations),
    planned: isPlanned(desc),
  }));
}

export function isUnary(method: MountedMethod): boolean {
  return method.desc.methodKind === "unary";
}
