export { defaultRetryPolicy, type RetryPolicy } from "./backoff.ts";
export type { RetryNotice } from "./calls.ts";
export { createWeirClientOver, type WeirClient, type WeirClientOptions } from "./client.ts";
export type { TokenGrant, TokenProvider } from "./credentials.ts";
export type { ClientEnvironment } from "./environment.ts";
export { errorReason } from "./failure.ts";
export * from "./messages.ts";
export { createUuid7, type Uuid7Source } from "./uuid7.ts";
