import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { FieldViolation } from "./errors.ts";
import type { EventRate } from "./event-rate.ts";
import type { Principal } from "./principal.ts";

/** Protocols of the port, as metrics and logs name them. */
export type Protocol = "connect" | "grpc" | "grpc-web" | "rest";

/** What a service knows of a call besides its request; the same for every protocol. */
export interface Call {
  readonly method: DescMethod;
  readonly protocol: Protocol;
  readonly principal: Principal;
  readonly requestId: string;
  /** W3C traceparent of the call's span; absent where it is not traced. */
  readonly trace?: string | undefined;
  /** Aborted when the caller goes away, the deadline passes or the server stops. */
  readonly signal: AbortSignal;
  /** When the answer must be there, in milliseconds of Date.now(); Infinity for streams without one. */
  readonly deadline: number;
  /**
   * Elements of the method's element_field that did not parse, by index. Their place in the request holds an empty
   * message, which the service must not take.
   */
  readonly unparsed: ReadonlyMap<number, FieldViolation>;
  /** What the caller may send; absent: all. */
  readonly events?: EventRate;
}

/** A service's methods over requests and a Call; transport mounts it on every protocol. */
export type ServiceImplementation<S extends DescService> = {
  [P in keyof S["method"]]: MethodImplementation<S["method"][P]>;
};

export type MethodImplementation<M extends DescMethod> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, call: Call) => Promise<MessageInitShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, call: Call) => AsyncIterable<MessageInitShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => Promise<MessageInitShape<O>>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => AsyncIterable<MessageInitShape<O>>
          : never;

/**
 * One service as app.ts hands it to transport. Methods may be left out only where the contract marks them `planned`:
 * transport answers those UNIMPLEMENTED, naming them.
 */
export interface ServiceBinding<S extends DescService = DescService> {
  readonly service: S;
  readonly implementation: Partial<ServiceImplementation<S>>;
  /** Whether other processes answer it, which each method says; probes are told that it is not served. Default false. */
  readonly elsewhere?: boolean;
}

/** Keeps the pair typed where it is made. */
export function bindService<S extends DescService>(
  service: S,
  implementation: Partial<ServiceImplementation<S>>,
): ServiceBinding {
  return { service, implementation } as unknown as ServiceBinding;
}
