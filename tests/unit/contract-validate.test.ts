import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type Message,
} from "@bufbuild/protobuf";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, test } from "vitest";
import {
  CreateApiKeyRequestSchema,
  CreateBackupRequestSchema,
  CreateProjectRequestSchema,
} from "../../gen/analytics/v1/admin_pb.js";
import { GetTimeSeriesRequestSchema } from "../../gen/analytics/v1/analytics_series_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { Scope } from "../../gen/analytics/v1/options_pb.js";
import { expectationOf } from "../../src/contract/options.ts";
import { contractRegistry } from "../../src/contract/registry.ts";
import { validate } from "../../src/contract/validate.ts";

describe("a rule that is broken says in words what is wanted", () => {
  test.each<[string, DescMessage, Message, string, RegExp]>([
    [
      "id",
      EventSchema,
      create(EventSchema, { id: "a\nb", userId: "u" }),
      "string.pattern",
      /control characters/,
    ],
    [
      "transaction_event.currency",
      EventSchema,
      create(EventSchema, {
        userId: "u",
        payload: { case: "transactionEvent", value: { currency: "EURO" } },
      }),
      "string.pattern",
      /^must be three letters, such as EUR$/,
    ],
    [
      "time_zone",
      GetTimeSeriesRequestSchema,
      create(GetTimeSeriesRequestSchema, { timeZone: "+01:00" }),
      "string.pattern",
      /IANA time zone, such as Europe\/Berlin/,
    ],
    [
      "metric",
      GetTimeSeriesRequestSchema,
      create(GetTimeSeriesRequestSchema, { metric: "amount" }),
      "string.pattern",
      /events, unique_users, sessions, or sum, .* of a measure, such as sum\(amount\)/,
    ],
    [
      "allowed_origins[1]",
      CreateApiKeyRequestSchema,
      create(CreateApiKeyRequestSchema, {
        name: "n",
        scopes: [Scope.INGEST],
        allowedOrigins: ["*", "shop.example"],
      }),
      "string.pattern",
      /https:\/\/shop\.example, or \*/,
    ],
    [
      "scopes[0]",
      CreateApiKeyRequestSchema,
      create(CreateApiKeyRequestSchema, { name: "n", scopes: [Scope.ANY] }),
      "enum.in",
      /SCOPE_INGEST/,
    ],
    [
      "project_id",
      CreateProjectRequestSchema,
      create(CreateProjectRequestSchema, { projectId: "Shop" }),
      "string.pattern",
      /beginning with a letter/,
    ],
    [
      "name",
      CreateBackupRequestSchema,
      create(CreateBackupRequestSchema, { name: "../x" }),
      "string.pattern",
      /not beginning with a dot/,
    ],
  ])("%s of %s", (field, desc, message, ruleId, words) => {
    expect(validate(desc, message)).toEqual([{ field, ruleId, message: expect.stringMatching(words) }]);
  });

  test("wherever the contract has a pattern or a list of values", () => {
    const wordless = [...contractRegistry]
      .flatMap((type) => (type.kind === "message" ? type.fields : []))
      .filter((field) => needsWords(field) && expectationOf(field) === "");
    expect(wordless.map(String)).toEqual([]);
  });
});

function needsWords(field: DescField): boolean {
  if (!hasOption(field, fieldRules)) return false;
  const { type } = getOption(field, fieldRules);
  const parts =
    type.case === "repeated"
      ? [type.value.items?.type]
      : type.case === "map"
        ? [type.value.keys?.type, type.value.values?.type]
        : [type];
  return parts.some((rules) =>
    rules?.case === "string"
      ? rules.value.pattern !== ""
      : rules?.case === "enum" && rules.value.in.length > 0,
  );
}
