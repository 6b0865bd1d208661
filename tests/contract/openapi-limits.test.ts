/** The limits in /openapi.json are those of the contract's rules: they refuse nothing that the server takes. */
import {
  create,
  type DescField,
  type DescFile,
  type DescMessage,
  fromJson,
  getOption,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { FlatEventSchema } from "../../gen/analytics/v1/producer_pb.js";
import { openApiDocument } from "../../src/contract/openapi.ts";
import { contractRegistry, contractServices } from "../../src/contract/registry.ts";
import { validate } from "../../src/contract/validate.ts";
import { problems } from "../support/openapi-answers.ts";
import { madeBy, type OpenApi, type Schema } from "../support/openapi-requests.ts";

const document = openApiDocument({ services: contractServices, version: "0" }) as unknown as OpenApi;
const { schemas } = document.components;
const withDependencies = (file: DescFile): DescFile[] => [
  file,
  ...file.dependencies.flatMap(withDependencies),
];
const files = contractServices.flatMap(({ file }) => withDependencies(file));
const messages = new Map(files.flatMap((file) => file.messages).map((desc) => [desc.typeName, desc]));
const types = Object.keys(schemas).flatMap((name) => messages.get(name) ?? []);

const validator = createValidator();

type Bag = Message & Readonly<Record<string, Message | Message[]>>;

/** Events are left out of the rules of their request, since each gets a verdict of its own. */
function breaksRules(desc: DescMessage, message: Message): boolean {
  if (validate(desc, message).length > 0) return true;
  const field = desc.fields.find(({ name, message }) => /^events?$/.test(name) && message !== undefined);
  const events = field === undefined ? [] : [(message as Bag)[field.localName] ?? []].flat();
  return events.some((one) => validate(field!.message!, one).length > 0);
}

/** What is wrong by the schema; by other names than those of the proto a field is not declared, and yet taken. */
const wrong = (value: unknown, desc: DescMessage) =>
  [...problems(value, schemas[desc.typeName]!, document, "body")].filter(
    (problem) => !/which is not declared$/.test(problem),
  );

const stated = ({ required = [], anyOf = [] }: Schema) => [...required, ...(anyOf[0]?.required ?? [])].sort();

it("there are types to look at", () => {
  expect(types.length).toBeGreaterThan(80);
});

describe.each(types)("$typeName", (desc) => {
  it("requires what the rules refuse to miss, and nothing else", () => {
    const result = validator.validate(desc, create(desc));
    const missed = (result.violations ?? []).filter(
      ({ field }) => field.length === 1 && field[0]!.kind === "field",
    );
    const names = new Set(missed.map(({ field }) => (field[0] as DescField).name));
    expect(stated(schemas[desc.typeName]!)).toEqual([...names].sort());
  });

  it("refuses nothing that the rules take, by either name of a field", () => {
    const made = madeBy(schemas[desc.typeName]!, schemas, 4);
    fc.assert(
      fc.property(made, (json) => {
        const message = parsed(desc, json as JsonValue);
        if (message === undefined || breaksRules(desc, message)) return;
        const forms = [
          {},
          { useProtoFieldName: true },
          { useProtoFieldName: true, alwaysEmitImplicit: true },
        ];
        for (const form of forms) {
          const written = toJson(desc, message, { ...form, registry: contractRegistry });
          expect(wrong(written, desc), JSON.stringify(written)).toEqual([]);
        }
      }),
      { numRuns: 20, seed: 24 },
    );
  });
});

function parsed(desc: DescMessage, json: JsonValue): Message | undefined {
  try {
    return fromJson(desc, json, { registry: contractRegistry });
  } catch {
    return undefined;
  }
}

describe.each([EventSchema, FlatEventSchema])("$typeName", (desc) => {
  it.each([
    [{ user_id: "u" }, true],
    [{ userId: "u", sessionId: "s" }, true],
    [{ user_id: "u".repeat(256), id: "i".repeat(128) }, true],
    [{ user_id: "👤".repeat(256) }, true],
    [{ id: "x" }, false],
    [{ user_id: "" }, false],
    [{ user_id: "u".repeat(257) }, false],
    [{ user_id: "u", id: "i".repeat(129) }, false],
    [{ user_id: "u", id: "\u0007" }, false],
    [{ user_id: "u", source: "s".repeat(129) }, false],
  ])("%j: %s, as by the rules", (json, taken) => {
    expect(wrong(json, desc).length === 0).toBe(taken);
    expect(validate(desc, fromJson(desc, json)).length === 0).toBe(taken);
  });
});

it("a flat event has the rules of what becomes of it", () => {
  const rulesOf = (desc: DescMessage, name: string) =>
    getOption(desc.fields.find((field) => field.name === name)!, fieldRules);
  const becomes = {
    id: "id",
    user_id: "user_id",
    session_id: "session_id",
    event_type: "name",
    source: "source",
  };
  for (const [flat, event] of Object.entries(becomes))
    expect(rulesOf(FlatEventSchema, flat), flat).toEqual(rulesOf(EventSchema, event));
});

it("a body does not require what the path brings", () => {
  const revoke = document.paths["/v1/admin/keys/{key_id}/revoke"]!.post!;
  const { schema } = revoke.requestBody!.content["application/json"]!;
  expect([...problems({}, schema, document, "body")]).toEqual([]);
});
