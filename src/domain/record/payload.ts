/**
 * What the typed payloads of an event become: properties and measures under documented names, and what they say of
 * the event's type and name.
 */
import {
  type CustomEvent,
  type Event,
  EventType,
  Severity,
  type SystemEvent,
  SystemEventType,
  type TransactionEvent,
  TransactionStatus,
  TransactionType,
  type UserEvent,
} from "../../../gen/analytics/v1/event_pb.js";

type Payload = Event["payload"];
type Properties = Record<string, string>;
type Measures = Record<string, number>;

/** An enum's values as text: lower case, without the enum's prefix; UNSPECIFIED and unknown numbers are absent. */
export function enumTexts(
  values: Readonly<Record<string | number, string | number>>,
): ReadonlyMap<number, string> {
  const texts = new Map<number, string>();
  for (const [name, number] of Object.entries(values)) {
    if (typeof number === "number" && number !== 0) texts.set(number, name.toLowerCase());
  }
  return texts;
}

const eventTypes = enumTexts(EventType);
/** What event_type may be: user, transaction, system, custom. */
export const eventTypeTexts: readonly string[] = [...eventTypes.values()];
const transactionTypes = enumTexts(TransactionType);
const transactionStatuses = enumTexts(TransactionStatus);
const systemTypes = enumTexts(SystemEventType);
const severities = enumTexts(Severity);

const payloadTypes = {
  userEvent: "user",
  transactionEvent: "transaction",
  systemEvent: "system",
  customEvent: "custom",
} as const;

/** The event's type in lower case: its own, else the payload's, else custom. */
export function eventTypeText(event: Event): string {
  const own = eventTypes.get(event.eventType);
  if (own !== undefined) return own;
  return event.payload.case === undefined ? "custom" : payloadTypes[event.payload.case];
}

/** The name that the payload gives; empty where it gives none. */
export function payloadName(payload: Payload): string {
  switch (payload.case) {
    case "userEvent":
      return payload.value.action ?? "";
    case "transactionEvent":
      return text(transactionTypes, payload.value.type) ?? "";
    case "systemEvent":
      return text(systemTypes, payload.value.type) ?? "";
    case "customEvent":
      return payload.value.name ?? "";
    default:
      return "";
  }
}

/** Puts the payload's pairs into the maps; of one name its scalar field wins over its map's entry. */
export function flattenPayload(payload: Payload, properties: Properties, measures: Measures): void {
  switch (payload.case) {
    case "userEvent":
      flattenUser(payload.value, properties);
      break;
    case "transactionEvent":
      flattenTransaction(payload.value, properties, measures);
      break;
    case "systemEvent":
      flattenSystem(payload.value, properties, measures);
      break;
    case "customEvent":
      flattenCustom(payload.value, properties, measures);
      break;
    default:
  }
}

function flattenUser(user: UserEvent, properties: Properties): void {
  putMap(properties, "user.", user.metadata);
  put(properties, "user.action", user.action);
  put(properties, "user.page_url", user.pageUrl);
  put(properties, "user.referrer", user.referrer);
  put(properties, "user.user_agent", user.userAgent);
  put(properties, "user.ip_address", user.ipAddress);
  const context = user.userContext;
  if (context === undefined) return;
  put(properties, "user.device_type", context.deviceType);
  put(properties, "user.browser", context.browser);
  put(properties, "user.os", context.os);
  put(properties, "user.country", context.country);
  put(properties, "user.city", context.city);
  put(
    properties,
    "user.is_new_user",
    context.isNewUser === undefined ? undefined : String(context.isNewUser),
  );
}

function flattenTransaction(transaction: TransactionEvent, properties: Properties, measures: Measures): void {
  const metadata = transaction.metadata;
  if (metadata !== undefined) {
    putMap(properties, "transaction.", metadata.customFields);
    put(properties, "transaction.merchant_id", metadata.merchantId);
    put(properties, "transaction.store_id", metadata.storeId);
    put(properties, "transaction.campaign_id", metadata.campaignId);
  }
  put(properties, "transaction.transaction_id", transaction.transactionId);
  put(properties, "transaction.type", text(transactionTypes, transaction.type));
  put(properties, "transaction.currency", transaction.currency?.toUpperCase());
  put(properties, "transaction.status", text(transactionStatuses, transaction.status));
  put(properties, "transaction.payment_method", transaction.paymentMethod);
  put(measures, "transaction.amount", transaction.amount);
}

function flattenSystem(system: SystemEvent, properties: Properties, measures: Measures): void {
  putMap(properties, "system.", system.tags);
  put(properties, "system.component", system.component);
  put(properties, "system.type", text(systemTypes, system.type));
  put(properties, "system.severity", text(severities, system.severity));
  put(properties, "system.message", system.message);
  const metrics = system.metrics;
  if (metrics === undefined) return;
  put(measures, "system.cpu_usage", metrics.cpuUsage);
  put(measures, "system.memory_usage", metrics.memoryUsage);
  put(measures, "system.disk_usage", metrics.diskUsage);
  put(
    measures,
    "system.active_connections",
    metrics.activeConnections === undefined ? undefined : Number(metrics.activeConnections),
  );
  put(measures, "system.response_time", metrics.responseTime);
}

function flattenCustom(custom: CustomEvent, properties: Properties, measures: Measures): void {
  putMap(properties, "custom.", custom.attributes);
  put(properties, "custom.name", custom.name);
  put(properties, "custom.category", custom.category);
  for (const metric of custom.metrics) measures[metric.name] = metric.value;
}

function text(texts: ReadonlyMap<number, string>, value: number | undefined): string | undefined {
  return value === undefined ? undefined : texts.get(value);
}

function put<T>(target: Record<string, T>, key: string, value: T | undefined): void {
  if (value !== undefined) target[key] = value;
}

function putMap(target: Properties, prefix: string, map: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(map)) target[prefix + key] = value;
}
