/** The table of access: a column for each kind of key, and what each method answers to it. */
import type { DescMethod } from "@bufbuild/protobuf";
import { type ScopeName, scopeNames, scopeOfName } from "../../src/auth/scopes.ts";
import { isPlanned, restOptionsOf, Scope, scopeOf } from "../../src/contract/options.ts";
import type { RawAnswer, RawRequest } from "./http.ts";
import { callsOf, type MethodCall } from "./method-calls.ts";
import { bindingsOf } from "./rest-request.ts";
import { rest } from "./wires.ts";

/** Code and reason of an error, or OK. */
export type Outcome =
  | "OK"
  | "Unauthenticated NO_KEY"
  | "Unauthenticated UNKNOWN_KEY"
  | "Unauthenticated EXPIRED_KEY"
  | "Unauthenticated REVOKED_KEY"
  | "PermissionDenied INSUFFICIENT_SCOPE"
  | "NotFound NOT_FOUND"
  | "InvalidArgument INVALID_TOKEN"
  | "Unimplemented NOT_YET_BUILT";

/** Where HTTP's status tells the code: everywhere but in protocols that put each message in an envelope. */
const statuses: Readonly<Record<string, number>> = {
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  InvalidArgument: 400,
  Unimplemented: 501,
};

/** The keys of a project: one for each scope alone, and one for each set of all the others. */
export type ProjectKeys = Readonly<Record<ScopeName | `all but ${ScopeName}`, string>>;

export interface Keys {
  /** Whose things the requests name. */
  readonly first: ProjectKeys;
  readonly second: ProjectKeys;
  readonly wrong: string;
  /** Of the first project, with all scopes. */
  readonly expired: string;
  readonly revoked: string;
}

/** What the first project has, which requests name in their fields of these names. */
export type Named = Readonly<Record<string, unknown>>;

export interface Column {
  readonly name: string;
  /** Undefined where the column does not apply to the method. */
  expected(method: DescMethod): Outcome | undefined;
  /** The request as it is sent with the column's key. */
  withKey(request: RawRequest, method: DescMethod, keys: Keys): RawRequest;
  /** Of what the first project has, the fields that requests name. */
  readonly names: readonly string[];
}

const own = (method: DescMethod): ScopeName =>
  scopeNames.find((name) => scopeOfName(name) === scopeOf(method)) ?? "query";
const by =
  (header: "x-api-key" | "authorization", key: (keys: Keys, method: DescMethod) => string) =>
  (request: RawRequest, method: DescMethod, keys: Keys): RawRequest => {
    const secret = key(keys, method);
    const value = header === "x-api-key" ? secret : `Bearer ${secret}`;
    return { ...request, headers: { ...request.headers, [header]: value } };
  };
/** What a key in order is answered; the scope OPEN needs none. */
const right = (method: DescMethod): Outcome => (isPlanned(method) ? "Unimplemented NOT_YET_BUILT" : "OK");
const unless =
  (outcome: Outcome): Column["expected"] =>
  (method) =>
    scopeOf(method) === Scope.OPEN ? right(method) : outcome;
/** A method whose route names a thing in its path is about that thing, which only its own project has. */
const namesThing = (method: DescMethod) =>
  bindingsOf(method).some(({ template }) => template.variables.length > 0);
const takesToken = ({ input }: DescMethod) => input.fields.some(({ name }) => name === "min_visibility");

const things = ["userId", "keyId", "deletionId", "deadLetterIds"];

export const refusals: readonly Column[] = [
  {
    name: "no key",
    expected: unless("Unauthenticated NO_KEY"),
    withKey: (request) => request,
    names: things,
  },
  {
    name: "wrong key",
    expected: unless("Unauthenticated UNKNOWN_KEY"),
    withKey: by("x-api-key", ({ wrong }) => wrong),
    names: things,
  },
  {
    name: "wrong scope",
    expected: (method) =>
      scopeOf(method) === Scope.ANY || scopeOf(method) === Scope.OPEN
        ? undefined
        : "PermissionDenied INSUFFICIENT_SCOPE",
    withKey: by("x-api-key", ({ first }, method) => first[`all but ${own(method)}`]),
    names: things,
  },
  {
    name: "expired",
    expected: unless("Unauthenticated EXPIRED_KEY"),
    withKey: by("x-api-key", ({ expired }) => expired),
    names: things,
  },
  {
    name: "revoked",
    expected: unless("Unauthenticated REVOKED_KEY"),
    withKey: by("x-api-key", ({ revoked }) => revoked),
    names: things,
  },
];

const ofSecond = by("x-api-key", ({ second }, method) => second[own(method)]);

export const others: readonly Column[] = [
  {
    name: "other project",
    expected: (method) => (namesThing(method) && !isPlanned(method) ? "NotFound NOT_FOUND" : right(method)),
    withKey: ofSecond,
    names: things,
  },
  {
    name: "other project, with a token of the first",
    expected: (method) => (takesToken(method) ? "InvalidArgument INVALID_TOKEN" : undefined),
    withKey: ofSecond,
    names: ["minVisibility"],
  },
];

export const rights: readonly Column[] = (["x-api-key", "authorization"] as const).map((header) => ({
  name: `right, as ${header}`,
  expected: right,
  withKey: by(header, ({ first }, method) => first[own(method)]),
  names: [...things, "minVisibility"],
}));

export interface Cell extends MethodCall {
  readonly column: string;
  readonly method: DescMethod;
  readonly expected: Outcome;
}

/** The cells of one method in one column, a call each. */
export function cellsOf(column: Column, method: DescMethod, keys: Keys, named: Named): Cell[] {
  const expected = column.expected(method);
  if (expected === undefined) return [];
  const fields = method.input.fields
    .map(({ localName }) => localName)
    .filter((name) => column.names.includes(name));
  const more = Object.fromEntries(fields.map((name) => [name, named[name]]));
  return callsOf(method, more).map((call) => ({
    ...call,
    request: column.withKey(call.request, method, keys),
    column: column.name,
    method,
    expected,
  }));
}

/** What an answer comes to, in the words of the table; with its HTTP status where that does not fit. */
export function outcomeOf({ wire, method }: Cell, answer: RawAnswer): string {
  const bare = wire === rest && restOptionsOf(method).bodyField !== "";
  if (bare && answer.status === 200) return "OK";
  try {
    wire.message(method, answer);
    return "OK";
  } catch {
    const { code, reason, status } = wire.failure(answer);
    const fits = status === (wire.framed ? 200 : statuses[code]);
    return `${code} ${reason}${fits ? "" : `, by HTTP status ${status}`}`;
  }
}
