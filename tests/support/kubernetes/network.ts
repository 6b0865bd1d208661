/** What policies say of the ways out that a configuration needs. */
import type { Config } from "../../../src/config/config.ts";
import { logPlace } from "../../../src/config/log-url.ts";
import { storePlace } from "../../../src/config/store-url.ts";
import { parseAddress } from "../../../src/domain/address.ts";
import { parseUrl } from "../../../src/store/clickhouse/url.ts";
import { ofKind, type Resource } from "../kubernetes.ts";

interface Egress {
  readonly to?: readonly Resource[];
  readonly ports?: readonly { readonly port: number }[];
}

/** Addresses, `host:port`, of the brokers and the ClickHouse. */
export function targetsOf(config: Config): string[] {
  const log = logPlace(config);
  const store = storePlace(config);
  return [
    ...(log.kind === "kafka" ? log.brokers : []),
    ...(store.kind === "clickhouse" ? [new URL(parseUrl(store.url).server).host] : []),
  ];
}

/**
 * The rules of all policies by which an address is reached: by its namespace where it is a service's name in the cluster,
 * else by a rule for addresses outside.
 */
export function lettingOut(resources: readonly Resource[], target: string): Egress[] {
  const { host, port } = parseAddress(target)!;
  const namespace = /^[^.]+\.([^.]+)\.svc\.cluster\.local$/.exec(host)?.[1];
  const leadsThere = (to: Resource) =>
    namespace === undefined
      ? to.ipBlock !== undefined
      : to.namespaceSelector?.matchLabels["kubernetes.io/metadata.name"] === namespace;
  return ofKind(resources, "NetworkPolicy")
    .flatMap(({ spec }) => (spec.egress ?? []) as Egress[])
    .filter(({ to, ports }) => ports?.some((open) => open.port === port) && (to ?? []).some(leadsThere));
}
